package match

import (
	"context"
	"sync"

	"clew/index"
	"clew/index/vocabulary"
	"clew/index/wordindex"
)

// accelerator asks the vocabulary index which entries of a large vocabulary can match, so that only those are tried. It only leaves out
// what cannot match; answers are the same without it.
type accelerator struct {
	index *wordindex.Index
	min   int // entries from which on the index is asked

	mu   sync.Mutex
	ids  map[columnKey][]uint64
	size int // of all ids
}

// columnKey names a column of a part that does not change.
type columnKey struct {
	part string
	col  int
}

// match is vocabulary.Match, over the entries that the index does not rule out.
func (a *accelerator) match(ctx context.Context, b *Bound, col int, arena *vocabulary.Arena, m vocabulary.Matcher) (always, may []uint32, ok bool) {
	if a == nil || b.Info.Head || arena.Len() < a.min {
		return nil, nil, false
	}
	info := b.Columns[col]
	places, ok, err := a.index.Select(ctx, b.Info.Tenant, info.Name(), a.idsOf(b, col, arena), m)
	if err != nil || !ok {
		return nil, nil, false // a cache that cannot answer is not asked
	}
	for _, place := range places {
		switch {
		case info.Kind != index.KindText:
			if m.Text(arena.At(place)) {
				always = append(always, uint32(place))
			}
		default:
			switch m.Template(arena.At(place), nil) {
			case vocabulary.Always:
				always = append(always, uint32(place))
			case vocabulary.May:
				may = append(may, uint32(place))
			}
		}
	}
	return always, may, true
}

// idsOf are the ids of a column's entries, by code.
func (a *accelerator) idsOf(b *Bound, col int, arena *vocabulary.Arena) []uint64 {
	key := columnKey{b.Info.ID, col}
	a.mu.Lock()
	ids := a.ids[key]
	a.mu.Unlock()
	if len(ids) == arena.Len() {
		return ids
	}
	info := b.Columns[col]
	ids = make([]uint64, arena.Len())
	for i := range ids {
		ids[i] = wordindex.EntryID(b.Info.Tenant, info.Name(), info.Kind == index.KindText, arena.At(i))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.size += len(ids); a.size > acceleratedIDsMax {
		clear(a.ids) // they are cheap to make anew
		a.size = len(ids)
	}
	a.ids[key] = ids
	return ids
}
