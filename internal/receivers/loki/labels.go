package loki

import (
	"fmt"
	"strconv"
	"strings"
)

// parseLabels reads a stream's labels as protobuf has them: {job="api", path="C:\\logs"}.
func parseLabels(s string) ([]pair, error) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(s), "{")
	if !ok {
		return nil, fmt.Errorf("labels %.100q: want {name=\"value\", ...}", s)
	}
	var labels []pair
	for {
		rest = strings.TrimLeft(rest, " \t\n")
		if rest == "}" {
			return labels, nil
		}
		n := nameLength(rest)
		if n == 0 {
			return nil, fmt.Errorf("labels %.100q: want a name at %.20q", s, rest)
		}
		name := rest[:n]
		rest = strings.TrimLeft(rest[n:], " \t\n")
		if rest, ok = strings.CutPrefix(rest, "="); !ok {
			return nil, fmt.Errorf("labels %.100q: want = after %q", s, name)
		}
		rest = strings.TrimLeft(rest, " \t\n")
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil || quoted[0] == '\'' {
			return nil, fmt.Errorf("labels %.100q: want a quoted value for %q", s, name)
		}
		value, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, fmt.Errorf("labels %.100q: value of %q: %w", s, name, err)
		}
		labels = append(labels, pair{name, value})
		rest = strings.TrimLeft(rest[len(quoted):], " \t\n")
		if after, more := strings.CutPrefix(rest, ","); more {
			rest = after
		} else if rest != "}" {
			return nil, fmt.Errorf("labels %.100q: want , or } at %.20q", s, rest)
		}
	}
}

// nameLength is the length of the label name that s begins with.
func nameLength(s string) int {
	n := 0
	for n < len(s) {
		c := s[n]
		letter := c == '_' || c == ':' || c == '.' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (n == 0 || c < '0' || c > '9') {
			break
		}
		n++
	}
	return n
}
