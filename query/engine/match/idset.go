package match

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/cespare/xxhash/v2"

	"clew/index"
	"clew/index/vocabulary"
	"clew/internal/telemetry"
	"clew/query/engine/question"
)

// IDSet is trace ids that a leaf asks for all at once: one pass over a column finds the rows of many traces. It is a
// vocabulary.Matcher of raw ids.
type IDSet struct {
	List    []telemetry.TraceID         // as it was made of
	Numbers map[telemetry.TraceID]int32 // each id's place in the list that the set was made of
	hashes  []uint64                    // for the filters of parts
	// marks has a bit for each value of mark that occurs: it turns almost every other id away without a look at the map.
	marks [1 << 10]uint64
	key   string
}

// NewIDSet makes a set of ids, which stay the caller's to read only.
func NewIDSet(ids []telemetry.TraceID) *IDSet {
	s := &IDSet{List: ids, Numbers: make(map[telemetry.TraceID]int32, len(ids))}
	digest := xxhash.New()
	for i, id := range ids {
		s.Numbers[id] = int32(i)
		s.hashes = append(s.hashes, vocabulary.Hash(id[:]))
		m := mark(id[:])
		s.marks[m>>6] |= 1 << (m & 63)
		_, _ = digest.Write(id[:])
	}
	s.key = fmt.Sprintf("ids:%d,%x", len(ids), digest.Sum64())
	return s
}

// mark is 16 bits of an id that depend on all of it: senders may fill only a part of an id with chance.
func mark(id []byte) uint16 {
	return uint16((binary.LittleEndian.Uint64(id) ^ binary.LittleEndian.Uint64(id[8:])) * 0x9E3779B97F4A7C15 >> 48)
}

// Number gives the place of an id in the set, or false.
func (s *IDSet) Number(id []byte) (int32, bool) {
	if len(id) != len(telemetry.TraceID{}) {
		return 0, false
	}
	if m := mark(id); s.marks[m>>6]>>(m&63)&1 == 0 {
		return 0, false
	}
	n, ok := s.Numbers[telemetry.TraceID(id)]
	return n, ok
}

// leaf is the plan that asks for the set
func (s *IDSet) leaf(signal telemetry.Signal) *Plan {
	return &Plan{kind: planLeaf, field: question.FieldOf(signal, telemetry.FieldTraceID), tests: map[telemetry.Type]*question.Test{telemetry.TypeBytes: question.MatcherTest(s)}}
}

// mayBeIn asks a part's filter (rg: of a row group, or index.Whole) whether any id of the set may be there.
func (s *IDSet) mayBeIn(ctx context.Context, part index.Part, col, rg int) (bool, error) {
	for _, h := range s.hashes {
		if may, err := part.MayContain(ctx, col, rg, h); may || err != nil {
			return may, err
		}
	}
	return len(s.hashes) == 0, nil
}

// match sets the rows whose id is in the set.
func (s *IDSet) match(ids index.Bytes, rows int, into []uint64) {
	for i := range rows {
		if _, ok := s.Number(ids.At(i)); ok && index.IsValid(ids.Valid, i) {
			into[i>>6] |= 1 << (i & 63)
		}
	}
}

// Template implements vocabulary.Matcher.
func (s *IDSet) Template(t []byte, _ vocabulary.HoleFilter) vocabulary.Answer {
	return question.AnswerWithoutHoles(s, t)
}

// Text implements vocabulary.Matcher.
func (s *IDSet) Text(id []byte) bool {
	_, ok := s.Number(id)
	return ok
}

// Words implements vocabulary.Matcher.
func (s *IDSet) Words() []uint64 { return nil }

func (s *IDSet) String() string { return s.key }

// idsOf is the set that a test asks for, if it asks for one.
func idsOf(t *question.Test) *IDSet {
	s, _ := t.Matcher.(*IDSet)
	return s
}
