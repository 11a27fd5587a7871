package segment

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"weak"

	"clew/index"
	"clew/index/store"
	"clew/internal/telemetry"
)

func TestCacheKeepsItsBudget(t *testing.T) {
	c := NewCache(10_000, 0)
	load := func(bytes int64) func() (int64, int64, error) {
		return func() (int64, int64, error) { return bytes, bytes, nil }
	}
	key := func(i int) cacheKey { return cacheKey{segment: "s", a: int32(i)} }
	for i := range 100 {
		if v, err := cached(c, key(i), load(int64(i))); err != nil || v != int64(i) {
			t.Fatalf("%d, %v", v, err)
		}
		if _, err := cached(c, key(0), load(0)); err != nil { // stays the most recent
			t.Fatal(err)
		}
		if stats := c.Stats(); stats.Bytes > stats.BytesMax {
			t.Fatalf("%d bytes in a cache for %d", stats.Bytes, stats.BytesMax)
		}
	}
	stats := c.Stats()
	if stats.Evictions == 0 || stats.Hits != 100 {
		t.Errorf("%+v: want evictions, and a hit each time for what is used all the time", stats)
	}
	if _, err := cached(c, key(1000), load(20_000)); err != nil {
		t.Fatal(err)
	}
	if got := c.Stats(); got.Entries != stats.Entries {
		t.Errorf("what is larger than the cache changed it: %+v, was %+v", got, stats)
	}
	boom := errors.New("boom")
	if _, err := cached(c, key(2000), func() (int64, int64, error) { return 0, 0, boom }); !errors.Is(err, boom) {
		t.Errorf("%v, want the loader's error", err)
	}
	c.Forget("s")
	if got := c.Stats(); got.Entries != 0 || got.Bytes != 0 {
		t.Errorf("after Forget: %+v", got)
	}
}

// With stored bytes cached, a second reader reads nothing from the store; many readers at once get the same.
func TestStoredBytesAreCached(t *testing.T) {
	ctx := context.Background()
	st := openStore(t)
	rows := randomRows(rand.New(rand.NewPCG(7, 7)), telemetry.Logs, 3000)
	cache := NewCache(1, 64<<20) // nothing decoded fits
	if _, err := Write(ctx, st, "x", []index.Part{newFakePart(telemetry.Logs, rows, 1000, naturalKind)}, Options{RowGroupRows: 1000}); err != nil {
		t.Fatal(err)
	}
	s, err := Open(ctx, st, "x", cache)
	if err != nil {
		t.Fatal(err)
	}
	// What Open has read ahead is not cached, and goes with the next collection: here at once, so that every byte is read by itself.
	s.near = weak.Pointer[[]byte]{}
	want := partRows(t, s)
	read := s.BytesRead()
	runtime.GC()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for rg := range s.RowGroups() {
				got, err := groupRows(s, rg)
				if err != nil {
					t.Error(err)
					return
				}
				for i, row := range got {
					if rowKey(row) != rowKey(want[rg*1000+i]) {
						t.Errorf("row %d of row group %d differs", i, rg)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	if again := s.BytesRead() - read; again > 0 {
		t.Errorf("read %d bytes again from the store", again)
	}
	if stats := cache.Stats(); stats.Entries != 0 {
		t.Errorf("%d entries in a cache of one byte", stats.Entries)
	}
}

// A store that fails while a segment is written: the error comes through, with its type, and there is no segment.
func TestWriteOnFailingStore(t *testing.T) {
	ctx := context.Background()
	rows := randomRows(rand.New(rand.NewPCG(8, 8)), telemetry.Spans, 500)
	part := newFakePart(telemetry.Spans, rows, 500, naturalKind)
	for _, fault := range []store.Fault{
		{Op: store.OpPut, Match: ".parquet", Err: syscall.ENOSPC},
		{Op: store.OpPut, Match: ".parquet", After: 10_000, Err: syscall.ENOSPC},
		{Op: store.OpPut, Match: ".index", After: 100, Err: syscall.ENOSPC},
	} {
		st := store.NewFaulty(openStore(t), fault)
		_, err := Write(ctx, st, "x", []index.Part{part}, Options{})
		var full *store.FullError
		if !errors.As(err, &full) {
			t.Errorf("%+v: %v, want a *store.FullError", fault, err)
		}
		if _, err := Open(ctx, st, "x", nil); !store.IsNotExist(err) {
			t.Errorf("%+v: a segment is there: %v", fault, err)
		}
		st.Script()
		if _, err := Write(ctx, st, "x", []index.Part{part}, Options{}); err != nil {
			t.Errorf("writing again once there is room: %v", err)
		}
		s, err := Open(ctx, st, "x", nil)
		if err != nil {
			t.Fatal(err)
		}
		sameRows(t, slices.Clone(rows), partRows(t, s))
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := Write(cancelled, openStore(t), "x", []index.Part{part}, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// A part that fails while it is read fails the writing of a segment.
func TestWriteFromDamagedSegment(t *testing.T) {
	ctx := context.Background()
	st := openStore(t)
	rows := randomRows(rand.New(rand.NewPCG(8, 9)), telemetry.Logs, 500)
	s, _ := writeAndOpen(t, st, "x", Options{}, newFakePart(telemetry.Logs, rows, 500, naturalKind))
	parquetName, _ := Names("x")
	if err := st.Delete(ctx, parquetName); err != nil {
		t.Fatal(err)
	}
	var damage *index.DamageError
	if _, err := Write(ctx, st, "y", []index.Part{s}, Options{}); !errors.As(err, &damage) || damage.File != parquetName {
		t.Errorf("%v, want damage of %s", err, parquetName)
	}
}
