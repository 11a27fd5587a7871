package backtest

import (
	"context"
	"slices"
	"time"

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
		for key, s := range w.seen[i] {
			if !now[key] {
				w.end(r, s, ts)
				delete(w.seen[i], key)
			}
		}
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
		for _, s := range w.seen[i] {
			w.end(&w.results[i], s, time.Time{})
		}
		slices.SortStableFunc(w.results[i].Firings, func(a, b Firing) int { return a.Alert.FiredAt.Compare(b.Alert.FiredAt) })
	}
}
