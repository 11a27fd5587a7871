package ingest

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"clew/index/catalog"
	"clew/ingest/shardlog"
)

// sources drops repeated batches: those whose sequence is not above the last one of their source.
//
// A commit must hold what was known at its floor, not now: a replay starts after the floor, and a message there must not be taken for a
// repetition of itself. So there are two states, as of the last commit's floor and as of now, and a list of what lies between.
type sources struct {
	mu    sync.Mutex
	now   map[string]lastSeen
	floor map[string]lastSeen
	since []sighting // in order of position, all above the floor
}

type lastSeen struct {
	seq  uint64
	seen int64 // nanoseconds, log time
}

type sighting struct {
	position uint64
	id       string
	lastSeen
}

func newSources(committed []catalog.Source) *sources {
	s := &sources{floor: make(map[string]lastSeen, len(committed))}
	for _, c := range committed {
		s.floor[c.ID] = lastSeen{c.Seq, c.Seen}
	}
	s.now = maps.Clone(s.floor)
	return s
}

// see notes the message's sources and says which of its records are new. keep is nil if all are; repeated is how many are not.
// A message whose counts don't add up is kept unless all its sources are repeated: rather twice than not at all.
func (s *sources) see(position uint64, at time.Time, m *shardlog.Message) (keep []bool, repeated int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	total := 0
	for _, src := range m.Sources {
		total += int(src.Count)
	}
	first, old := 0, 0
	for _, src := range m.Sources {
		end := first + int(src.Count)
		if last, known := s.now[src.ID]; known && src.Seq <= last.seq {
			old++
			if total == m.Records {
				if keep == nil {
					keep = slices.Repeat([]bool{true}, m.Records)
				}
				clear(keep[first:end])
				repeated += int(src.Count)
			}
		} else {
			seen := lastSeen{src.Seq, at.UnixNano()}
			s.now[src.ID] = seen
			s.since = append(s.since, sighting{position, src.ID, seen})
		}
		first = end
	}
	if len(s.now) > 2*sourcesMax {
		expire(s.now)
	}
	if old > 0 && old == len(m.Sources) {
		return make([]bool, m.Records), m.Records
	}
	return keep, repeated
}

// at lists what was known at a position at or above the last settled floor.
func (s *sources) at(floor uint64) []catalog.Source {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := maps.Clone(s.floor)
	s.foldLocked(known, floor)
	list := make([]catalog.Source, 0, len(known))
	for id, last := range known {
		list = append(list, catalog.Source{ID: id, Seq: last.seq, Seen: last.seen})
	}
	slices.SortFunc(list, func(a, b catalog.Source) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// settle says that at(floor) has been committed.
func (s *sources) settle(floor uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.foldLocked(s.floor, floor)
	s.since = slices.Delete(s.since, 0, n)
	expire(s.now)
}

// foldLocked brings known up to floor and says how many sightings that took.
func (s *sources) foldLocked(known map[string]lastSeen, floor uint64) int {
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
	maps.DeleteFunc(known, func(_ string, last lastSeen) bool { return last.seen < latest-int64(sourceKeep) })
	if len(known) <= sourcesMax {
		return
	}
	ids := slices.SortedFunc(maps.Keys(known), func(a, b string) int { return cmp.Compare(known[a].seen, known[b].seen) })
	for _, id := range ids[:len(ids)-sourcesMax] {
		delete(known, id)
	}
}
