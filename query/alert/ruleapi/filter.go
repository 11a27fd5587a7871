package ruleapi

import (
	"fmt"
	"net/url"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// filter is what Prometheus' /rules can be asked for.
type filter struct {
	kind                string // alerting, recording; empty: both
	names, groups, file []string
	match               [][]*labels.Matcher
	bare                bool // without the alerts
}

func newFilter(q url.Values) (*filter, error) {
	f := &filter{names: q["rule_name[]"], groups: q["rule_group[]"], file: q["file[]"], bare: q.Get("exclude_alerts") == "true"}
	switch t := q.Get("type"); t {
	case "":
	case "alert":
		f.kind = "alerting"
	case "record":
		f.kind = "recording"
	default:
		return nil, fmt.Errorf("type %.40q: want alert or record", t)
	}
	if len(q["match[]"]) > 0 {
		var err error
		if f.match, err = parser.NewParser(parser.Options{}).ParseMetricSelectors(q["match[]"]); err != nil {
			return nil, fmt.Errorf("match[]: %w", err)
		}
	}
	return f, nil
}

// group leaves of a group what is asked for, and says whether it is in the answer.
func (f *filter) group(g *Group) bool {
	if len(f.groups) > 0 && !slices.Contains(f.groups, g.Name) || len(f.file) > 0 && !slices.Contains(f.file, g.File) {
		return false
	}
	had := len(g.Rules)
	g.Rules = slices.DeleteFunc(g.Rules, func(r Rule) bool {
		return f.kind != "" && r.Type != f.kind || len(f.names) > 0 && !slices.Contains(f.names, r.Name) || !f.matches(r.Labels)
	})
	for i := range g.Rules {
		if f.bare {
			g.Rules[i].Alerts = nil
		}
	}
	return len(g.Rules) > 0 || had == 0
}

func (f *filter) matches(l map[string]string) bool {
	if len(f.match) == 0 {
		return true
	}
	for _, all := range f.match {
		if !slices.ContainsFunc(all, func(m *labels.Matcher) bool { return !m.Matches(l[m.Name]) }) {
			return true
		}
	}
	return false
}
