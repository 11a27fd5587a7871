package sources

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"clew/index/catalog"
	"clew/ingest/shardlog"
	"clew/internal/ledger"
)

// Known drops repeated records: those of batches before the last one of their source, and those of the last one that have been consumed. It counts what
// came of each source, which is as exact as the dropping is: both follow from the log alone.
//
// A commit must hold what was known at its floor, not now: a replay starts after the floor, and a message there must not be taken for a
// repetition of itself. So there are two states, as of the last commit's floor and as of now, and a list of what lies between.
type Known struct {
	mu    sync.Mutex
	now   map[string]lastSeen
	floor map[string]lastSeen
	since []sighting // in order of position, all above the floor
}

// lastSeen is what is known of a source. What it says of Part and the account is described at [catalog.Source].
type lastSeen struct {
	seq              uint64
	part             uint32 // records of seq that were consumed
	seen             int64  // nanoseconds, log time
	first            uint64
	stored, repeated uint64
}

type sighting struct {
	position uint64
	id       string
	lastSeen
}

// New begins with what the last commit says.
func New(committed []catalog.Source) *Known {
	s := &Known{floor: make(map[string]lastSeen, len(committed))}
	for _, c := range committed {
		last := lastSeen{seq: c.Seq, part: c.Part, seen: c.Seen, first: c.First, stored: c.Stored, repeated: c.Repeated}
		if last.part == 0 {
			last.part = math.MaxUint32
		}
		s.floor[c.ID] = last
	}
	s.now = maps.Clone(s.floor)
	return s
}

// take notes records of a source and says how many of them, from the first on, have been consumed before.
func (l *lastSeen) take(src *shardlog.SourceSeq, known bool, at time.Time) (repeated uint32) {
	end := uint32(min(uint64(src.First)+uint64(src.Count), math.MaxUint32-1))
	switch {
	case !known:
		l.first = src.Seq
	case src.Seq < l.seq, src.Seq == l.seq && end <= l.part:
		repeated = src.Count
	case src.Seq == l.seq && src.First < l.part:
		repeated = l.part - src.First
	}
	l.stored += uint64(src.Count - repeated)
	l.repeated += uint64(repeated)
	if repeated < src.Count || !known {
		l.seq, l.part = src.Seq, end
		l.seen = at.UnixNano()
	}
	return repeated
}

// See notes the message's sources and says which of its records are new. keep is nil if all are; repeated is how many are not, replayed how many of these
// were sent twice by a sender that numbers its batches.
// A message whose counts don't add up is kept unless all its sources are repeated: rather twice than not at all.
func (s *Known) See(position uint64, at time.Time, m *shardlog.Message) (keep []bool, repeated, replayed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	total := 0
	for _, src := range m.Sources {
		total += int(src.Count)
	}
	first, old := 0, 0
	for i := range m.Sources {
		src := &m.Sources[i]
		last, known := s.now[src.ID]
		n := int(last.take(src, known, at))
		s.now[src.ID] = last
		s.since = append(s.since, sighting{position, src.ID, last})
		if n > 0 && total == m.Records {
			if keep == nil {
				keep = slices.Repeat([]bool{true}, m.Records)
			}
			clear(keep[first : first+n])
			repeated += n
			if strings.HasPrefix(src.ID, ledger.SourcePrefix) {
				replayed += n
			}
		}
		if n == int(src.Count) && n > 0 {
			old++
		}
		first += int(src.Count)
	}
	if len(s.now) > 2*sourcesMax {
		expire(s.now)
	}
	if old > 0 && old == len(m.Sources) {
		return make([]bool, m.Records), m.Records, replayed
	}
	return keep, repeated, replayed
}

// Accounts lists what is known now of the sources that number their batches themselves.
func (s *Known) Accounts(add func(id string, seq, first, stored, repeated uint64)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, l := range s.now {
		if strings.HasPrefix(id, ledger.SourcePrefix) {
			add(id, l.seq, l.first, l.stored, l.repeated)
		}
	}
}

// At lists what was known at a position at or above the last settled floor.
func (s *Known) At(floor uint64) []catalog.Source {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := maps.Clone(s.floor)
	s.foldLocked(known, floor)
	list := make([]catalog.Source, 0, len(known))
	for id, l := range known {
		c := catalog.Source{ID: id, Seq: l.seq, Seen: l.seen, Part: l.part, First: l.first, Stored: l.stored, Repeated: l.repeated}
		if c.Part == math.MaxUint32 {
			c.Part = 0
		}
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b catalog.Source) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// Settle says that at(floor) has been committed.
func (s *Known) Settle(floor uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.foldLocked(s.floor, floor)
	s.since = slices.Delete(s.since, 0, n)
	expire(s.now)
}

// foldLocked brings known up to floor and says how many sightings that took.
func (s *Known) foldLocked(known map[string]lastSeen, floor uint64) int {
	n := 0
	for n < len(s.since) && s.since[n].position <= floor {
		known[s.since[n].id] = s.since[n].lastSeen
		n++
	}
	expire(known)
	return n
}

// expire forgets sources that have been silent for long, by the log's own clock, and the most silent beyond the bound.
func expire(known map[string]lastSeen) {
	latest := int64(0)
	for _, last := range known {
		latest = max(latest, last.seen)
	}
	maps.DeleteFunc(known, func(id string, last lastSeen) bool {
		keep := sourceKeep
		if strings.HasPrefix(id, ledger.SourcePrefix) {
			keep = numberedKeep
		}
		return last.seen < latest-int64(keep)
	})
	if len(known) <= sourcesMax {
		return
	}
	ids := slices.SortedFunc(maps.Keys(known), func(a, b string) int { return cmp.Compare(known[a].seen, known[b].seen) })
	for _, id := range ids[:len(ids)-sourcesMax] {
		delete(known, id)
	}
}
