package alert

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"

	"clew/query/alert/rulefile"
)

var begin = time.Unix(1_800_000_000, 0).UTC()

// valued is a group of one alerting rule whose value the test gives.
type valued struct {
	*group
	value promql.Vector
	err   error
}

// noRecorder keeps nothing.
type noRecorder struct{}

func (noRecorder) Record(context.Context, string, []promql.Sample) error { return nil }

func newValued(t *testing.T, rule string) *valued {
	t.Helper()
	f, problems := rulefile.Parse("f.yml", []byte("groups:\n- name: g\n  interval: 1m\n  rules:\n  - "+rule))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	v := &valued{}
	v.group = newGroup(&f.Groups[0], &Answers{}, noRecorder{}, Settings{ExternalURL: &url.URL{Scheme: "http", Host: "clew"}}, newCounters(nil), slog.New(slog.DiscardHandler))
	v.vector = func(context.Context, string, *rulefile.Rule, time.Time) (promql.Vector, error) { return v.value, v.err }
	v.bare = true
	return v
}

func (v *valued) is(value ...float64) {
	v.value = nil
	for _, f := range value {
		v.value = append(v.value, promql.Sample{F: f, Metric: labels.FromStrings("x", "1")})
	}
}

// at evaluates and gives what is told, as "firing" and "resolved".
func (v *valued) at(t *testing.T, after time.Duration) []string {
	t.Helper()
	ts := begin.Add(after)
	if err := v.evaluate(t.Context(), ts, false); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, n := range v.due(ts) {
		if n.EndsAt.After(ts) {
			out = append(out, "firing")
		} else {
			out = append(out, "resolved")
		}
	}
	return out
}

func expect(t *testing.T, what string, have []string, want ...string) {
	t.Helper()
	if len(have) != len(want) || len(have) > 0 && have[0] != want[0] {
		t.Errorf("%s: told %v, want %v", what, have, want)
	}
}

// restarted is the group in another process, which took the state over at a time.
func (v *valued) restarted(t *testing.T, rule string, saved, now time.Duration) (*valued, []*Notification) {
	t.Helper()
	data, err := v.encode(begin.Add(saved))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := NewDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := dir.Save(t.Context(), "f.yml;g", data); err != nil {
		t.Fatal(err)
	}
	if data, err = dir.Load(t.Context(), "f.yml;g"); err != nil {
		t.Fatal(err)
	}
	state, err := decodeState(data)
	if err != nil {
		t.Fatal(err)
	}
	next := newValued(t, rule)
	return next, next.restore(state, begin.Add(now))
}

const hotRule = `{alert: Hot, expr: up, for: 2m, annotations: {s: "{{ $value }}"}}`

func TestFiresOnceAndResolvesOnce(t *testing.T) {
	v := newValued(t, hotRule)
	v.is(7)
	expect(t, "pending", v.at(t, 0))
	expect(t, "still pending", v.at(t, time.Minute))
	expect(t, "for is over", v.at(t, 2*time.Minute), "firing")
	expect(t, "a little later", v.at(t, 2*time.Minute+30*time.Second))
	v.is()
	expect(t, "over", v.at(t, 3*time.Minute), "resolved")
	expect(t, "still told", v.at(t, 5*time.Minute), "resolved")
	expect(t, "forgotten", v.at(t, 20*time.Minute))
}

// What cannot be answered changes nothing, and what fires is still sent.
func TestErrorsDecideNothing(t *testing.T) {
	v := newValued(t, hotRule)
	v.is(7)
	v.at(t, 0)
	expect(t, "fires", v.at(t, 2*time.Minute), "firing")
	v.is()
	v.err = &PartialError{[]string{"a segment is damaged"}}
	expect(t, "the answer is partial", v.at(t, 4*time.Minute), "firing")
	if s := v.status().Rules[0]; s.State != Firing || !errors.Is(s.Err, v.err) {
		t.Errorf("%s, %v", s.State, s.Err)
	}
	v.err = nil
	expect(t, "it is over indeed", v.at(t, 5*time.Minute), "resolved")
}

func TestRestart(t *testing.T) {
	v := newValued(t, hotRule)
	v.is(7)
	v.at(t, 0)
	v.at(t, 2*time.Minute)
	next, gone := v.restarted(t, hotRule, 2*time.Minute, 13*time.Minute)
	if len(gone) != 0 {
		t.Errorf("gone: %v", gone)
	}
	expect(t, "nothing has arrived yet", next.at(t, 13*time.Minute), "firing")
	if a := next.status().Rules[0].Alerts[0]; !a.FiredAt.Equal(begin.Add(2 * time.Minute)) {
		t.Errorf("fired at %v", a.FiredAt)
	}
	expect(t, "still within the time that senders have", next.at(t, 17*time.Minute), "firing")
	expect(t, "after it", next.at(t, 18*time.Minute), "resolved")
	again, _ := next.restarted(t, hotRule, 18*time.Minute, 18*time.Minute+30*time.Second)
	expect(t, "a resolve is told again after a crash", again.at(t, 19*time.Minute), "resolved")
}

func TestRestartWhilePending(t *testing.T) {
	v := newValued(t, hotRule)
	v.is(7)
	v.at(t, 0)
	v.at(t, time.Minute)
	next, _ := v.restarted(t, hotRule, time.Minute, 31*time.Minute)
	next.is(7)
	// A minute of the two was watched; the half hour was not.
	expect(t, "right after", next.at(t, 30*time.Minute+30*time.Second))
	expect(t, "after the rest of it", next.at(t, 31*time.Minute), "firing")
	late, _ := v.restarted(t, hotRule, time.Minute, 3*time.Hour)
	late.is(7)
	expect(t, "after hours it begins anew", late.at(t, 3*time.Hour))
}

// The rule of an alert that fires is gone from the files: it is over.
func TestRuleRemoved(t *testing.T) {
	v := newValued(t, hotRule)
	v.is(7)
	v.at(t, 0)
	v.at(t, 2*time.Minute)
	_, gone := v.restarted(t, `{alert: Other, expr: up}`, 2*time.Minute, 3*time.Minute)
	if len(gone) != 1 || gone[0].EndsAt.After(begin.Add(3*time.Minute)) || gone[0].Labels.Get("alertname") != "Hot" {
		t.Errorf("told %+v", gone)
	}
}

func TestStateThatCannotBeRead(t *testing.T) {
	for _, data := range []string{"", "{", `{"version":2}`, `{"version":1,"rules":[{"alerts":[{"value":"x"}]}]}`} {
		if _, err := decodeState([]byte(data)); err == nil {
			t.Errorf("%s is read", data)
		}
	}
}
