package hits

import (
	"slices"
	"sync"

	"clew/query/engine/match"
)

// Keeper keeps the first n of records that come in any order, from several goroutines.
type Keeper struct {
	N     int
	Order func(a, b *match.Record) int
	After *Cursor // nil, or: all records are of the cursor's time, and those that it has passed don't count

	mu      sync.Mutex
	records []match.Record
	equal   []match.Record // those of the cursor's own key
}

// Add takes records.
func (k *Keeper) Add(records []match.Record) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range records {
		if k.After != nil {
			switch c := k.Order(&r, &match.Record{Time: k.After.Time, Key: k.After.key}); {
			case c < 0:
				continue
			case c == 0:
				k.equal = append(k.equal, r)
				continue
			}
		}
		k.records = append(k.records, r)
	}
	k.sortLocked()
}

func (k *Keeper) sortLocked() {
	slices.SortStableFunc(k.records, func(a, b match.Record) int { return k.Order(&a, &b) })
	if len(k.records) > k.N {
		clear(k.records[k.N:])
		k.records = k.records[:k.N]
	}
}

// First gives what was kept, in order.
func (k *Keeper) First() []match.Record {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.After != nil && len(k.equal) > int(k.After.passed) {
		k.records = append(k.records, k.equal[k.After.passed:]...)
		k.sortLocked()
	}
	return k.records
}

// Equal are the records of the cursor's own key.
func (k *Keeper) Equal() []match.Record {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.equal
}
