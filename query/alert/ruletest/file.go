package ruletest

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"clew/internal/strictyaml"
	"clew/query/alert/rulefile"
)

// file is a file of tests.
type file struct {
	RuleFiles          []string `yaml:"rule_files"`
	EvaluationInterval duration `yaml:"evaluation_interval"`
	GroupEvalOrder     []string `yaml:"group_eval_order"`
	FuzzyCompare       bool     `yaml:"fuzzy_compare"`
	Tests              []test   `yaml:"tests"`

	name string
	doc  yaml.Node
}

type test struct {
	Name           string            `yaml:"name"`
	Interval       duration          `yaml:"interval"` // of input_series
	InputSeries    []inputSeries     `yaml:"input_series"`
	Logs           string            `yaml:"logs"`
	Traces         []inputTrace      `yaml:"traces"`
	AlertRuleTest  []alertTest       `yaml:"alert_rule_test"`
	PromqlExprTest []promqlTest      `yaml:"promql_expr_test"`
	ExternalLabels map[string]string `yaml:"external_labels"`
	ExternalURL    string            `yaml:"external_url"`
	StartTimestamp timestamp         `yaml:"start_timestamp"`
}

type inputSeries struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

type inputTrace struct {
	At    string `yaml:"at"`
	Trace string `yaml:"trace"`
}

type alertTest struct {
	EvalTime  duration   `yaml:"eval_time"`
	Alertname string     `yaml:"alertname"`
	ExpAlerts []expAlert `yaml:"exp_alerts"`
}

type expAlert struct {
	ExpLabels      map[string]string `yaml:"exp_labels"`
	ExpAnnotations map[string]string `yaml:"exp_annotations"`
}

type promqlTest struct {
	Expr       string      `yaml:"expr"`
	EvalTime   duration    `yaml:"eval_time"`
	ExpSamples []expSample `yaml:"exp_samples"`
}

type expSample struct {
	Labels    string  `yaml:"labels"`
	Value     float64 `yaml:"value"`
	Histogram string  `yaml:"histogram"`
}

// duration is one as Prometheus writes them.
type duration time.Duration

// UnmarshalYAML implements yaml.Unmarshaler.
func (d *duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := model.ParseDuration(n.Value)
	if err != nil {
		return fmt.Errorf("%.60q is not a duration such as 30s, 5m or 1h30m", n.Value)
	}
	*d = duration(v)
	return nil
}

func (d duration) String() string { return model.Duration(d).String() }

// timestamp is RFC 3339, or seconds since 1970.
type timestamp struct{ time.Time }

// UnmarshalYAML implements yaml.Unmarshaler.
func (t *timestamp) UnmarshalYAML(n *yaml.Node) error {
	if seconds, err := strconv.ParseFloat(n.Value, 64); err == nil {
		t.Time = time.UnixMilli(int64(seconds * 1000)).UTC()
		return nil
	}
	at, err := time.Parse(time.RFC3339Nano, n.Value)
	if err != nil {
		return fmt.Errorf("%.60q is not a time such as 2026-11-21T12:00:00Z", n.Value)
	}
	t.Time = at
	return nil
}

func parse(name string, data []byte) (*file, error) {
	f := &file{name: name, EvaluationInterval: duration(defaultInterval)}
	if err := strictyaml.Decode(name, data, f); err != nil {
		return nil, err
	}
	if err := yaml.Unmarshal(data, &f.doc); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if f.EvaluationInterval <= 0 {
		return nil, fmt.Errorf("%s: evaluation_interval: want more than 0", name)
	}
	if len(f.Tests) == 0 {
		return nil, fmt.Errorf("%s: has no tests", name)
	}
	return f, nil
}

// rules reads the rule files, whose names are relative to the file's.
func (f *file) rules() ([]*rulefile.File, error) {
	var patterns []string
	for _, name := range f.RuleFiles {
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(f.name), name)
		}
		patterns = append(patterns, name)
	}
	names, problems := rulefile.Find(patterns)
	files, wrong := rulefile.Load(names)
	if problems = append(problems, wrong...); len(problems) > 0 {
		return nil, problems
	}
	return files, nil
}

// place is file:line:column of what a path such as tests, 0, alert_rule_test, 2 leads to.
func (f *file) place(path ...any) string {
	if len(f.doc.Content) == 0 {
		return f.name
	}
	n := f.doc.Content[0]
	for _, step := range path {
		var next *yaml.Node
		switch step := step.(type) {
		case int:
			if n.Kind == yaml.SequenceNode && step < len(n.Content) {
				next = n.Content[step]
			}
		case string:
			for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
				if n.Content[i].Value == step {
					next = n.Content[i+1]
				}
			}
		}
		if next == nil {
			break
		}
		for next.Kind == yaml.AliasNode {
			next = next.Alias
		}
		n = next
	}
	return fmt.Sprintf("%s:%d:%d", f.name, n.Line, n.Column)
}

// times reads 2m+1sx20.
func times(s string) ([]time.Duration, error) {
	first, rest, repeated := strings.Cut(strings.TrimSpace(s), "+")
	start, err := time.ParseDuration(first)
	if err != nil {
		return nil, fmt.Errorf("%.40q: want a time after the beginning such as 90s, or 90s+5sx20", s)
	}
	out := []time.Duration{start}
	if !repeated {
		return out, nil
	}
	step, count, ok := strings.Cut(rest, "x")
	n, err := strconv.Atoi(count)
	every, err2 := time.ParseDuration(step)
	if !ok || err != nil || err2 != nil || n < 0 || n > repeatMax {
		return nil, fmt.Errorf("%.40q: want what follows + to be such as 5sx20: 20 more times, 5 seconds apart", s)
	}
	for i := range n {
		out = append(out, start+time.Duration(i+1)*every)
	}
	return out, nil
}
