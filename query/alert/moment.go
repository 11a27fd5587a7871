package alert

import (
	"strings"
	"time"

	"clew/query/lang"
)

// A comparison with now, as in certificate.not_after<now+168h, means the time of the evaluation and not that of the question: a backtest asks about times
// long past, and an evaluation that comes late is for its own time.

// relative says whether a leaf compares with a time relative to now.
func relative(m *lang.Match) bool {
	switch m.Op {
	case lang.OpLess, lang.OpLessEqual, lang.OpGreater, lang.OpGreaterEqual:
	default:
		return false // text that begins like this
	}
	if !strings.HasPrefix(m.Value.Text, "now") {
		return false
	}
	_, ok := lang.ParseTime(m.Value.Text, time.Unix(0, 0))
	return ok
}

// timely says whether what a query means depends on when it is asked.
func timely(e lang.Expr) bool {
	found := false
	lang.Walk(e, func(m *lang.Match) { found = found || relative(m) })
	return found
}

// asOf is a query as it is meant at a time.
func asOf(e lang.Expr, ts time.Time) lang.Expr {
	if e == nil || !timely(e) {
		return e
	}
	each := func(terms []lang.Expr) []lang.Expr {
		out := make([]lang.Expr, len(terms))
		for i, t := range terms {
			out[i] = asOf(t, ts)
		}
		return out
	}
	switch e := e.(type) {
	case *lang.And:
		return &lang.And{Terms: each(e.Terms)}
	case *lang.Or:
		return &lang.Or{Terms: each(e.Terms)}
	case *lang.Not:
		return &lang.Not{Term: asOf(e.Term, ts)}
	case *lang.Match:
		at, _ := lang.ParseTime(e.Value.Text, ts) // it is one: timely
		bound := *e
		bound.Value.Text = at.UTC().Format(time.RFC3339Nano)
		return &bound
	}
	return e
}
