package rulefile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/template"
	"go.yaml.in/yaml/v3"

	"clew/internal/strictyaml"
	"clew/query/lang"
	"clew/query/promlang"
)

// promQL parses what clew's API answers: what can be asked can be watched.
var promQL = promlang.Parser()

// recordsOnly are the keys that only rules on records have.
var recordsOnly = []string{"window", "by", "condition"}

// ruleNodes are the parts of a rule that are checked once all of it is read.
type ruleNodes struct {
	expr, condition *yaml.Node
	by              []*yaml.Node
	templates       []templateNode
}

type templateNode struct {
	path string
	n    *yaml.Node
}

func (p *reading) rule(path string, n *yaml.Node, g *Group, inherited Lang) Rule {
	r := Rule{Line: n.Line, Lang: inherited}
	var nodes ruleNodes
	template := func(check func(string, *yaml.Node, *yaml.Node)) func(string, *yaml.Node, *yaml.Node) {
		return func(path string, key, value *yaml.Node) {
			check(path, key, value)
			nodes.templates = append(nodes.templates, templateNode{path, value})
		}
	}
	seen := p.mapping(path, n, []field{
		{"alert", p.text(&r.Alert)},
		{"record", p.text(&r.Record)},
		{"lang", p.lang(&r.Lang)},
		{"expr", func(path string, n *yaml.Node) { nodes.expr, _ = p.scalar(path, n) }},
		{"window", p.duration(&r.Window)},
		{"by", func(path string, n *yaml.Node) { p.by(path, n, &nodes) }},
		{"condition", func(path string, n *yaml.Node) { nodes.condition, _ = p.scalar(path, n) }},
		{"for", p.duration(&r.For)},
		{"keep_firing_for", p.duration(&r.KeepFiringFor)},
		{"labels", p.texts(&r.Labels, template(p.label))},
		{"annotations", p.texts(&r.Annotations, template(p.annotation))},
	})
	if seen == nil {
		return r
	}
	p.kind(path, n, &r, seen)
	if nodes.expr == nil {
		if seen["expr"] == nil {
			p.at(n, "", "%s: has no expr", path)
		}
	} else {
		r.Expr = nodes.expr.Value
		p.expr(join(path, "expr"), nodes.expr, &r)
	}
	if r.Lang == PromQL {
		for _, key := range recordsOnly {
			if seen[key] != nil {
				p.at(seen[key], "say lang: logs or lang: spans, or write it into the expression", "%s: is for rules on logs and spans", join(path, key))
			}
		}
	} else {
		p.counted(path, n, &r, &nodes, seen)
	}
	if r.Alert != "" {
		p.templates(&r, &nodes)
	}
	if len(g.Labels) > 0 {
		merged := maps.Clone(g.Labels)
		maps.Copy(merged, r.Labels)
		r.Labels = merged
	}
	return r
}

// kind checks what depends on whether a rule alerts or records.
func (p *reading) kind(path string, n *yaml.Node, r *Rule, seen map[string]*yaml.Node) {
	switch {
	case r.Alert != "" && r.Record != "":
		p.at(seen["record"], "make two rules of it", "%s: has both alert and record", path)
	case r.Alert == "" && r.Record == "":
		p.at(n, "", "%s: has neither alert nor record", path)
	}
	if r.Record == "" {
		return
	}
	for _, key := range []string{"for", "keep_firing_for", "annotations"} {
		if seen[key] != nil {
			p.at(seen[key], "", "%s: a recording rule has none", join(path, key))
		}
	}
	if strings.ContainsAny(r.Record, "{}") {
		p.at(seen["record"], "put labels under labels:, and the expression into expr", "%s: %.60q is not a metric's name", join(path, "record"), r.Record)
	} else if !model.UTF8Validation.IsValidMetricName(r.Record) {
		p.at(seen["record"], "", "%s: %.60q is not a metric's name", join(path, "record"), r.Record)
	}
}

func (p *reading) label(path string, key, value *yaml.Node) {
	if key.Value == model.MetricNameLabel || !model.UTF8Validation.IsValidLabelName(key.Value) {
		p.at(key, "", "%s: %.60q is not a label's name", path, key.Value)
	}
}

func (p *reading) annotation(path string, key, value *yaml.Node) {
	if !model.UTF8Validation.IsValidLabelName(key.Value) {
		p.at(key, "", "%s: %.60q is not an annotation's name", path, key.Value)
	}
}

func (p *reading) by(path string, n *yaml.Node, nodes *ruleNodes) {
	if n = p.resolve(n); n == nil {
		return
	}
	if n.Kind == yaml.ScalarNode && n.Tag != "!!null" {
		nodes.by = []*yaml.Node{n}
		return
	}
	p.list(path, n, func(path string, n *yaml.Node) {
		if n, ok := p.scalar(path, n); ok {
			nodes.by = append(nodes.by, n)
		}
	})
	if len(nodes.by) > byMax {
		p.at(n, "", "%s: has %d fields: want at most %d", path, len(nodes.by), byMax)
	}
}

