package alert

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/prometheus/promql"

	"clew/query/alert/rulefile"
)

// Vectors gives a rule's value at a time.
type Vectors func(ctx context.Context, tenant string, r *rulefile.Rule, ts time.Time) (promql.Vector, error)

// Trial evaluates a group at times of the caller's choosing, as a Ruler would, and tells nobody: for tests of rules, and for what rules would have
// done. It is not safe for concurrent use.
type Trial struct{ group *group }

// NewTrial returns a trial. vectors may answer in the place of answers; nil: it does not. Alerts get no examples.
func NewTrial(of *rulefile.Group, answers *Answers, vectors Vectors, recorder Recorder, settings Settings) *Trial {
	g := newGroup(of, answers, recorder, settings, newCounters(nil), slog.New(slog.DiscardHandler))
	if vectors != nil {
		g.vector = vectors
	}
	g.bare = true
	return &Trial{g}
}

// Interval is how often the group is evaluated.
func (t *Trial) Interval() time.Duration { return t.group.interval }

// Evaluate evaluates the group at a time. The error joins the rules'.
func (t *Trial) Evaluate(ctx context.Context, ts time.Time) error {
	failed := t.group.evaluate(ctx, ts, false)
	for _, r := range t.group.rules {
		if r.err != nil && r.evaluated.Equal(ts) {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", r.rule.Name(), r.err))
		}
	}
	return failed
}

// Alerts are the alerts of the group's rule i: pending, firing, and resolved not long ago.
func (t *Trial) Alerts(i int) []*Alert { return t.group.rules[i].active.sorted() }

// Err is what was wrong with the last evaluation of the group's rule i.
func (t *Trial) Err(i int) error { return t.group.rules[i].err }

// Samples is how many series the last evaluation of the group's rule i was recorded as.
func (t *Trial) Samples(i int) int { return t.group.rules[i].samples }
