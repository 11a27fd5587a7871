package traceindex

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"clew/index"
	"clew/index/catalog"
	"clew/index/segment"
	"clew/index/store"
	"clew/index/vocabulary"
	"clew/internal/telemetry"
)

// Feeder keeps an index as the catalog is: it feeds it the traces of segments that appear (sealed, merged or rewritten), and drops those of segments
// that go. Of a segment it reads the metadata and the column of trace ids.
type Feeder struct {
	index   *Index
	catalog *catalog.Catalog
	store   store.Store
	log     *slog.Logger
	skip    map[string]time.Time // segments that could not be read, and until when they are left alone
}

// NewFeeder returns a feeder of x.
func NewFeeder(x *Index, c *catalog.Catalog, st store.Store, log *slog.Logger) *Feeder {
	return &Feeder{index: x, catalog: c, store: st, log: log, skip: map[string]time.Time{}}
}

// Run feeds the segments there are, and each new one, until ctx ends, which is no error. An error means that the index can't be written any more; it goes on
// answering from what it holds.
func (f *Feeder) Run(ctx context.Context) error {
	for {
		sequence, err := f.Pass(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("feed the trace index: %w", err)
		}
		select { // a pass looks at all segments
		case <-time.After(time.Duration(f.catalog.Current().Len()) * feederRest):
		case <-ctx.Done():
			return nil
		}
		wait, cancel := context.WithTimeout(ctx, retryAfter)
		err = f.catalog.Wait(wait, func(v *catalog.Version) bool { return v.Sequence() > sequence })
		cancel()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("feed the trace index: %w", err)
		}
	}
}

// Pass makes the index what the catalog is at present, and returns the catalog's sequence.
func (f *Feeder) Pass(ctx context.Context) (sequence uint64, err error) {
	version := f.catalog.Acquire()
	defer version.Release()
	live := map[string]bool{}
	var fresh []*catalog.Segment
	now := time.Now()
	for seg := range version.All() {
		if seg.Signal == telemetry.Metrics {
			continue
		}
		live[seg.ID] = true
		if !f.index.Covers(seg.ID) && seg.Rows <= segmentRowsMax && now.After(f.skip[seg.ID]) {
			fresh = append(fresh, seg)
		}
	}
	isLive := func(id string) bool { return live[id] }
	for id, until := range f.skip {
		if !live[id] || now.After(until) {
			delete(f.skip, id)
		}
	}
	if err := f.index.retain(ctx, isLive); err != nil {
		return 0, err
	}
	// The newest first: they are asked for most, and what finds no room is the oldest.
	slices.SortFunc(fresh, func(a, b *catalog.Segment) int { return cmp.Compare(b.MaxTime, a.MaxTime) })
	if err := f.feed(ctx, fresh, isLive); err != nil {
		return 0, err
	}
	return version.Sequence(), nil
}

func (f *Feeder) feed(ctx context.Context, fresh []*catalog.Segment, live func(id string) bool) error {
	var batch []Traces
	entries := 0
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := f.index.add(batch)
		if err == nil {
			err = f.index.tidy(ctx, live)
		}
		batch, entries = nil, 0
		return err
	}
	for i, seg := range fresh {
		if f.index.full() {
			f.index.count(len(fresh)-i, 0)
			break // they are not even read
		}
		hashes, err := hashesOf(ctx, f.store, seg.ID)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			// Queries that need the segment say what is wrong with it.
			f.skip[seg.ID] = time.Now().Add(retryAfter)
			f.index.count(0, 1)
			if !store.IsAway(err) {
				f.log.Warn("segment is not fed to the trace index", "segment", seg.ID, "error", err)
			}
			continue
		}
		batch = append(batch, Traces{seg.ID, hashes})
		if entries += len(hashes); entries >= batchEntries || len(batch) == batchSegments {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// errOtherIDs says that a segment's trace ids are not where the index looks for them.
var errOtherIDs = errors.New("its trace ids are not a column of ids")

// hashesOf reads the traces of a segment.
func hashesOf(ctx context.Context, st store.Store, id string) ([]uint32, error) {
	part, err := segment.Open(ctx, st, id, nil)
	if err != nil {
		return nil, err
	}
	if len(id) > segmentIDBytesMax {
		return nil, fmt.Errorf("its id is %d bytes long", len(id))
	}
	hashes := []uint32{}
	for col, c := range part.Columns() {
		if c.Level != telemetry.LevelField || c.Key != telemetry.FieldTraceID || c.NonNull == 0 {
			continue
		}
		if c.Kind != index.KindRaw || c.Overflow || c.Type != telemetry.TypeBytes {
			return nil, errOtherIDs
		}
		for rg, g := range part.RowGroups() {
			ids, err := part.Bytes(ctx, col, rg)
			if err != nil {
				return nil, err
			}
			hashes = appendHashes(hashes, ids, g.Rows)
		}
	}
	slices.Sort(hashes)
	return slices.Compact(hashes), nil
}

// appendHashes appends the hashes of ids, but for those that repeat the row before: spans are sorted by trace.
func appendHashes(hashes []uint32, ids index.Bytes, rows int) []uint32 {
	var last []byte
	for i := range rows {
		if !index.IsValid(ids.Valid, i) {
			continue
		}
		id := ids.At(i)
		if last != nil && string(id) == string(last) {
			continue
		}
		last = id
		hashes = append(hashes, hashOf(vocabulary.Hash(id)))
	}
	return hashes
}
