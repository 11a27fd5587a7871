package rulefile

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"clew/internal/telemetry"
	"clew/query/lang"
)

// Lang is the language of a rule's expression.
type Lang string

// The languages.
const (
	PromQL Lang = "promql" // the value is the expression's
	Logs   Lang = "logs"   // the value is how many log records in the window match
	Spans  Lang = "spans"  // the value is how many spans in the window match
)

// Signal is what a language of records counts; PromQL has none.
func (l Lang) Signal() telemetry.Signal {
	if l == Spans {
		return telemetry.Spans
	}
	return telemetry.Logs
}

// File is a rule file without problems.
type File struct {
	Name   string // as it was given
	Groups []Group
}

// Group is rules that are evaluated one after the other, at the same times.
type Group struct {
	File, Name  string
	Line        int
	Tenant      string
	Interval    time.Duration // 0: the default
	QueryOffset time.Duration // how far before the time of the evaluation it looks, for telemetry that comes late
	Limit       int           // of alerts or series of a rule; 0: none
	Labels      map[string]string
	Rules       []Rule
}

// Key names a group among all files'.
func (g *Group) Key() string { return g.File + ";" + g.Name }

// Rule is an alerting or a recording rule: one of Alert and Record is set.
type Rule struct {
	Alert, Record string
	Line          int
	Lang          Lang
	Expr          string

	PromQL    parser.Expr // of Lang PromQL
	Query     lang.Expr   // of the other languages
	Window    time.Duration
	By        []string // fields; the alert's labels are named as LabelOf says
	Condition Condition

	For, KeepFiringFor time.Duration
	Labels             map[string]string // the group's included
	Annotations        map[string]string
}

// Name is the alert's or the recorded series' name.
func (r *Rule) Name() string {
	if r.Alert != "" {
		return r.Alert
	}
	return r.Record
}

// String is the rule's question on one line, as people would say it: the expression, and what of it is counted.
func (r *Rule) String() string {
	if r.Lang == PromQL {
		return r.PromQL.String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "count of %s in %s", r.Lang, formatDuration(r.Window))
	if len(r.By) > 0 {
		fmt.Fprintf(&b, " by (%s)", strings.Join(r.By, ", "))
	}
	if r.Condition.Op != "" {
		fmt.Fprintf(&b, " %s", r.Condition)
	}
	fmt.Fprintf(&b, ": %s", r.Query)
	return b.String()
}

// LabelOf is a field's name as a label: what a label's name cannot have is an underscore, as in metrics that come by OTLP.
func LabelOf(field string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' {
			return c
		}
		return '_'
	}, field)
}

// Condition is what a count is compared with. Without one (a recording rule) every count is taken.
type Condition struct {
	Op    string // >, >=, <, <=, ==, !=
	Value float64
}

func (c Condition) String() string {
	return c.Op + " " + strconv.FormatFloat(c.Value, 'g', -1, 64)
}

// Holds says whether a count meets the condition.
func (c Condition) Holds(v float64) bool {
	switch c.Op {
	case ">":
		return v > c.Value
	case ">=":
		return v >= c.Value
	case "<":
		return v < c.Value
	case "<=":
		return v <= c.Value
	case "==":
		return v == c.Value
	case "!=":
		return v != c.Value
	}
	return true
}

// ParseCondition reads "> 5".
func ParseCondition(s string) (Condition, error) {
	s = strings.TrimSpace(s)
	for _, op := range []string{">=", "<=", "==", "!=", ">", "<"} {
		rest, ok := strings.CutPrefix(s, op)
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return Condition{}, fmt.Errorf("want a number after %s, have %.40q", op, strings.TrimSpace(rest))
		}
		return Condition{op, v}, nil
	}
	return Condition{}, fmt.Errorf("want a comparison with a number, such as %q", "> 5")
}
