package engine

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"clew/index"
	"clew/index/vocabulary"
	"clew/internal/telemetry"
	"clew/query/engine/question"
	"clew/query/lang"
)

// SuggestKind says what a suggestion replaces.
type SuggestKind string

// The kinds.
const (
	SuggestField SuggestKind = "field" // servce:x
	SuggestValue SuggestKind = "value" // service:chekout
	SuggestWord  SuggestKind = "word"  // conection
)

// Suggestion is a query that finds something, in place of one that finds nothing.
type Suggestion struct {
	Kind        SuggestKind
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
	Stats       Stats        // of counting the query
}

// Suggest says what may have been meant by a query that matches nothing: a field that does not exist, a value that its field does not have, or a word that no text
// has is replaced by the nearest that there is, one at a time. Each suggestion has been counted. What is not known after suggestFor is left out.
func (e *Engine) Suggest(ctx context.Context, r Request) (*Suggestions, error) {
	n, err := e.Count(ctx, r)
	if err != nil {
		return nil, err
	}
	out := &Suggestions{Count: n.Count, Stats: n.Stats}
	if n.Count > 0 || r.Query == nil {
		return out, nil
	}
	limited, cancel := context.WithTimeout(ctx, suggestFor)
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
	out.Suggestions = s.found[:min(len(s.found), suggestionsMax)]
	return out, nil
}

