package ruletest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"clew/query/alert"
	"clew/query/alert/backtest"
	"clew/query/alert/memseries"
	"clew/query/alert/rulefile"
)

// A rule on 100,000 log records of an hour: an evaluation of the last five minutes, and a backtest of all of them.
func BenchmarkLogRule(b *testing.B) {
	var lines strings.Builder
	for i := range 10 {
		fmt.Fprintf(&lines, "@%dms+360msx9999 s%d %s \"request 4711 failed after 12ms: card declined\" region=r%d\n", i, i, []string{"info", "error"}[i%2], i%3)
	}
	var r records
	if err := r.addLogs(lines.String()); err != nil {
		b.Fatal(err)
	}
	answers := alert.Answers{Records: r.engine(), Metrics: memseries.New()}
	defer answers.Records.Close()
	f, problems := rulefile.Parse("f.yml", []byte(`groups: [{name: g, interval: 30s, rules: [{alert: A, lang: logs, expr: 'severity>=error "card declined"', window: 5m, by: [service, region], condition: "> 20"}]}]`))
	if len(problems) > 0 {
		b.Fatal(problems)
	}
	b.Run("evaluation", func(b *testing.B) {
		for b.Loop() {
			if v, err := answers.Vector(b.Context(), "default", &f.Groups[0].Rules[0], epoch.Add(30*time.Minute)); err != nil || len(v) == 0 {
				b.Fatal(v, err)
			}
		}
	})
	b.Run("backtest of 120", func(b *testing.B) {
		for b.Loop() {
			if _, err := backtest.Run(b.Context(), &answers, backtest.Request{File: f, From: epoch, To: epoch.Add(time.Hour)}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
