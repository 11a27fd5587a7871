package suggest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"clew/index/vocabulary"
	"clew/query/engine"
	"clew/query/engine/question"
	"clew/query/lang"
)

// Kind says what a suggestion replaces.
type Kind string

// The kinds.
const (
	KindField Kind = "field" // servce:x
	KindValue Kind = "value" // service:chekout
	KindWord  Kind = "word"  // conection
)

// Suggestion is a query that finds something, in place of one that finds nothing.
type Suggestion struct {
	Kind        Kind
	Text        string // what was asked
	Replacement string
	Pos, End    int       // of the leaf with Text, in the query's text
	Query       lang.Expr // the whole query with the replacement
	Count       uint64    // records that it matches

	distance int
}

// Suggestions is the answer of Suggest.
type Suggestions struct {
	Count       uint64       // records that match the query as it is: if there are any, nothing is suggested
	Suggestions []Suggestion // those that change least first, then those that find most
	Stats       engine.Stats // of counting the query
}

// Suggest says what may have been meant by a query that matches nothing: a field that does not exist, a value that its field does not have, or a word that no text
// has is replaced by the nearest that there is, one at a time. Each suggestion has been counted. What is not known after timeMax is left out.
func Suggest(ctx context.Context, e *engine.Engine, r engine.Request) (*Suggestions, error) {
	n, err := e.Count(ctx, r)
	if err != nil {
		return nil, err
	}
	out := &Suggestions{Count: n.Count, Stats: n.Stats}
	if n.Count > 0 || r.Query == nil {
		return out, nil
	}
	limited, cancel := context.WithTimeout(ctx, timeMax)
	defer cancel()
	s := &suggesting{engine: e, request: r}
	err = s.all(limited)
	if err != nil && limited.Err() == nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	slices.SortStableFunc(s.found, func(a, b Suggestion) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(b.Count, a.Count))
	})
	out.Suggestions = s.found[:min(len(s.found), candidatesMax)]
	return out, nil
}

// suggesting is one call of Suggest.
type suggesting struct {
	engine  *engine.Engine
	request engine.Request
	names   []engine.FieldCount // the fields that records of the time range have
	found   []Suggestion
}

// candidate is a text that may have been meant.
type candidate struct {
	text     string
	distance int
	weight   uint64 // among those of the same distance the heavier come first
}

