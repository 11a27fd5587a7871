package wordindex

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"clew/index/vocabulary"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/document"
	index "github.com/blevesearch/bleve_index_api"
	"github.com/cespare/xxhash/v2"
)

// A document has two fields. All terms begin with the scope, a hash of tenant and column, so that one term finds what is in one column.
//
//	words: a term for each token of the text, at its position:
//	       a word                      scope + the word in lower case
//	       a word with HoleInts in it  scope + 0x01 + what stands before the first of them,
//	                                   and scope + 0x05 + all its letters, at the same position
//	       any other hole              scope + the hole's byte
//	value: the whole text of a value, as it is (short ones only): for completion
const (
	fieldWords = "w"
	fieldValue = "v"

	// markLetters marks the terms of the letters of words with HoleInts.
	markLetters = 0x05

	// completeBytesMax is the longest value offered as a completion.
	completeBytesMax = 256
)

// scope is the beginning of all terms of a tenant's column.
func scope(tenant, field string) []byte {
	return fmt.Appendf(nil, "%08x", uint32(xxhash.Sum64String(tenant+"\x00"+field)))
}

func idString(id uint64) string {
	return string(binary.BigEndian.AppendUint64(nil, id))
}

func entryDocument(id uint64, e Entry) *document.Document {
	doc := document.NewDocument(idString(id))
	s := scope(e.Tenant, e.Field)
	doc.AddField(document.NewTextFieldCustom(fieldWords, nil, e.Text, index.IndexField|index.IncludeTermVectors, tokenAnalyzer{s, e.Template}))
	if !e.Template && len(e.Text) <= completeBytesMax {
		doc.AddField(document.NewTextFieldCustom(fieldValue, nil, e.Text, index.IndexField, wholeAnalyzer{s}))
	}
	return doc
}

// tokenAnalyzer gives bleve exactly our words.
type tokenAnalyzer struct {
	scope    []byte
	template bool
}

// Analyze implements analysis.Analyzer.
func (a tokenAnalyzer) Analyze(text []byte) (tokens analysis.TokenStream) {
	add := func(start, end, position int, term ...[]byte) {
		tokens = append(tokens, &analysis.Token{
			Start: start, End: end, Position: position, Term: bytes.Join(append([][]byte{a.scope}, term...), nil),
		})
	}
	next := vocabulary.NextToken
	if !a.template {
		next = func(t []byte, i int) (start, end int, kind byte) {
			start, end = vocabulary.NextWord(t, i)
			return start, end, 0
		}
	}
	for i, position := 0, 1; ; position++ {
		start, end, kind := next(text, i)
		if start < 0 {
			return tokens
		}
		switch token := text[start:end]; kind {
		case 0:
			add(start, end, position, vocabulary.AppendLower(nil, token))
		case vocabulary.HoleInt:
			low := vocabulary.AppendLower(nil, token)
			add(start, end, position, []byte{vocabulary.HoleInt}, low[:bytes.IndexByte(low, vocabulary.HoleInt)])
			add(start, end, position, []byte{markLetters}, bytes.ReplaceAll(low, []byte{vocabulary.HoleInt}, nil))
		default:
			add(start, end, position, []byte{kind})
		}
		i = end
	}
}

// wholeAnalyzer makes the text one term.
type wholeAnalyzer struct{ scope []byte }

// Analyze implements analysis.Analyzer.
func (a wholeAnalyzer) Analyze(text []byte) analysis.TokenStream {
	return analysis.TokenStream{{Start: 0, End: len(text), Position: 1, Term: append(bytes.Clone(a.scope), text...)}}
}
