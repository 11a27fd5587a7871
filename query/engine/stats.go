package engine

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Stats says what an answer took, and whether it is everything.
type Stats struct {
	Parts          int // segments and head generations considered
	Heads          int // of them head generations
	Skipped        int // segments not opened: the trace index knows that they hold none of the traces asked for
	RowGroups      int // considered
	PrunedTime     int // row groups passed over by their times (or because newer ones sufficed)
	PrunedVocab    int // by their vocabularies and histograms
	PrunedFilter   int // by id and word filters
	RowsMatched    int64
	RowsRebuilt    int64 // texts rebuilt and tested
	RowsShown      int64
	BytesRead      int64 // from the store
	CatalogVersion uint64
	Partial        []string // why the answer is not everything; empty if it is
	Took           time.Duration
}

// tally collects Stats from many goroutines.
type tally struct {
	start                             time.Time
	groups, byTime, byVocab, byFilter atomic.Int64
	matched, rebuilt, shown           atomic.Int64
	parts, heads, skipped             int
	version                           uint64
	bytesBefore                       int64

	mu      sync.Mutex
	partial []string
}

func (t *tally) missing(why string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.Contains(t.partial, why) {
		t.partial = append(t.partial, why)
	}
}

func (t *tally) stats(bytesRead int64) Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Stats{
		Parts: t.parts, Heads: t.heads, Skipped: t.skipped, RowGroups: int(t.groups.Load()),
		PrunedTime: int(t.byTime.Load()), PrunedVocab: int(t.byVocab.Load()), PrunedFilter: int(t.byFilter.Load()),
		RowsMatched: t.matched.Load(), RowsRebuilt: t.rebuilt.Load(), RowsShown: t.shown.Load(),
		BytesRead: bytesRead, CatalogVersion: t.version, Partial: slices.Clone(t.partial), Took: time.Since(t.start),
	}
}