// expr parses the expression in its language.
func (p *reading) expr(path string, n *yaml.Node, r *Rule) {
	if strings.TrimSpace(n.Value) == "" && r.Lang == PromQL {
		p.at(n, "", "%s: is empty", path)
		return
	}
	if r.Lang != PromQL {
		var err error
		r.Query, err = lang.Parse(n.Value)
		var wrong *lang.Error
		switch {
		case errors.As(err, &wrong):
			line, column := p.place(n, wrong.Pos)
			p.report(line, column, wrong.Hint, "%s: %s", path, wrong.Msg)
		case err != nil:
			p.at(n, "", "%s: %v", path, err)
		}
		return
	}
	e, err := promQL.ParseExpr(n.Value)
	var wrong parser.ParseErrors
	switch {
	case errors.As(err, &wrong):
		for _, one := range wrong {
			line, column := p.place(n, int(one.PositionRange.Start))
			p.report(line, column, promQLHint(n.Value, one.Err), "%s: %v", path, one.Err)
		}
	case err != nil:
		p.at(n, "", "%s: %v", path, err)
	case e.Type() != parser.ValueTypeVector && e.Type() != parser.ValueTypeScalar:
		p.at(n, "wrap it in a function such as rate() or max_over_time()", "%s: is a %s: want an instant vector or a scalar", path, parser.DocumentedType(e.Type()))
	default:
		r.PromQL = e
		if err := promlang.Check(n.Value); err != nil {
			p.at(n, "", "%s: %v", path, err)
		}
	}
}

// aggregations are not among the parser's functions.
var aggregations = []string{"avg", "bottomk", "count", "count_values", "group", "max", "min", "quantile", "stddev", "stdvar", "sum", "topk"}

var unknownFunction = regexp.MustCompile(`unknown function with name "([^"]*)"`)

// promQLHint says what would be right, where that can be guessed.
func promQLHint(expr string, err error) string {
	if m := unknownFunction.FindStringSubmatch(err.Error()); m != nil {
		if best := strictyaml.Nearest(m[1], slices.Concat(aggregations, slices.Sorted(maps.Keys(parser.Functions)))); best != "" {
			return fmt.Sprintf("did you mean %s()?", best)
		}
	}
	if _, native := lang.Parse(expr); native == nil && !strings.ContainsAny(expr, "({[") {
		return "a search for logs or spans needs lang: logs or lang: spans"
	}
	return ""
}

// counted checks what rules on logs and spans have beside their expression.
func (p *reading) counted(path string, n *yaml.Node, r *Rule, nodes *ruleNodes, seen map[string]*yaml.Node) {
	switch key := seen["window"]; {
	case key == nil:
		p.at(n, "such as window: 5m", "%s: a rule on %s needs a window to count over", path, r.Lang)
	case r.Window != 0 && r.Window < windowMin || r.Window > windowMax:
		p.at(key, "", "%s: %s: want %s to %s", join(path, "window"), formatDuration(r.Window), formatDuration(windowMin), formatDuration(windowMax))
	case r.Window == 0 && len(p.problems) == 0:
		p.at(key, "such as 5m", "%s: is 0", join(path, "window"))
	}
	labels := map[string]string{}
	for _, field := range nodes.by {
		name := LabelOf(field.Value)
		if other, twice := labels[name]; twice {
			p.at(field, "", "%s: %s and %s are both the label %s", join(path, "by"), other, field.Value, name)
		}
		if field.Value == "" || field.Value == "any" || strings.ContainsAny(field.Value, " \t\n") {
			p.at(field, "want such as service or http.response.status_code", "%s: %q is not a field", join(path, "by"), field.Value)
		}
		labels[name] = field.Value
		r.By = append(r.By, field.Value)
	}
	if nodes.condition != nil {
		c, err := ParseCondition(nodes.condition.Value)
		if err != nil {
			p.at(nodes.condition, "", "%s: %v", join(path, "condition"), err)
		}
		r.Condition = c
	} else if r.Alert != "" && seen["condition"] == nil {
		r.Condition = Condition{">", 0}
	}
	if r.Query != nil {
		p.meaning(join(path, "expr"), nodes.expr, r)
	}
}

// templateVariables gives templates the variables that they have in Prometheus.
const templateVariables = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}"

// labelUse finds $labels.name and .Labels.name in templates.
var labelUse = regexp.MustCompile(`(?:\$labels|\.Labels)\.([a-zA-Z_][a-zA-Z0-9_]*)`)

// templates parses the templates of labels and annotations. Of rules on logs and spans it is known which labels there are.
func (p *reading) templates(r *Rule, nodes *ruleNodes) {
	data := template.AlertTemplateData(nil, nil, "", promql.Sample{})
	for _, t := range nodes.templates {
		x := template.NewTemplateExpander(context.Background(), templateVariables+t.n.Value, "__alert_"+r.Alert, data, model.TimeFromUnix(0), nil, nil, nil)
		if err := x.ParseTest(); err != nil {
			what := err.Error()
			if _, rest, ok := strings.Cut(what, "template: __alert_"+r.Alert+":"); ok {
				_, what, _ = strings.Cut(rest, ": ")
			}
			p.at(t.n, "", "%s: not a template: %s", t.path, what)
			continue
		}
		if r.Lang == PromQL {
			continue
		}
		var known []string
		for _, field := range r.By {
			known = append(known, LabelOf(field))
		}
		for _, m := range labelUse.FindAllStringSubmatchIndex(t.n.Value, -1) {
			name := t.n.Value[m[2]:m[3]]
			if slices.Contains(known, name) {
				continue
			}
			hint := "by: has the labels of a rule on logs or spans; add it there"
			if best := strictyaml.Nearest(name, known); best != "" {
				hint = fmt.Sprintf("did you mean %q?", best)
			}
			line, column := p.place(t.n, m[2])
			p.report(line, column, hint, "%s: there will be no label %s", t.path, name)
		}
	}
}
