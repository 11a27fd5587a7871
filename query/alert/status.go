package alert

import (
	"time"

	"clew/query/alert/rulefile"
)

// GroupStatus is a group as it stands.
type GroupStatus struct {
	Group      *rulefile.Group
	Interval   time.Duration
	Rules      []RuleStatus
	Evaluated  time.Time // zero: not yet
	Took       time.Duration
	Missed     int // evaluations that were not made at their time
	LastMissed time.Time
	Here       bool   // this process evaluates it
	StateError string // its state cannot be kept
}

// RuleStatus is a rule as it stands.
type RuleStatus struct {
	Rule      *rulefile.Rule
	State     State   // of an alerting rule
	Alerts    []Alert // pending, firing, and resolved not long ago; copies
	Err       error   // of the last evaluation
	Evaluated time.Time
	Took      time.Duration
	Samples   int // of the last evaluation
}

// Status is the rules as they stand.
type Status struct {
	Groups   []GroupStatus
	LoadedAt time.Time
	Problems rulefile.Problems // with the files as they are now; then older rules go on
}

// Status gives the rules as they stand, in order of the files.
func (r *Ruler) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Status{LoadedAt: r.loadedAt, Problems: r.problems}
	for _, g := range r.running {
		s.Groups = append(s.Groups, g.group.status())
	}
	return s
}

func (g *group) status() GroupStatus {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := GroupStatus{
		Group: g.of, Interval: g.interval, Evaluated: g.evaluated, Took: g.took, Missed: g.missed, LastMissed: g.lastMissed, Here: g.held,
	}
	if g.stateError != nil {
		s.StateError = g.stateError.Error()
	}
	for _, r := range g.rules {
		one := RuleStatus{Rule: r.rule, State: r.active.state(), Err: r.err, Evaluated: r.evaluated, Took: r.took, Samples: r.samples}
		for _, a := range r.active.sorted() {
			one.Alerts = append(one.Alerts, *a)
		}
		s.Rules = append(s.Rules, one)
	}
	return s
}
