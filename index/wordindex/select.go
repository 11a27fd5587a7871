package wordindex

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"clew/index/vocabulary"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/query"
)

// Select narrows down the entries that m need be put to: it returns those places of ids (of entries of the tenant's field) whose entries may match, and all those
// whose entries the index doesn't hold, ascending. ok is false where trying all of them is better: if m can't be asked of bleve (substrings,
// regular expressions, exact values, wildcards in front), or would find much of the index.
func (ix *Index) Select(ctx context.Context, tenant, field string, ids []uint64, m vocabulary.Matcher) (places []int, ok bool, err error) {
	return ix.selectFew(ctx, tenant, field, ids, m, len(ids)/hitsShare)
}

// selectFew is Select that gives up past most hits.
func (ix *Index) selectFew(ctx context.Context, tenant, field string, ids []uint64, m vocabulary.Matcher, most int) (places []int, ok bool, err error) {
	q := lowerWords(scope(tenant, field), vocabulary.Conditions(m))
	if q == nil {
		return nil, false, nil
	}
	g := ix.generation()
	// What is covered before the search is seen by it.
	covered := g.covered(ids)
	var hits map[uint64]struct{}
	err = g.use(func() (err error) {
		hits, err = g.search(ctx, q, most)
		return err
	})
	if err != nil || hits == nil {
		if err != nil {
			err = fmt.Errorf("search vocabulary index: %w", err)
		}
		return nil, false, err
	}
	for i, id := range ids {
		if _, hit := hits[id]; hit || !covered[i] {
			places = append(places, i)
		}
	}
	return places, true, nil
}

// hitsShare: a hit costs bleve about ten times what it costs to match an entry of an arena, so that hits on more than this part of
// the entries are slower than no index.
const hitsShare = 10

// search gives the ids of the entries found; nil if there would be more than most.
func (g *generation) search(ctx context.Context, q query.Query, most int) (hits map[uint64]struct{}, err error) {
	defer func() {
		if r := recover(); r != nil { // bleve maps files and trusts them
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	advanced, err := g.bleve.Advanced()
	if err != nil {
		return nil, err
	}
	reader, err := advanced.Reader()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	searcher, err := q.Searcher(ctx, reader, g.bleve.Mapping(), search.SearcherOptions{Score: "none"})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, searcher.Close()) }()
	sc := &search.SearchContext{DocumentMatchPool: search.NewDocumentMatchPool(searcher.DocumentMatchPoolSize()+1, 0), IndexReader: reader}
	hits = map[uint64]struct{}{}
	for {
		if len(hits)%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		match, err := searcher.Next(sc)
		if err != nil || match == nil {
			return hits, err
		}
		id, err := reader.ExternalID(match.IndexInternalID)
		if err != nil {
			return nil, err
		}
		if len(hits) >= most {
			return nil, nil
		}
		if len(id) == 8 {
			hits[binary.BigEndian.Uint64([]byte(id))] = struct{}{}
		}
		sc.DocumentMatchPool.Put(match)
	}
}

// lowerWords gives a query for all entries whose texts may meet the conditions in sequence, and some others; nil if there is none
// that prunes.
func lowerWords(scope []byte, conditions []vocabulary.Condition) query.Query {
	var each []query.Query // one for each condition
	var plain []string     // the words, if all conditions are plain words
	for i := range conditions {
		c := &conditions[i]
		alternatives := lowerCondition(scope, c)
		if alternatives == nil {
			continue
		}
		each = append(each, bleve.NewDisjunctionQuery(alternatives...))
		if c.Kind == vocabulary.WordIs && !slices.ContainsFunc(c.Low, isDigit) {
			plain = append(plain, string(scope)+string(c.Low))
		}
	}
	if len(each) == 0 {
		return nil
	}
	if len(plain) != len(conditions) || len(plain) == 1 {
		return bleve.NewConjunctionQuery(each...)
	}
	// Without holes that hold words, the words stand side by side.
	inHoles := bleve.NewConjunctionQuery(append(each, bleve.NewDisjunctionQuery(holeTerms(scope)...))...)
	return bleve.NewDisjunctionQuery(bleve.NewPhraseQuery(plain, fieldWords), inHoles)
}

// holeTerms ask for holes that may hold words.
func holeTerms(scope []byte) []query.Query {
	return []query.Query{term(scope, string(vocabulary.HoleID)), term(scope, string(vocabulary.HoleWord)), term(scope, string(vocabulary.HoleRaw))}
}

// lowerCondition gives alternatives of which every token that may meet c satisfies one; nil if they would be nearly everything.
func lowerCondition(scope []byte, c *vocabulary.Condition) []query.Query {
	var holes []query.Query // that may hold such words
	for _, kind := range c.Holes {
		holes = append(holes, term(scope, string(kind)))
	}
	switch c.Kind {
	case vocabulary.WordIs:
		return slices.Concat(holes, []query.Query{term(scope, string(c.Low))}, intTerms(scope, c.Low))
	case vocabulary.WordBegins:
		return slices.Concat(holes, beginning(scope, c.Low), intTerms(scope, c.Low))
	case vocabulary.WordFits:
		fixed := c.Low
		if i := slices.IndexFunc(fixed, func(c byte) bool { return c == '*' || c == '?' }); i >= 0 {
			fixed = fixed[:i]
		}
		if len(fixed) == 0 {
			return nil
		}
		// A '?' or '*' after the fixed part may be a digit: a hole may begin there, which the second of beginning finds.
		return slices.Concat(holes, beginning(scope, fixed), intTerms(scope, fixed))
	case vocabulary.WordNear:
		if slices.ContainsFunc(c.Low, isDigit) {
			return nil
		}
		return append(holes, fuzzy(scope, string(c.Low), c.Distance), fuzzy(scope, string(rune(markLetters))+string(c.Low), c.Distance))
	}
	return nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// beginning asks for words that begin with low, and for those with a HoleInt that begin so before it.
func beginning(scope, low []byte) []query.Query {
	return []query.Query{prefixed(scope, string(low)), prefixed(scope, string(vocabulary.HoleInt)+string(low))}
}

// intTerms ask for words with HoleInts that may begin as low does: a hole where it has a digit.
func intTerms(scope, low []byte) (out []query.Query) {
	for i, c := range low {
		if isDigit(c) {
			out = append(out, term(scope, string(vocabulary.HoleInt)+string(low[:i])))
		}
	}
	return out
}

func term(scope []byte, text string) query.Query {
	q := bleve.NewTermQuery(string(scope) + text)
	q.SetField(fieldWords)
	return q
}

func prefixed(scope []byte, text string) query.Query {
	q := bleve.NewPrefixQuery(string(scope) + text)
	q.SetField(fieldWords)
	return q
}

func fuzzy(scope []byte, text string, distance int) query.Query {
	q := bleve.NewFuzzyQuery(string(scope) + text)
	q.SetField(fieldWords)
	q.SetFuzziness(distance)
	prefix := len(scope)
	if text[0] == markLetters {
		prefix++
	}
	q.SetPrefix(prefix)
	return q
}
