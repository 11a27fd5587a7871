// Package tracetext reads traces written as indented text, the form of fixtures and of rule tests: a trace one can read is its own
// specification.
//
//	# a comment
//	frontend "GET /cart" server @0 +120ms error "no stock"
//	  frontend "cart.Get" client @5ms +100ms error
//	    cart "cart.Get" server @10ms +80ms error "no stock" host=b item=42
//	    ? cart "SELECT" client @20ms +10ms
//
// A line is a span: service, quoted name, kind, start after the base time, duration, then optionally a status (unset, ok or
// error), a quoted status message and attributes. Two blanks of indentation make it a child of the line above that is indented less.
// '?' marks a span that exists but was not received. `id=` and `parent=` (16 hex digits) override the ids, which otherwise count from 1.
package tracetext

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"clew/internal/telemetry"
)

// Span is one line.
type Span struct {
	ID         telemetry.SpanID
	Parent     telemetry.SpanID
	Service    string
	Name       string
	Kind       string
	Start      time.Duration // after the base time
	Duration   time.Duration
	Status     string
	Message    string
	Attributes []Attribute
	Received   bool
}

// Attribute is a key=value at a line's end.
type Attribute struct{ Key, Value string }

// Attribute returns an attribute's value, or "".
func (s *Span) Attribute(key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value
		}
	}
	return ""
}

// Parse reads a trace. Errors name the line.
func Parse(r io.Reader) ([]Span, error) {
	var spans []Span
	var path []telemetry.SpanID // ids by depth
	sc := bufio.NewScanner(r)
	for line := 1; sc.Scan(); line++ {
		text := strings.TrimRight(sc.Text(), " \t")
		body := strings.TrimLeft(text, " ")
		if body == "" || strings.HasPrefix(body, "#") {
			continue
		}
		indent := len(text) - len(body)
		if indent%2 != 0 || indent/2 > len(path) {
			return nil, fmt.Errorf("line %d: indentation of %d blanks: want two more than the parent's line at most", line, indent)
		}
		s := Span{Received: true}
		binary.BigEndian.PutUint64(s.ID[:], uint64(len(spans)+1))
		path = path[:indent/2]
		if len(path) > 0 {
			s.Parent = path[len(path)-1]
		}
		if rest, ok := strings.CutPrefix(body, "? "); ok {
			s.Received, body = false, rest
		}
		if err := s.parse(body); err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		path = append(path, s.ID)
		spans = append(spans, s)
	}
	return spans, sc.Err()
}

func (s *Span) parse(body string) error {
	words, err := split(body)
	if err != nil {
		return err
	}
	if len(words) < 5 {
		return fmt.Errorf("%q: want service \"name\" kind @start +duration", body)
	}
	s.Service, s.Name, s.Kind, s.Status = words[0], words[1], words[2], "unset"
	if s.Start, err = duration(words[3], "@"); err != nil {
		return err
	}
	if s.Duration, err = duration(words[4], "+"); err != nil {
		return err
	}
	for i, w := range words[5:] {
		key, value, isAttribute := strings.Cut(w, "=")
		switch {
		case i == 0 && (w == "unset" || w == "ok" || w == "error"):
			s.Status = w
		case !isAttribute:
			s.Message = w
		case key == "id":
			s.ID, err = telemetry.ParseSpanID(value)
		case key == "parent":
			s.Parent, err = telemetry.ParseSpanID(value)
		default:
			s.Attributes = append(s.Attributes, Attribute{key, value})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func duration(word, prefix string) (time.Duration, error) {
	text, ok := strings.CutPrefix(word, prefix)
	if !ok {
		return 0, fmt.Errorf("%q: want a duration after %q", word, prefix)
	}
	if text == "0" {
		return 0, nil
	}
	return time.ParseDuration(text)
}

// split cuts at blanks; a quoted word is one word.
func split(body string) ([]string, error) {
	var words []string
	for body = strings.TrimLeft(body, " "); body != ""; body = strings.TrimLeft(body, " ") {
		if body[0] != '"' {
			word, rest, _ := strings.Cut(body, " ")
			words, body = append(words, word), rest
			continue
		}
		quoted, err := strconv.QuotedPrefix(body)
		if err != nil {
			return nil, fmt.Errorf("%q: a quote that does not end", body)
		}
		word, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", quoted, err)
		}
		words, body = append(words, word), body[len(quoted):]
	}
	return words, nil
}
