// Package strictyaml decodes YAML into structs and refuses keys that the struct does not have, naming the place, the key path and the
// nearest key there is. All problems are reported at once: whoever edits a configuration at night wants one round, not five.
package strictyaml

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Decode reads one YAML document into v, a pointer to a struct whose fields have yaml tags. What the document does not mention
// keeps its value. The error joins one error per problem, each "file:line:column: path: what".
func Decode(file string, data []byte, v any) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if len(doc.Content) == 0 {
		return nil
	}
	c := checker{file: file}
	c.check(doc.Content[0], reflect.TypeOf(v).Elem(), "")
	if len(c.problems) > 0 {
		return errors.Join(c.problems...)
	}
	if err := doc.Decode(v); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

type checker struct {
	file     string
	problems []error
}

func (c *checker) problem(n *yaml.Node, path, format string, args ...any) {
	if path != "" {
		path += ": "
	}
	c.problems = append(c.problems, fmt.Errorf("%s:%d:%d: %s%s", c.file, n.Line, n.Column, path, fmt.Sprintf(format, args...)))
}

var unmarshaler = reflect.TypeFor[yaml.Unmarshaler]()

func (c *checker) check(n *yaml.Node, t reflect.Type, path string) {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(unmarshaler) {
		holder := reflect.New(t)
		if err := n.Decode(holder.Interface()); err != nil {
			c.problem(n, path, "%v", err)
		}
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		c.checkStruct(n, t, path)
	case reflect.Map:
		if n.Kind != yaml.MappingNode {
			c.problem(n, path, "want a mapping, have %s", describe(n))
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			c.check(n.Content[i+1], t.Elem(), join(path, n.Content[i].Value))
		}
	case reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			c.problem(n, path, "want a list, have %s", describe(n))
			return
		}
		for i, e := range n.Content {
			c.check(e, t.Elem(), fmt.Sprintf("%s[%d]", path, i))
		}
	case reflect.Interface:
	default:
		c.checkScalar(n, t, path)
	}
}

func (c *checker) checkStruct(n *yaml.Node, t reflect.Type, path string) {
	if n.Kind != yaml.MappingNode {
		if n.Tag == "!!null" {
			return
		}
		c.problem(n, path, "want keys (%s), have %s", strings.Join(keys(t), ", "), describe(n))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		field, ok := fieldOf(t, key.Value)
		switch {
		case !ok:
			c.problem(key, join(path, key.Value), "unknown key%s", suggest(key.Value, keys(t)))
		case seen[key.Value]:
			c.problem(key, join(path, key.Value), "given twice")
		default:
			c.check(n.Content[i+1], field, join(path, key.Value))
		}
		seen[key.Value] = true
	}
}

func (c *checker) checkScalar(n *yaml.Node, t reflect.Type, path string) {
	holder := reflect.New(t)
	if err := n.Decode(holder.Interface()); err == nil {
		return
	}
	want := t.Kind().String()
	switch {
	case t == reflect.TypeFor[time.Duration]():
		want = "a duration such as 30s, 15m or 168h"
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64:
		want = "a whole number"
	case t.Kind() == reflect.Bool:
		want = "true or false"
	}
	c.problem(n, path, "want %s, have %s", want, describe(n))
}

func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	return fmt.Sprintf("%.60q", n.Value)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func keyOf(f reflect.StructField) string {
	key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return key
}

func keys(t reflect.Type) []string {
	var out []string
	for i := range t.NumField() {
		if k := keyOf(t.Field(i)); k != "" && k != "-" {
			out = append(out, k)
		}
	}
	return out
}

func fieldOf(t reflect.Type, key string) (reflect.Type, bool) {
	for i := range t.NumField() {
		if k := keyOf(t.Field(i)); k == key && k != "" && k != "-" {
			return t.Field(i).Type, true
		}
	}
	return nil, false
}

// suggest names the nearest key, if one is near, or lists them.
func suggest(key string, known []string) string {
	if best := Nearest(key, known); best != "" {
		return fmt.Sprintf("; did you mean %q?", best)
	}
	return "; want one of " + strings.Join(known, ", ")
}

// Nearest returns the candidate with the smallest edit distance to word, or "" where none is near enough to be meant.
func Nearest(word string, candidates []string) string {
	best, bestDistance := "", 1+len(word)/3
	for _, k := range candidates {
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d <= bestDistance && (best == "" || d < bestDistance) {
			best, bestDistance = k, d
		}
	}
	return best
}

// distance counts insertions, deletions and substitutions.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next := slices.Min([]int{row[j] + 1, row[j-1] + 1, diagonal + cost})
			diagonal, row[j] = row[j], next
		}
	}
	return row[len(b)]
}