func (s *suggesting) all(ctx context.Context) error {
	everything := s.request
	everything.Query = nil
	fields, err := s.engine.Fields(ctx, everything)
	if err != nil {
		return err
	}
	s.names = fields.Fields
	var leaves []*lang.Match
	lang.Walk(s.request.Query, func(m *lang.Match) { leaves = append(leaves, m) })
	for _, m := range leaves[:min(len(leaves), leavesMax)] {
		if err := s.leaf(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// leaf looks at one leaf: the first thing in it that does not exist is replaced.
func (s *suggesting) leaf(ctx context.Context, m *lang.Match) error {
	named := m.Field != "" && m.Field != "any"
	if named && !s.exists(m.Field) {
		return s.try(ctx, m, KindField, m.Field, s.nearFields(m.Field), func(c *lang.Match, text string) { c.Field = text })
	}
	if m.Value.Form != lang.FormText && m.Value.Form != lang.FormFuzzy || m.Op != lang.OpMatch && m.Op != lang.OpEqual {
		return nil
	}
	f := question.FieldOf(s.request.Signal, m.Field)
	alone := s.request
	alone.Query = m
	n, err := s.engine.Count(ctx, alone)
	if err != nil || n.Count > 0 {
		return err
	}
	replace := func(c *lang.Match, text string) { c.Value = lang.Value{Form: lang.FormText, Text: text} }
	if named && !f.Prose {
		near, err := s.nearValues(ctx, m)
		if err != nil {
			return err
		}
		return s.try(ctx, m, KindValue, m.Value.Text, near, replace)
	}
	// Of a phrase, the words are replaced one at a time.
	for start, end := range wordsIn(m.Value.Text) {
		word := m.Value.Text[start:end]
		near, err := s.nearWords(ctx, m.Field, word)
		if err != nil {
			return err
		}
		err = s.try(ctx, m, KindWord, word, near, func(c *lang.Match, text string) {
			replace(c, m.Value.Text[:start]+text+m.Value.Text[end:])
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// wordsIn gives the places of the words of s.
func wordsIn(s string) func(yield func(start, end int) bool) {
	return func(yield func(int, int) bool) {
		b := []byte(s)
		for i := 0; ; {
			start, end := vocabulary.NextWord(b, i)
			if start < 0 || !yield(start, end) {
				return
			}
			i = end
		}
	}
}

// try counts the query with each candidate in the leaf's place and keeps those that match something.
func (s *suggesting) try(ctx context.Context, m *lang.Match, kind Kind, text string, candidates []candidate, replace func(*lang.Match, string)) error {
	slices.SortFunc(candidates, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(b.weight, a.weight), cmp.Compare(a.text, b.text))
	})
	for _, c := range candidates[:min(len(candidates), candidatesMax)] {
		leaf := *m
		replace(&leaf, c.text)
		r := s.request
		r.Query = replaceLeaf(r.Query, m, &leaf)
		n, err := s.engine.Count(ctx, r)
		if err != nil {
			return err
		}
		if n.Count > 0 {
			s.found = append(s.found, Suggestion{
				Kind: kind, Text: text, Replacement: c.text, Pos: m.Pos, End: m.End, Query: r.Query, Count: n.Count, distance: c.distance,
			})
		}
	}
	return nil
}

// replaceLeaf gives the tree with one leaf replaced.
func replaceLeaf(e lang.Expr, old, by *lang.Match) lang.Expr {
	terms := func(in []lang.Expr) []lang.Expr {
		out := make([]lang.Expr, len(in))
		for i, t := range in {
			out[i] = replaceLeaf(t, old, by)
		}
		return out
	}
	switch e := e.(type) {
	case *lang.And:
		return &lang.And{Terms: terms(e.Terms)}
	case *lang.Or:
		return &lang.Or{Terms: terms(e.Terms)}
	case *lang.Not:
		return &lang.Not{Term: replaceLeaf(e.Term, old, by)}
	case *lang.Match:
		if e == old {
			return by
		}
	}
	return e
}

// exists says whether records have the field.
func (s *suggesting) exists(name string) bool {
	f := question.FieldOf(s.request.Signal, name)
	return slices.ContainsFunc(s.names, func(c engine.FieldCount) bool {
		_, ok := f.Has(c.Column)
		return ok
	})
}

// nearFields are the names of fields near name, as one would write them.
func (s *suggesting) nearFields(name string) (out []candidate) {
	best := map[string]candidate{}
	for _, c := range s.names {
		for _, spelling := range question.Spellings(c.Column) {
			if d, ok := question.Distance(name, spelling); ok {
				old, seen := best[spelling]
				if !seen || d < old.distance {
					best[spelling] = candidate{spelling, d, old.weight + c.Count}
				}
			}
		}
	}
	for _, c := range best {
		out = append(out, c)
	}
	return out
}

// nearValues are values near a leaf's, of its field.
func (s *suggesting) nearValues(ctx context.Context, m *lang.Match) (out []candidate, err error) {
	everything := s.request
	everything.Query = nil
	groups, err := s.engine.CountBy(ctx, everything, m.Field, valuesMax)
	if err != nil {
		if _, ok := errors.AsType[*engine.LimitError](err); ok {
			return nil, nil // too many to look through
		}
		return nil, err
	}
	for _, g := range groups.Groups {
		if d, ok := question.Distance(m.Value.Text, g.Value); ok {
			out = append(out, candidate{g.Value, d, g.Count})
		}
	}
	return out, nil
}

// nearWords are words near one, in the texts of a field.
func (s *suggesting) nearWords(ctx context.Context, field, word string) (out []candidate, err error) {
	everything := s.request
	everything.Query = nil
	weights, err := s.engine.WordsNear(ctx, everything, field, word)
	if err != nil {
		return nil, err
	}
	low := strings.ToLower(word)
	for have, weight := range weights {
		if d, ok := question.Distance(word, have); ok && have != low {
			out = append(out, candidate{have, d, weight})
		}
	}
	return out, nil
}