// suggesting is one call of Suggest.
type suggesting struct {
	engine  *Engine
	request Request
	names   []FieldCount // the fields that records of the time range have
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
	for _, m := range leaves[:min(len(leaves), suggestLeavesMax)] {
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
		return s.try(ctx, m, SuggestField, m.Field, s.nearFields(m.Field), func(c *lang.Match, text string) { c.Field = text })
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
		return s.try(ctx, m, SuggestValue, m.Value.Text, near, replace)
	}
	// Of a phrase, the words are replaced one at a time.
	for start, end := range wordsIn(m.Value.Text) {
		word := m.Value.Text[start:end]
		near, err := s.nearWords(ctx, m.Field, word)
		if err != nil {
			return err
		}
		err = s.try(ctx, m, SuggestWord, word, near, func(c *lang.Match, text string) {
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
func (s *suggesting) try(ctx context.Context, m *lang.Match, kind SuggestKind, text string, candidates []candidate, replace func(*lang.Match, string)) error {
	slices.SortFunc(candidates, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(b.weight, a.weight), cmp.Compare(a.text, b.text))
	})
	for _, c := range candidates[:min(len(candidates), suggestionsMax)] {
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
	return slices.ContainsFunc(s.names, func(c FieldCount) bool {
		_, ok := f.Has(c.Column)
		return ok
	})
}

// slack is how many edits away a candidate may be: short texts are near everything.
func slack(text string) int {
	switch n := utf8.RuneCountInString(text); {
	case n <= 2:
		return 0
	case n <= 5:
		return 1
	case n <= 12:
		return 2
	}
	return 3
}

// distance is the edits between two texts, whatever their case; ok is false if they are too many. What only goes on, or differs in its case, is near.
func distance(asked, have string) (int, bool) {
	asked, have = strings.ToLower(asked), strings.ToLower(have)
	most := slack(asked)
	if d := utf8.RuneCountInString(asked) - utf8.RuneCountInString(have); d >= -most && d <= most {
		if n := vocabulary.EditDistance(asked, have); n <= most {
			return n, true
		}
	}
	if len(asked) >= 3 && strings.HasPrefix(have, asked) {
		return most + 1, true
	}
	return 0, false
}

// nearFields are the names of fields near name, as one would write them.
func (s *suggesting) nearFields(name string) (out []candidate) {
	best := map[string]candidate{}
	for _, c := range s.names {
		for _, spelling := range spellings(c.Column) {
			if d, ok := distance(name, spelling); ok {
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

// spellings are the names by which a query can call a column.
func spellings(c telemetry.Column) []string {
	switch {
	case c.Level == telemetry.LevelResource && c.Key == "service.name":
		return []string{"service", c.Key}
	case c.Level == telemetry.LevelField && slices.Contains(question.HiddenFields, c.Key):
		return nil
	}
	return []string{c.Key}
}

// nearValues are values near a leaf's, of its field.
func (s *suggesting) nearValues(ctx context.Context, m *lang.Match) (out []candidate, err error) {
	everything := s.request
	everything.Query = nil
	groups, err := s.engine.CountBy(ctx, everything, m.Field, suggestValuesMax)
	if err != nil {
		if _, ok := errors.AsType[*LimitError](err); ok {
			return nil, nil // too many to look through
		}
		return nil, err
	}
	for _, g := range groups.Groups {
		if d, ok := distance(m.Value.Text, g.Value); ok {
			out = append(out, candidate{g.Value, d, g.Count})
		}
	}
	return out, nil
}

// nearWords are words near one, in the texts of a field: of the segments the vocabulary index knows them, of the heads (and of all, without an index) the
// vocabularies are looked through.
func (s *suggesting) nearWords(ctx context.Context, field, word string) (out []candidate, err error) {
	everything := s.request
	everything.Query = nil
	weights, err := s.engine.wordsNear(ctx, everything, field, word)
	if err != nil {
		return nil, err
	}
	low := strings.ToLower(word)
	for have, weight := range weights {
		if d, ok := distance(word, have); ok && have != low {
			out = append(out, candidate{have, d, weight})
		}
	}
	return out, nil
}

// wordsNear are the words near one in the texts of a field, each with how many entries of vocabularies have it, about.
func (e *Engine) wordsNear(ctx context.Context, r Request, field, word string) (map[string]uint64, error) {
	if e.spreads(&r) {
		return e.wordsAll(ctx, r, field, word)
	}
	f := question.FieldOf(r.Signal, field)
	weights := map[string]uint64{}
	words := e.answers.Index()
	if words != nil {
		for _, want := range f.Wants {
			name := telemetry.Column{Level: want.Level, Key: want.Key, Type: telemetry.TypeString}.Name()
			near, err := words.Near(ctx, r.Tenant, name, word, slack(word), suggestionsMax)
			if err != nil && ctx.Err() != nil {
				return nil, ctx.Err()
			}
			for _, w := range near { // with an error there are none: a cache that cannot answer is not asked
				weights[w.Word] += w.Entries
			}
		}
	}
	ctx, q, err := e.begin(ctx, r)
	if err != nil {
		return nil, err
	}
	defer q.end()
	left := suggestEntriesMax
	for _, part := range q.view.Parts {
		if words != nil && !part.Info().Head {
			continue
		}
		if err := partWords(ctx, part, f, word, &left, weights); err != nil {
			if err := q.setAside(err); err != nil {
				return nil, err
			}
		}
	}
	return weights, nil
}

// partWords adds the words near one of a part's vocabularies, in lower case, and how many entries have them. left is how many entries may be looked at.
func partWords(ctx context.Context, part index.Part, f question.Field, word string, left *int, weights map[string]uint64) error {
	for col, c := range part.Columns() {
		if _, ok := f.Has(c.Column); !ok || c.Overflow || c.Type != telemetry.TypeString || c.Kind != index.KindText && c.Kind != index.KindValue {
			continue
		}
		entries, err := part.Vocabulary(ctx, col)
		if err != nil {
			return err
		}
		for i := range min(entries.Len(), *left) {
			text := entries.At(i)
			for j := 0; ; {
				start, end := vocabulary.NextWord(text, j)
				if start < 0 {
					break
				}
				j = end
				have := text[start:end]
				if len(have) > utf8.UTFMax*(len(word)+3) || bytes.ContainsFunc(have, func(r rune) bool { return r < ' ' }) {
					continue // too long, or a hole
				}
				if _, ok := distance(word, string(have)); ok {
					weights[strings.ToLower(string(have))]++
				}
			}
		}
		*left -= min(entries.Len(), *left)
	}
	return ctx.Err()
}
