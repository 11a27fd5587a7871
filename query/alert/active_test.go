package alert

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/rules"

	"clew/query/alert/rulefile"
)

func parseRule(t testing.TB, text string) *rulefile.Rule {
	t.Helper()
	f, problems := rulefile.Parse("f.yml", []byte("groups:\n- name: g\n  rules:\n  - "+text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return &f.Groups[0].Rules[0]
}

// shown is an alert as both implementations have it.
type shown struct {
	Labels, Annotations, State string
	Value                      float64
	ActiveAt, FiredAt          time.Time
	ResolvedAt, KeepFiring     time.Time
}

// Random vectors lead to the same alerts, step by step, as they do in Prometheus.
func TestStepsAsPrometheus(t *testing.T) {
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 1))
		hold, keep := time.Duration(random.IntN(4))*time.Minute, time.Duration(random.IntN(3))*time.Minute
		r := parseRule(t, fmt.Sprintf(`{alert: A, expr: up, for: %ds, keep_firing_for: %ds, labels: {severity: page, what: "{{ $labels.x }}!"}, annotations: {s: "{{ $value }}"}}`, int(hold.Seconds()), int(keep.Seconds())))
		theirs := rules.NewAlertingRule("A", r.PromQL, hold, keep, labels.FromMap(r.Labels), labels.FromMap(r.Annotations), labels.EmptyLabels(), "", true, slog.New(slog.DiscardHandler))
		x := expander{rule: r, externalURL: &url.URL{}, log: slog.New(slog.DiscardHandler)}
		ours := active{}
		ts := time.Unix(1_800_000_000, 0).UTC()
		present := map[int]bool{}
		for step := range 60 {
			ts = ts.Add(time.Duration(30+30*random.IntN(3)) * time.Second)
			var vector promql.Vector
			for i := range 4 {
				if random.IntN(4) == 0 {
					present[i] = !present[i]
				}
				if present[i] {
					vector = append(vector, promql.Sample{T: ts.UnixMilli(), F: float64(random.IntN(9)), Metric: labels.FromStrings("__name__", "up", "x", fmt.Sprint(i))})
				}
			}
			now, err := x.expand(t.Context(), vector, ts)
			if err != nil {
				t.Fatal(err)
			}
			ours.step(now, r, ts, time.Time{})
			query := func(context.Context, string, time.Time) (promql.Vector, error) { return vector, nil }
			if _, err := theirs.Eval(t.Context(), 0, ts, query, &url.URL{}, 0); err != nil {
				t.Fatal(err)
			}
			have, want := map[string]shown{}, map[string]shown{}
			for _, a := range ours {
				have[a.Labels.String()] = shown{a.Labels.String(), a.Annotations.String(), string(a.State), float64(a.Value), a.ActiveAt, a.FiredAt, a.ResolvedAt, a.KeepFiringSince}
			}
			theirs.ForEachActiveAlert(func(a *rules.Alert) {
				want[a.Labels.String()] = shown{a.Labels.String(), a.Annotations.String(), a.State.String(), a.Value, a.ActiveAt, a.FiredAt, a.ResolvedAt, a.KeepFiringSince}
			})
			if diff := cmp.Diff(want, have); diff != "" {
				t.Fatalf("seed %d, step %d (-Prometheus +clew):\n%s", seed, step, diff)
			}
		}
	}
}

func TestSameLabelsAreRefused(t *testing.T) {
	x := expander{rule: parseRule(t, `{alert: A, expr: up, labels: {x: same}}`), externalURL: &url.URL{}, log: slog.New(slog.DiscardHandler)}
	vector := promql.Vector{{Metric: labels.FromStrings("x", "1")}, {Metric: labels.FromStrings("x", "2")}}
	if _, err := x.expand(t.Context(), vector, time.Unix(0, 0)); err != errSameLabels { //nolint:errorlint // it is returned as it is
		t.Fatalf("error %v", err)
	}
}

func TestDueTimes(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	for _, c := range []struct {
		evaluated, slot, most int
		want                  []int
		missed                int
	}{
		{0, 100, 3, []int{100}, 0}, // the first
		{90, 100, 3, []int{100}, 0},
		{100, 100, 3, nil, 0},
		{70, 100, 3, []int{80, 90, 100}, 0},
		{20, 100, 3, []int{80, 90, 100}, 5},
		{110, 100, 3, nil, 0}, // the clock went back
	} {
		evaluated := at(c.evaluated)
		if c.evaluated == 0 {
			evaluated = time.Time{}
		}
		times, missed := dueTimes(evaluated, at(c.slot), 10*time.Second, c.most)
		var have []int
		for _, ts := range times {
			have = append(have, int(ts.Unix()))
		}
		if !cmp.Equal(c.want, have) || missed != c.missed {
			t.Errorf("%+v: %v, %d missed", c, have, missed)
		}
	}
}
