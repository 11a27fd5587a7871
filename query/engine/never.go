package engine

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"sync"

	"clew/index"
	"clew/internal/telemetry"
)

// Most segments hold nothing of a rare word, and what a segment does not hold it never will. So it is remembered which parts a plan was
// rewritten to "never" for: the next query with the same plan passes over them for the price of a look-up, however many there are.

// planKey is a plan in canonical form, for remembering which parts cannot match it; nil if there is nothing to remember, or no way to name it.
func (e *Engine) planKey(r Request, p *plan) []byte {
	if e.cache == nil || r.ids != nil || p.kind == planConst {
		return nil // the ids of traces have no short name that only they have
	}
	key := appendPlan(nil, p)
	if len(key) > planKeyMax {
		return nil
	}
	return key
}

// appendPlan appends bytes that no plan has which asks something else. Each text is preceded by its length.
func appendPlan(dst []byte, p *plan) []byte {
	sized := func(s string) {
		dst = strconv.AppendInt(dst, int64(len(s)), 10)
		dst = append(append(dst, ':'), s...)
	}
	dst = append(dst, byte(p.kind))
	switch p.kind {
	case planConst:
		return strconv.AppendBool(dst, p.value)
	case planLeaf:
		sized(p.field.Name)
		for _, typ := range slices.SortedFunc(maps.Keys(p.tests), cmp.Compare[telemetry.Type]) {
			dst = append(dst, byte(typ))
			sized(p.tests[typ].Key)
		}
	}
	for _, k := range p.kids {
		dst = appendPlan(dst, k)
	}
	return append(dst, planEnd)
}

// planEnd ends a node; no planKind and no digit is so large.
const planEnd = 0xFF

// neverByVocab and neverByFilter are what is kept of a part that cannot match.
const (
	neverByVocab  = 1
	neverByFilter = 2
)

// never says whether the part is known to hold no match, and counts its row groups as pruned then. scratch is memory to build the key in.
func (q *query) never(part index.Part, info *index.Info, scratch *[]byte) bool {
	if q.planKey == nil || info.Head {
		return false
	}
	*scratch = append(append(append((*scratch)[:0], info.ID...), 1), q.planKey...)
	var value [1]byte
	why, ok := q.engine.cache.HasGet(value[:0], *scratch)
	if !ok || len(why) != 1 {
		return false
	}
	groups := int64(len(part.RowGroups()))
	q.tally.groups.Add(groups)
	if why[0] == neverByFilter {
		q.tally.byFilter.Add(groups)
	} else {
		q.tally.byVocab.Add(groups)
	}
	return true
}

// rememberNever keeps that a part cannot match.
func (q *query) rememberNever(b *bound) {
	if q.planKey == nil || b.info.Head {
		return
	}
	why := byte(neverByVocab)
	if b.filtered {
		why = neverByFilter
	}
	q.engine.cache.Set(append(append([]byte(b.info.ID), 1), q.planKey...), []byte{why})
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
func (q *query) rememberEmpty(bounds []*bound, found *finds) {
	if len(q.tally.partial) > 0 {
		return // perhaps some could not be read
	}
	for _, b := range bounds {
		if b.info.MinTime >= q.from && b.info.MaxTime <= q.to && !found.ids[b.info.ID] {
			q.rememberNever(b)
		}
	}
}
