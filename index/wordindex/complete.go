package wordindex

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"clew/index/vocabulary"

	index "github.com/blevesearch/bleve_index_api"
)

// Completion is a value, or a column's name, that goes on as asked.
type Completion struct {
	Text     string
	Segments int   // in how many of the segments that were fed it was met
	Newest   int64 // time of the newest record of these, nanoseconds
}

// completionsMax bounds the terms that are looked at for one completion: they come in the order of their bytes, not of their rank.
const completionsMax = 5000

// Complete gives values of the tenant's field that begin with prefix, those that most segments have first, and of these the ones met latest; at most limit of
// them. The field "" completes the names of columns. Only what the index holds is offered, and nothing that is dead.
func (ix *Index) Complete(ctx context.Context, tenant, field, prefix string, limit int) ([]Completion, error) {
	g := ix.generation()
	var found []Completion
	err := g.use(func() error {
		s := scope(tenant, field)
		begin := func(r index.IndexReader) (index.FieldDict, error) {
			return r.FieldDictPrefix(fieldValue, append(slices.Clone(s), prefix...))
		}
		return g.terms(ctx, begin, completionsMax, func(_ index.IndexReader, e *index.DictEntry) error {
			text := e.Term[len(s):]
			g.mu.RLock()
			defer g.mu.RUnlock()
			if met, newest, ok := g.marks.alive(EntryID(tenant, field, false, []byte(text))); ok {
				found = append(found, Completion{Text: text, Segments: int(met), Newest: newest})
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("complete from vocabulary index: %w", err)
	}
	slices.SortFunc(found, func(a, b Completion) int {
		return cmp.Or(cmp.Compare(b.Segments, a.Segments), cmp.Compare(b.Newest, a.Newest), cmp.Compare(a.Text, b.Text))
	})
	return found[:min(limit, len(found))], nil
}

// NearWord is a word of the vocabulary that is nearly the one asked for.
type NearWord struct {
	Word     string
	Distance int    // edits away
	Entries  uint64 // that have it
}

// nearMax bounds the words that are looked at.
const nearMax = 2000

// Near gives words of the tenant's field at most distance (up to vocabulary.FuzzyDistanceMax) edits away from word, the nearest first, then those that most entries have. It asks the
// index's dictionary, so that a word may be given whose last record is gone.
func (ix *Index) Near(ctx context.Context, tenant, field, word string, distance, limit int) ([]NearWord, error) {
	g := ix.generation()
	low := vocabulary.AppendLower(nil, []byte(word))
	var found []NearWord
	err := g.use(func() error {
		s := string(scope(tenant, field))
		begin := func(r index.IndexReader) (index.FieldDict, error) {
			fuzzy, ok := r.(index.IndexReaderFuzzy)
			if !ok {
				return nil, errors.New("its dictionaries don't know near words")
			}
			return fuzzy.FieldDictFuzzy(fieldWords, s+string(low), min(distance, vocabulary.FuzzyDistanceMax), s)
		}
		return g.terms(ctx, begin, nearMax, func(r index.IndexReader, e *index.DictEntry) error {
			if len(e.Term) <= len(s) || e.Term[:len(s)] != s || e.Term[len(s)] < ' ' {
				return nil // a hole
			}
			near := e.Term[len(s):]
			entries, err := entriesWith(ctx, r, e.Term) // its dictionary does not say
			if err != nil {
				return err
			}
			found = append(found, NearWord{Word: near, Distance: vocabulary.EditDistance(string(low), near), Entries: entries})
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("near words from vocabulary index: %w", err)
	}
	slices.SortFunc(found, func(a, b NearWord) int {
		return cmp.Or(cmp.Compare(a.Distance, b.Distance), cmp.Compare(b.Entries, a.Entries), cmp.Compare(a.Word, b.Word))
	})
	return found[:min(limit, len(found))], nil
}

// entriesWith counts the entries with a term.
func entriesWith(ctx context.Context, r index.IndexReader, term string) (n uint64, err error) {
	t, err := r.TermFieldReader(ctx, []byte(term), fieldWords, false, false, false)
	if err != nil {
		return 0, err
	}
	return t.Count(), t.Close()
}

// terms walks a dictionary, at most most terms of it.
func (g *generation) terms(ctx context.Context, begin func(index.IndexReader) (index.FieldDict, error), most int, visit func(index.IndexReader, *index.DictEntry) error) (err error) {
	defer func() {
		if r := recover(); r != nil { // bleve maps files and trusts them
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	advanced, err := g.bleve.Advanced()
	if err != nil {
		return err
	}
	reader, err := advanced.Reader()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	dict, err := begin(reader)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dict.Close()) }()
	for range most {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		entry, err := dict.Next()
		if err != nil || entry == nil {
			return err
		}
		if err := visit(reader, entry); err != nil {
			return err
		}
	}
	return nil
}
