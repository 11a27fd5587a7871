package ruletest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"

	"clew/query/alert"
	"clew/query/alert/backtest"
	"clew/query/alert/memseries"
	"clew/query/alert/rulefile"
)

const rangeRules = `groups:
- name: g
  interval: 30s
  lang: logs
  rules:
  - {alert: All, expr: "", window: 5m, condition: ">= 0"}
  - {alert: Few, expr: boom, window: 2m, condition: "< 3"}
  - {alert: ByService, expr: severity>=warn, window: 90s, by: [service], condition: "> 2"}
  - {alert: Lately, expr: "time>now-70s AND severity>=warn", window: 5m, by: [service]}
  - {record: "two:fields", expr: "", window: 7m, by: [service, region]}
`

// A timeline, by a few questions, is what the questions of each time give.
func TestRangeIsVectorAtEachTime(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var lines strings.Builder
	for range 400 {
		region := ""
		if random.IntN(3) > 0 {
			region = fmt.Sprintf("region=r%d", random.IntN(2))
		}
		fmt.Fprintf(&lines, "@%v s%d %s %q %s\n", time.Duration(random.IntN(3600_000))*time.Millisecond, random.IntN(3), []string{"info", "warn", "error"}[random.IntN(3)], []string{"boom", "ok"}[random.IntN(2)], region)
	}
	var r records
	if err := r.addLogs(lines.String()); err != nil {
		t.Fatal(err)
	}
	answers := alert.Answers{Records: r.engine(), Metrics: memseries.New()}
	defer answers.Records.Close()
	f, problems := rulefile.Parse("f.yml", []byte(rangeRules))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	from, to := epoch.Add(3*time.Minute), epoch.Add(65*time.Minute)
	compared := 0
	for i := range f.Groups[0].Rules {
		rule := &f.Groups[0].Rules[i]
		timeline, err := answers.Range(t.Context(), "default", rule, from, to, 30*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		for ts := from; !ts.After(to); ts = ts.Add(30 * time.Second) {
			one, err := answers.Vector(t.Context(), "default", rule, ts)
			if err != nil {
				t.Fatal(err)
			}
			if have, want := text(timeline.At(ts)), text(one); have != want {
				t.Fatalf("%s at %v:\nby range %s\nby time  %s", rule.Name(), ts, have, want)
			}
			compared += len(one)
		}
	}
	if compared < 500 {
		t.Errorf("only %d values", compared)
	}
	results, err := backtest.Run(t.Context(), &answers, backtest.Request{File: f, From: from, To: to})
	if err != nil || len(results) != 5 {
		t.Fatalf("%v, %d results", err, len(results))
	}
	for _, r := range results {
		if r.Err != nil || r.LastError != nil || r.Evaluations != 125 {
			t.Errorf("%s: %d evaluations, %v %v", r.Rule.Name(), r.Evaluations, r.Err, r.LastError)
		}
	}
	if all := results[0]; all.Fired != 1 || !all.Firings[0].Alert.FiredAt.Equal(from) || !all.Firings[0].Alert.ResolvedAt.IsZero() || len(all.Firings[0].Alert.Examples) != 5 {
		t.Errorf("All: %+v", all)
	}
	if results[1].Fired == 0 || results[2].Fired == 0 || results[3].Fired == 0 || results[4].Series < 4 {
		t.Errorf("fired %d, %d and %d times, %d series", results[1].Fired, results[2].Fired, results[3].Fired, results[4].Series)
	}
}

func text(v promql.Vector) string {
	var out []string
	for _, s := range v {
		out = append(out, fmt.Sprint(s.Metric, s.F))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// Alerts that fire and end together are listed in the order of their labels.
func TestBacktestOrder(t *testing.T) {
	var lines strings.Builder
	for i := range 30 {
		fmt.Fprintf(&lines, "@%v s%02d info \"ok\"\n", []time.Duration{4 * time.Minute, 20 * time.Minute}[i%2], (i*7)%30)
	}
	var r records
	if err := r.addLogs(lines.String()); err != nil {
		t.Fatal(err)
	}
	answers := alert.Answers{Records: r.engine(), Metrics: memseries.New()}
	defer answers.Records.Close()
	f, problems := rulefile.Parse("f.yml", []byte(`groups:
- name: g
  interval: 1m
  lang: logs
  rules:
  - {alert: Any, expr: "", window: 5m, by: [service]}
`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	// Some have ended by then, and some still fire.
	results, err := backtest.Run(t.Context(), &answers, backtest.Request{File: f, From: epoch, To: epoch.Add(22 * time.Minute)})
	if err != nil || len(results) != 1 || len(results[0].Firings) != 30 {
		t.Fatalf("%v: %+v", err, results)
	}
	var have []string
	for _, f := range results[0].Firings {
		have = append(have, fmt.Sprintf("%s %s", f.Alert.FiredAt.Format(time.RFC3339), f.Alert.Labels))
	}
	if !slices.IsSorted(have) || have[0][:20] == have[29][:20] {
		t.Errorf("not in order:\n%s", strings.Join(have, "\n"))
	}
}
