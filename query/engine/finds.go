package engine

import (
	"sync"

	"clew/index"
	"clew/query/engine/match"
)

// never says whether the part is known to hold no match, and counts its row groups as pruned then. scratch is memory to build the key in.
func (q *query) never(part index.Part, info *index.Info, scratch *[]byte) bool {
	byFilter, known := q.engine.answers.Never(info, q.planKey, scratch)
	if !known {
		return false
	}
	groups := int64(len(part.RowGroups()))
	q.tally.groups.Add(groups)
	if byFilter {
		q.tally.byFilter.Add(groups)
	} else {
		q.tally.byVocab.Add(groups)
	}
	return true
}

// finds are the parts in which matches have been found.
type finds struct {
	mu  sync.Mutex
	ids map[string]bool
}

func (f *finds) add(part string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ids == nil {
		f.ids = map[string]bool{}
	}
	f.ids[part] = true
}

// rememberEmpty keeps which of the parts, all of whose rows have been looked at, have no match.
func (q *query) rememberEmpty(bounds []*match.Bound, found *finds) {
	if len(q.tally.partial) > 0 {
		return // perhaps some could not be read
	}
	for _, b := range bounds {
		if b.Info.MinTime >= q.from && b.Info.MaxTime <= q.to && !found.ids[b.Info.ID] {
			b.RememberNever(q.planKey)
		}
	}
}
