package manager

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/alertmanager/config"
	"go.yaml.in/yaml/v3"
)

// lineOf and unknownOf are how the YAML library says where, and which key it does not know.
var (
	lineOf    = regexp.MustCompile(`^(?:yaml: )?line (\d+): (?s:(.*))$`)
	unknownOf = regexp.MustCompile(`^field (\S+) not found in type (\S+)$`)
)

// located makes problems with places of what is wrong with a configuration.
func located(file, text string, err error) error {
	var problems []error
	rest := strings.TrimPrefix(err.Error(), "yaml: unmarshal errors:\n")
	for line := range strings.Lines(rest) {
		m := lineOf.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			problems = nil
			break
		}
		n, _ := strconv.Atoi(m[1]) // of a line number
		problems = append(problems, &Problem{File: file, Line: n, What: plain(m[2])})
	}
	if len(problems) > 0 {
		return errors.Join(problems...)
	}
	p := &Problem{File: file, What: rest}
	if n := culprit(text, err); n != nil {
		p.Line, p.Column = n.Line, n.Column
	}
	return p
}

// plain says what the YAML library says without the names of Go's types.
func plain(what string) string {
	m := unknownOf.FindStringSubmatch(what)
	if m == nil {
		return strings.ReplaceAll(what, "config.plain", "the configuration")
	}
	if near := nearest(m[1], knownKeys()); near != "" {
		return fmt.Sprintf("unknown key %q here; did you mean %q?", m[1], near)
	}
	return fmt.Sprintf("unknown key %q here", m[1])
}

// knownKeys are all keys that a configuration may have somewhere.
func knownKeys() []string {
	keys, seen := map[string]bool{}, map[reflect.Type]bool{}
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || seen[t] {
			return
		}
		seen[t] = true
		for i := range t.NumField() {
			f := t.Field(i)
			if key, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); key != "" && key != "-" {
				keys[key] = true
			}
			walk(f.Type)
		}
	}
	walk(reflect.TypeFor[config.Config]())
	out := make([]string, 0, len(keys))
	for k := range keys {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// nearest is the word that is nearest to what was written, if one is near.
func nearest(written string, words []string) string {
	best, distance := "", max(2, len(written)/3)+1
	for _, w := range words {
		if d := edits(written, w); d < distance {
			best, distance = w, d
		}
	}
	return best
}

// edits is Levenshtein's distance.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// culprit finds what an error that names no place is about: the innermost part of the text without which there is none, or another one.
func culprit(text string, err error) *yaml.Node {
	var doc yaml.Node
	if yaml.Unmarshal([]byte(text), &doc) != nil || len(doc.Content) == 0 {
		return nil
	}
	tries := 0
	// without says what the error is when nodes [i, i+n) of parent are not there.
	without := func(parent *yaml.Node, i, n int) (gone, another bool) {
		if tries++; tries > triesMax {
			return false, false
		}
		whole := parent.Content
		parent.Content = append(slices.Clone(whole[:i]), whole[i+n:]...)
		defer func() { parent.Content = whole }()
		data, e := yaml.Marshal(&doc)
		if e != nil {
			return false, false
		}
		_, e = config.Load(string(data))
		return e == nil, e != nil && e.Error() != err.Error()
	}
	var found *yaml.Node
	for n := doc.Content[0]; n != nil; {
		step := 1
		if n.Kind == yaml.MappingNode {
			step = 2 // key and value
		}
		cause, maybe := -1, -1
		for i := 0; i+step <= len(n.Content) && cause < 0; i += step {
			gone, another := without(n, i, step)
			if gone {
				cause = i
			} else if another && maybe < 0 {
				maybe = i // or something else needs it
			}
		}
		if cause < 0 {
			cause = maybe
		}
		if cause < 0 {
			break
		}
		found, n = n.Content[cause], n.Content[cause+step-1]
	}
	return found
}
