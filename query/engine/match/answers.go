package match

import (
	"encoding/binary"
	"strconv"

	"github.com/VictoriaMetrics/fastcache"

	"clew/index/vocabulary"
	"clew/index/wordindex"
)

// Answers keeps the answers of vocabularies that do not change, and has the vocabulary index asked about large ones. Both only save work: what a
// plan is rewritten to is the same without them. It is safe for concurrent use.
type Answers struct {
	cache       *fastcache.Cache // nil: nothing is kept
	accelerator *accelerator     // nil: none
}

// NewAnswers keeps answers of so many bytes; 0 or less: none.
func NewAnswers(bytes int) *Answers {
	a := &Answers{}
	if bytes > 0 {
		a.cache = fastcache.New(bytes)
	}
	return a
}

// UseIndex makes ix be asked about vocabularies of at least so many entries. It is called before the first plan is bound.
func (a *Answers) UseIndex(ix *wordindex.Index, entries int) {
	a.accelerator = &accelerator{index: ix, min: entries, ids: map[columnKey][]uint64{}}
}

// Index is the vocabulary index that is asked, or nil.
func (a *Answers) Index() *wordindex.Index {
	if a.accelerator == nil {
		return nil
	}
	return a.accelerator.index
}

// Close gives the memory back. Nobody may use the answers then.
func (a *Answers) Close() {
	if a.cache != nil {
		a.cache.Reset()
	}
}

// answerKey names an answer: parts have unique ids and don't change.
func answerKey(part string, col int, question string) []byte {
	k := make([]byte, 0, len(part)+len(question)+8)
	k = append(k, part...)
	k = append(k, 0)
	k = strconv.AppendInt(k, int64(col), 10)
	k = append(k, 0)
	return append(k, question...)
}

// keep caches an answer: the vocabulary's size<<1, plus 1 if a filter had a part in it, then runs of equal answers as (length<<2 | answer).
func (a *Answers) keep(key []byte, s *codeSet) {
	if a.cache == nil || len(key) > cacheEntryMax/2 {
		return
	}
	head := uint64(len(s.answers)) << 1
	if s.filtered {
		head |= 1
	}
	v := binary.AppendUvarint(nil, head)
	for i := 0; i < len(s.answers); {
		j := i + 1
		for j < len(s.answers) && s.answers[j] == s.answers[i] {
			j++
		}
		v = binary.AppendUvarint(v, uint64(j-i)<<2|uint64(s.answers[i]))
		i = j
	}
	if len(key)+len(v) <= cacheEntryMax {
		a.cache.Set(key, v)
	}
}

// cached returns a kept answer, or nil.
func (a *Answers) cached(key []byte) *codeSet {
	if a.cache == nil || len(key) > cacheEntryMax/2 {
		return nil
	}
	v, ok := a.cache.HasGet(nil, key)
	if !ok {
		return nil
	}
	head, used := binary.Uvarint(v)
	answers := make([]vocabulary.Answer, 0, head>>1)
	for v = v[used:]; len(v) > 0; {
		run, used := binary.Uvarint(v)
		for range run >> 2 {
			answers = append(answers, vocabulary.Answer(run&3))
		}
		v = v[used:]
	}
	s := newCodeSet(answers)
	s.filtered = head&1 == 1
	return s
}
