package rulefile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"clew/internal/strictyaml"
	"clew/internal/telemetry"
)

// reading is a file being read.
type reading struct {
	file     string
	lines    []string
	problems Problems
	aliases  int
}

// Parse reads a file's text. It gives the file, or everything that is wrong with it.
func Parse(name string, data []byte) (*File, Problems) {
	p := &reading{file: name}
	if len(data) > fileBytesMax {
		p.whole("has %d bytes: want at most %d", len(data), fileBytesMax)
		return nil, p.problems
	}
	if !utf8.Valid(data) {
		p.whole("is not text in UTF-8")
		return nil, p.problems
	}
	p.lines = strings.Split(string(data), "\n")
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		p.yaml(err)
		return nil, p.problems
	}
	f := &File{Name: name}
	if len(doc.Content) > 0 {
		p.top(doc.Content[0], f)
	}
	if len(p.problems) > 0 {
		slices.SortStableFunc(p.problems, func(a, b *Problem) int {
			if a.Line != b.Line {
				return a.Line - b.Line
			}
			return a.Column - b.Column
		})
		return nil, p.problems
	}
	return f, nil
}

// yaml reports what the YAML parser says, "yaml: line 3: what".
func (p *reading) yaml(err error) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	problem := &Problem{File: p.file, What: "not YAML: " + text}
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		number, what, _ := strings.Cut(rest, ": ")
		if line, err := strconv.Atoi(number); err == nil {
			problem.Line, problem.Column, problem.What = line, 1, "not YAML: "+what
		}
	}
	if strings.Contains(text, "cannot start any token") {
		problem.Hint = "indent with blanks, not tabs"
	} else if strings.Contains(text, "mapping values are not allowed") {
		problem.Hint = "quote a value that has a colon followed by a blank"
	}
	p.problems = append(p.problems, problem)
}

func (p *reading) whole(format string, args ...any) {
	p.problems = append(p.problems, &Problem{File: p.file, What: fmt.Sprintf(format, args...)})
}

// at reports a problem at the beginning of a node.
func (p *reading) at(n *yaml.Node, hint, format string, args ...any) {
	p.report(n.Line, n.Column, hint, format, args...)
}

func (p *reading) report(line, column int, hint, format string, args ...any) {
	if len(p.problems) == problemsMax {
		p.whole("has more than %d problems: is it a rule file?", problemsMax)
	}
	if len(p.problems) > problemsMax {
		return
	}
	p.problems = append(p.problems, &Problem{File: p.file, Line: line, Column: column, What: fmt.Sprintf(format, args...), Hint: hint})
}

// field is a key of a mapping and what reads its value.
type field struct {
	key  string
	read func(path string, n *yaml.Node)
}

// mapping reads a mapping whose keys are all known, and gives the keys that it has.
func (p *reading) mapping(path string, n *yaml.Node, fields []field) map[string]*yaml.Node {
	n = p.resolve(n)
	if n == nil {
		return nil
	}
	known := make([]string, len(fields))
	for i, f := range fields {
		known[i] = f.key
	}
	if n.Kind != yaml.MappingNode {
		p.at(n, "", "%s: want keys (%s), have %s", nameOf(path), strings.Join(known, ", "), describe(n))
		return nil
	}
	seen := map[string]*yaml.Node{}
	content := p.merged(path, n)
	for i := 0; i+1 < len(content); i += 2 {
		key, value := content[i], content[i+1]
		at := slices.Index(known, key.Value)
		switch {
		case at < 0:
			hint := "want one of " + strings.Join(known, ", ")
			if best := strictyaml.Nearest(key.Value, known); best != "" {
				hint = fmt.Sprintf("did you mean %q?", best)
			}
			p.at(key, hint, "%s: unknown key", join(path, key.Value))
		case seen[key.Value] != nil:
			p.at(key, "", "%s: given twice", join(path, key.Value))
		default:
			seen[key.Value] = key
			fields[at].read(join(path, key.Value), value)
		}
	}
	return seen
}

// resolve follows aliases; nil if there are too many of them.
func (p *reading) resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		if p.aliases++; p.aliases > aliasesMax {
			p.at(n, "", "more than %d aliases", aliasesMax)
			return nil
		}
		n = n.Alias
	}
	return n
}

// merged is a mapping's keys and values, with those that << brings in where the mapping has none of its own.
func (p *reading) merged(path string, n *yaml.Node) []*yaml.Node {
	var own, more []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Tag != "!!merge" {
			own = append(own, n.Content[i], n.Content[i+1])
			continue
		}
		from := p.resolve(n.Content[i+1])
		if from == nil || from.Kind != yaml.MappingNode {
			p.at(n.Content[i], "want an alias of a mapping", "%s: cannot merge this", join(path, "<<"))
			continue
		}
		for k := 0; k+1 < len(from.Content); k += 2 {
			if from.Content[k].Tag != "!!merge" { // one level, so that a file cannot merge itself
				more = append(more, from.Content[k], from.Content[k+1])
			}
		}
	}
	for i := 0; i+1 < len(more); i += 2 {
		if !hasKey(own, more[i].Value) {
			own = append(own, more[i], more[i+1])
		}
	}
	return own
}

func hasKey(content []*yaml.Node, key string) bool {
	for i := 0; i+1 < len(content); i += 2 {
		if content[i].Value == key {
			return true
		}
	}
	return false
}

// list calls f for the members of a list.
func (p *reading) list(path string, n *yaml.Node, f func(path string, n *yaml.Node)) {
	if n = p.resolve(n); n == nil || n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.SequenceNode {
		p.at(n, "put a - before it", "%s: want a list, have %s", path, describe(n))
		return
	}
	for i, member := range n.Content {
		f(fmt.Sprintf("%s[%d]", path, i), member)
	}
}

