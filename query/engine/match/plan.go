package match

import (
	"fmt"
	"time"

	"clew/internal/telemetry"
	"clew/query/engine/question"
	"clew/query/lang"
)

// planKind is what a node of a plan does.
type planKind uint8

const (
	planConst planKind = iota
	planAnd
	planOr
	planNot
	planLeaf
)

// Plan is a query with its meaning settled: which columns each leaf asks, and what. It holds for every part.
type Plan struct {
	kind  planKind
	value bool // planConst
	kids  []*Plan
	field question.Field // planLeaf
	tests map[telemetry.Type]*question.Test
}

// Of is the plan for those records that are of some traces.
func (p *Plan) Of(ids *IDSet, signal telemetry.Signal) *Plan {
	return &Plan{kind: planAnd, kids: []*Plan{ids.leaf(signal), p}}
}

// NewPlan gives the query its meaning for a signal. now is what "now" in it means. The error is a *lang.Error.
func NewPlan(e lang.Expr, signal telemetry.Signal, now time.Time) (*Plan, error) {
	switch e := e.(type) {
	case nil, lang.Everything:
		return &Plan{kind: planConst, value: true}, nil
	case *lang.And:
		return newPlans(planAnd, e.Terms, signal, now)
	case *lang.Or:
		return newPlans(planOr, e.Terms, signal, now)
	case *lang.Not:
		return newPlans(planNot, []lang.Expr{e.Term}, signal, now)
	case *lang.Match:
		return newLeaf(e, signal, now)
	}
	return nil, fmt.Errorf("query has a node of unknown type %T", e)
}

func newPlans(kind planKind, terms []lang.Expr, signal telemetry.Signal, now time.Time) (*Plan, error) {
	p := &Plan{kind: kind}
	for _, t := range terms {
		kid, err := NewPlan(t, signal, now)
		if err != nil {
			return nil, err
		}
		p.kids = append(p.kids, kid)
	}
	return p, nil
}

func newLeaf(m *lang.Match, signal telemetry.Signal, now time.Time) (*Plan, error) {
	f := question.FieldOf(signal, m.Field)
	if m.Op == lang.OpNotEqual {
		if f.Every || f.Prose && len(f.Wants) > 1 {
			return nil, question.LeafError(m, "!= needs one field", "write -any:value to exclude a value everywhere")
		}
		equal := *m
		equal.Op = lang.OpEqual
		is, err := newLeaf(&equal, signal, now)
		if err != nil {
			return nil, err
		}
		has := &Plan{kind: planLeaf, field: f, tests: question.EveryType(func(telemetry.Type) *question.Test { return question.ExistsTest })}
		return &Plan{kind: planAnd, kids: []*Plan{has, {kind: planNot, kids: []*Plan{is}}}}, nil
	}
	tests, err := question.TestsOf(m, &f, now)
	if err != nil {
		return nil, err
	}
	return &Plan{kind: planLeaf, field: f, tests: tests}, nil
}
