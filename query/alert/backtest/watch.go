package backtest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"clew/query/alert"
)

// watcher notes what the alerts of a trial do.
type watcher struct {
	ctx     context.Context //nolint:containedctx // of the one Run that it lives in
	answers *alert.Answers
	tenant  string
	trial   *alert.Trial
	results []Result
	seen    []map[uint64]*seen // by rule, and the hash of the alert's labels
}

// seen is an alert that is active.
type seen struct {
	alert alert.Alert
	peak  float64
	fired bool
}

// look notes what an evaluation has changed.
func (w *watcher) look(ts time.Time) {
	for i := range w.results {
		r := &w.results[i]
		if r.Err != nil {
			continue
		}
		r.Evaluations++
		// At some times a rule may fail, such as over its limit; its alerts stay as they are then.
		if err := w.trial.Err(i); err != nil {
			r.Failed, r.LastError = r.Failed+1, err
		}
		if r.Rule.Alert == "" {
			r.Series = max(r.Series, w.trial.Samples(i))
			continue
		}
		if w.seen[i] == nil {
			w.seen[i] = map[uint64]*seen{}
		}
		now := map[uint64]bool{}
		for _, a := range w.trial.Alerts(i) {
			if a.State == alert.Inactive {
				continue
			}
			key := a.Labels.Hash()
			now[key] = true
			w.note(i, key, a, ts)
		}
		var over []*seen
		for key, s := range w.seen[i] {
			if !now[key] {
				over = append(over, s)
				delete(w.seen[i], key)
			}
		}
		w.endAll(r, over, ts)
	}
}

func (w *watcher) note(i int, key uint64, a *alert.Alert, ts time.Time) {
	s := w.seen[i][key]
	if s == nil {
		s = &seen{peak: float64(a.Value)}
		w.seen[i][key] = s
	}
	s.peak = max(s.peak, float64(a.Value))
	if a.State == alert.Firing && !s.fired {
		s.fired = true
		s.alert = *a
		r := &w.results[i]
		if r.Fired++; r.Fired <= examplesMax {
			s.alert.Examples = w.answers.Examples(w.ctx, w.tenant, r.Rule, a, ts.Add(-r.Group.QueryOffset))
		}
	}
}

// endAll notes alerts that end at the same time, in the order of their firings: which of them are listed must not depend on chance.
func (w *watcher) endAll(r *Result, over []*seen, ts time.Time) {
	slices.SortFunc(over, func(a, b *seen) int { return inOrder(&a.alert, &b.alert) })
	for _, s := range over {
		w.end(r, s, ts)
	}
}

// inOrder compares firings: by when they began, and of those that began together by their labels. No two of a rule have both the same.
func inOrder(a, b *alert.Alert) int {
	return cmp.Or(a.FiredAt.Compare(b.FiredAt), labels.Compare(a.Labels, b.Labels))
}

// end notes an alert that is over, or that lasts beyond the end (ts zero).
func (w *watcher) end(r *Result, s *seen, ts time.Time) {
	if !s.fired {
		r.Pending++
		return
	}
	s.alert.ResolvedAt = ts
	if len(r.Firings) < firingsMax {
		r.Firings = append(r.Firings, Firing{s.alert, s.peak})
	}
}

// finish notes what is active at the end.
func (w *watcher) finish() {
	for i := range w.results {
		w.endAll(&w.results[i], slices.Collect(maps.Values(w.seen[i])), time.Time{})
		slices.SortFunc(w.results[i].Firings, func(a, b Firing) int { return inOrder(&a.Alert, &b.Alert) })
	}
}