// scalar is a value as text; false if it is none.
func (p *reading) scalar(path string, n *yaml.Node) (*yaml.Node, bool) {
	if n = p.resolve(n); n == nil {
		return nil, false
	}
	if n.Kind != yaml.ScalarNode {
		p.at(n, "", "%s: want a single value, have %s", path, describe(n))
		return nil, false
	}
	return n, true
}

func (p *reading) text(into *string) func(string, *yaml.Node) {
	return func(path string, n *yaml.Node) {
		if n, ok := p.scalar(path, n); ok {
			*into = n.Value
		}
	}
}

// duration reads Prometheus' durations: 30s, 5m, 1h30m, 2d.
func (p *reading) duration(into *time.Duration) func(string, *yaml.Node) {
	return func(path string, n *yaml.Node) {
		n, ok := p.scalar(path, n)
		if !ok {
			return
		}
		d, err := model.ParseDuration(n.Value)
		if err != nil {
			hint := "want such as 30s, 5m, 1h30m or 7d"
			if _, number := strconv.ParseFloat(n.Value, 64); number == nil && n.Value != "" {
				hint = fmt.Sprintf("write the unit, such as %ss or %sm", n.Value, n.Value)
			}
			p.at(n, hint, "%s: %.60q is not a duration", path, n.Value)
			return
		}
		*into = time.Duration(d)
	}
}

// texts reads a mapping of names to texts, and hands every pair to check.
func (p *reading) texts(into *map[string]string, check func(path string, key, value *yaml.Node)) func(string, *yaml.Node) {
	return func(path string, n *yaml.Node) {
		if n = p.resolve(n); n == nil || n.Tag == "!!null" {
			return
		}
		if n.Kind != yaml.MappingNode {
			p.at(n, "", "%s: want a mapping of names to texts, have %s", path, describe(n))
			return
		}
		*into = map[string]string{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			at := join(path, key.Value)
			if _, twice := (*into)[key.Value]; twice {
				p.at(key, "", "%s: given twice", at)
				continue
			}
			value, ok := p.scalar(at, n.Content[i+1])
			if !ok {
				continue
			}
			(*into)[key.Value] = value.Value
			check(at, key, value)
		}
	}
}

func (p *reading) top(n *yaml.Node, f *File) {
	if n.Tag == "!!null" {
		return
	}
	names := map[string]int{}
	p.mapping("", n, []field{{"groups", func(path string, n *yaml.Node) {
		p.list(path, n, func(path string, n *yaml.Node) {
			g := p.group(path, n)
			if line, twice := names[g.Name]; twice && g.Name != "" {
				p.at(n, "", "%s: the group of line %d is named %q too", path, line, g.Name)
			}
			names[g.Name] = n.Line
			f.Groups = append(f.Groups, g)
		})
	}}})
}

func (p *reading) group(path string, n *yaml.Node) Group {
	g := Group{File: p.file, Line: n.Line, Tenant: telemetry.DefaultTenant}
	inherited := PromQL
	var rules func()
	seen := p.mapping(path, n, []field{
		{"name", p.text(&g.Name)},
		{"interval", p.duration(&g.Interval)},
		{"query_offset", p.duration(&g.QueryOffset)},
		{"limit", func(path string, n *yaml.Node) { p.limit(path, n, &g.Limit) }},
		{"labels", p.texts(&g.Labels, p.label)},
		{"lang", p.lang(&inherited)},
		{"tenant", func(path string, n *yaml.Node) {
			if p.text(&g.Tenant)(path, n); telemetry.CheckTenant(g.Tenant) != nil {
				p.at(n, "", "%s: %v", path, telemetry.CheckTenant(g.Tenant))
			}
		}},
		// The rules come last: they inherit what may stand below them.
		{"rules", func(path string, n *yaml.Node) {
			rules = func() {
				p.list(path, n, func(path string, n *yaml.Node) { g.Rules = append(g.Rules, p.rule(path, n, &g, inherited)) })
			}
		}},
	})
	if seen == nil {
		return g
	}
	if g.Name == "" {
		p.at(n, "", "%s: has no name", path)
	}
	if key := seen["interval"]; key != nil && g.Interval != 0 && g.Interval < intervalMin {
		p.at(key, "", "%s: %v: want at least %v", join(path, "interval"), g.Interval, intervalMin)
	}
	if rules != nil {
		rules()
	}
	return g
}

func (p *reading) limit(path string, n *yaml.Node, into *int) {
	n, ok := p.scalar(path, n)
	if !ok {
		return
	}
	v, err := strconv.Atoi(n.Value)
	if err != nil || v < 0 {
		p.at(n, "want a number of alerts or series, or 0 for no limit", "%s: %.60q", path, n.Value)
		return
	}
	*into = v
}

func (p *reading) lang(into *Lang) func(string, *yaml.Node) {
	return func(path string, n *yaml.Node) {
		n, ok := p.scalar(path, n)
		if !ok {
			return
		}
		known := []string{string(PromQL), string(Logs), string(Spans)}
		if slices.Contains(known, n.Value) {
			*into = Lang(n.Value)
			return
		}
		hint := "want promql, logs or spans"
		if best := strictyaml.Nearest(n.Value, known); best != "" {
			hint = fmt.Sprintf("did you mean %q?", best)
		}
		p.at(n, hint, "%s: %.60q", path, n.Value)
	}
}

func nameOf(path string) string {
	if path == "" {
		return "the file"
	}
	return path
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!null":
		return "nothing"
	}
	return fmt.Sprintf("%.60q", n.Value)
}

func formatDuration(d time.Duration) string { return model.Duration(d).String() }
