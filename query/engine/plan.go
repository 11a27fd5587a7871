package engine

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

// plan is a query with its meaning settled: which columns each leaf asks, and what. It holds for every part.
type plan struct {
	kind  planKind
	value bool // planConst
	kids  []*plan
	field question.Field // planLeaf
	tests map[telemetry.Type]*question.Test
}

// newPlan gives the query its meaning for a signal. now is what "now" in it means. The error is a *lang.Error.
func newPlan(e lang.Expr, signal telemetry.Signal, now time.Time) (*plan, error) {
	switch e := e.(type) {
	case nil, lang.Everything:
		return &plan{kind: planConst, value: true}, nil
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

func newPlans(kind planKind, terms []lang.Expr, signal telemetry.Signal, now time.Time) (*plan, error) {
	p := &plan{kind: kind}
	for _, t := range terms {
		kid, err := newPlan(t, signal, now)
		if err != nil {
			return nil, err
		}
		p.kids = append(p.kids, kid)
	}
	return p, nil
}

func newLeaf(m *lang.Match, signal telemetry.Signal, now time.Time) (*plan, error) {
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
		has := &plan{kind: planLeaf, field: f, tests: question.EveryType(func(telemetry.Type) *question.Test { return question.ExistsTest })}
		return &plan{kind: planAnd, kids: []*plan{has, {kind: planNot, kids: []*plan{is}}}}, nil
	}
	tests, err := question.TestsOf(m, &f, now)
	if err != nil {
		return nil, err
	}
	return &plan{kind: planLeaf, field: f, tests: tests}, nil
}
