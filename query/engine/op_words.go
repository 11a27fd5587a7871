package engine

import (
	"bytes"
	"context"
	"strings"
	"unicode/utf8"

	"clew/index"
	"clew/index/vocabulary"
	"clew/internal/telemetry"
	"clew/query/engine/question"
)

// WordsNear are the words near one in the texts of a field, each with how many entries of vocabularies have it, about. Of the segments the vocabulary index knows them, of
// the heads (and of all, without an index) the vocabularies are looked through.
func (e *Engine) WordsNear(ctx context.Context, r Request, field, word string) (map[string]uint64, error) {
	if e.spreads(&r) {
		return e.wordsAll(ctx, r, field, word)
	}
	f := question.FieldOf(r.Signal, field)
	weights := map[string]uint64{}
	words := e.answers.Index()
	if words != nil {
		for _, want := range f.Wants {
			name := telemetry.Column{Level: want.Level, Key: want.Key, Type: telemetry.TypeString}.Name()
			near, err := words.Near(ctx, r.Tenant, name, word, question.Slack(word), nearWordsMax)
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
	left := nearEntriesMax
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
				if _, ok := question.Distance(word, string(have)); ok {
					weights[strings.ToLower(string(have))]++
				}
			}
		}
		*left -= min(entries.Len(), *left)
	}
	return ctx.Err()
}

// IndexedValues are values of a field that begin with prefix exactly so, as the vocabulary index knows them, with the number of segments that have each: at most top. known
// is false without an index.
func (e *Engine) IndexedValues(ctx context.Context, r Request, fieldName, prefix string, top int) (values []Group, known bool, err error) {
	ix := e.answers.Index()
	if ix == nil {
		return nil, false, nil
	}
	for _, want := range question.FieldOf(r.Signal, fieldName).Wants {
		name := telemetry.Column{Level: want.Level, Key: want.Key, Type: telemetry.TypeString}.Name()
		found, err := ix.Complete(ctx, r.Tenant, name, prefix, top)
		if err != nil {
			return nil, true, err
		}
		for _, f := range found {
			values = append(values, Group{Value: f.Text, Count: uint64(f.Segments)})
		}
	}
	return values[:min(len(values), top)], true, nil
}
