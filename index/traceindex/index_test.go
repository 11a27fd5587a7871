package traceindex

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"clew/index/catalog"
	"clew/index/vocabulary"
	"clew/internal/telemetry"
)

// world is an index, and what it should know.
type world struct {
	t       testing.TB
	dir     string
	index   *Index
	catalog *catalog.Catalog
	random  *rand.Rand
	traces  map[string][]uint64 // of each segment, by vocabulary.Hash
	last    uint64
}

func newWorld(t testing.TB, limits Limits) *world {
	w := &world{t: t, dir: t.TempDir(), catalog: catalog.New(), random: rand.New(rand.NewPCG(1, 2)), traces: map[string][]uint64{}}
	w.open(limits)
	return w
}

func (w *world) open(limits Limits) {
	w.t.Helper()
	x, err := Open(w.dir, limits, slog.New(slog.DiscardHandler))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { x.Close() })
	w.index = x
}

func (w *world) trace() uint64 {
	var id telemetry.TraceID
	binary.BigEndian.PutUint64(id[:], w.random.Uint64())
	binary.BigEndian.PutUint64(id[8:], w.random.Uint64())
	return vocabulary.Hash(id[:])
}

// commit changes what segments there are.
func (w *world) commit(added []string, removed []string) {
	w.t.Helper()
	cm := catalog.Commit{Version: catalog.CommitVersion, Epoch: 1, Last: w.last, Reason: "seal", Removed: removed}
	for _, id := range added {
		cm.Added = append(cm.Added, catalog.Segment{ID: id, Signal: telemetry.Spans, Tenant: "default", Rows: 1, Records: 1, Bytes: 1})
	}
	w.last++
	if err := w.catalog.Apply(w.last, cm); err != nil {
		w.t.Fatal(err)
	}
	for _, id := range removed {
		delete(w.traces, id)
	}
}

func (w *world) live(id string) bool { return w.traces[id] != nil }

// grow makes segments of so many traces each, some of them in other segments too, and adds them.
func (w *world) grow(segments, traces int) (ids []string) {
	w.t.Helper()
	var batch []Traces
	for range segments {
		id := fmt.Sprintf("0-spans-20261121T120000Z-%016x", w.random.Uint64())
		t := Traces{Segment: id, Hashes: []uint32{}}
		list := []uint64{}
		for range traces {
			trace := w.trace()
			if len(ids) > 0 && w.random.IntN(4) == 0 {
				if other := w.traces[ids[w.random.IntN(len(ids))]]; len(other) > 0 {
					trace = other[w.random.IntN(len(other))]
				}
			}
			list = append(list, trace)
			t.Hashes = append(t.Hashes, hashOf(trace))
		}
		slices.Sort(t.Hashes)
		t.Hashes = slices.Compact(t.Hashes)
		w.traces[id] = list
		ids, batch = append(ids, id), append(batch, t)
	}
	w.commit(ids, nil)
	if err := w.index.add(batch); err != nil {
		w.t.Fatal(err)
	}
	return ids
}

// pick asks for a trace and holds that no segment that has it is left out. It returns how many are picked beyond those.
func (w *world) pick(traces ...uint64) (more int) {
	w.t.Helper()
	v := w.catalog.Acquire()
	defer v.Release()
	all := v.Segments("default", telemetry.Spans, 0, 0)
	picked := map[string]bool{}
	for _, s := range w.index.Pick(v, "default", telemetry.Spans, all, traces) {
		if picked[s.ID] {
			w.t.Fatalf("segment %s is picked twice", s.ID)
		}
		picked[s.ID] = true
	}
	more = len(picked)
	for id, have := range w.traces {
		if !slices.ContainsFunc(have, func(t uint64) bool { return slices.Contains(traces, t) }) {
			continue
		}
		if !picked[id] {
			w.t.Fatalf("segment %s has a trace of %x and is left out", id, traces)
		}
		more--
	}
	return more
}

// some are traces of segments here and there.
func (w *world) some(n int) (traces []uint64) {
	for _, list := range w.traces {
		if len(list) > 0 {
			traces = append(traces, list[w.random.IntN(len(list))])
		}
		if len(traces) >= n {
			break
		}
	}
	return traces
}

// Segments come and go, runs are merged and the index is opened anew: what is asked for is never left out, and hardly anything else is picked.
func TestPick(t *testing.T) {
	w := newWorld(t, DefaultLimits())
	var ids []string
	for round := range 60 {
		ids = append(ids, w.grow(1+w.random.IntN(40), w.random.IntN(400))...)
		if round%3 == 2 {
			w.random.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
			n := len(ids) / 3
			w.commit(nil, ids[:n])
			ids = slices.Clone(ids[n:])
			if err := w.index.retain(t.Context(), w.live); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.index.tidy(t.Context(), w.live); err != nil {
			t.Fatal(err)
		}
		if round%20 == 19 {
			w.index.Close()
			w.open(DefaultLimits())
		}
		for _, trace := range w.some(10) {
			if more := w.pick(trace); more > 1 {
				t.Errorf("round %d: %d segments too many", round, more)
			}
		}
		w.pick(w.some(5)...)
		if more := w.pick(w.trace()); more > 1 {
			t.Errorf("round %d: %d segments for a trace that is nowhere", round, more)
		}
	}
	s := w.index.Stats()
	if s.Runs > 4*mergeRuns {
		t.Errorf("%d runs", s.Runs)
	}
	files, err := filepath.Glob(filepath.Join(w.dir, "*"))
	if err != nil || len(files) != s.Runs {
		t.Errorf("%v, %v: %d runs", files, err, s.Runs)
	}
	// What is gone is at most as much as what is there.
	live := int64(0)
	for _, list := range w.traces {
		live += int64(len(list))
	}
	if s.Entries > 2*live {
		t.Errorf("%d entries for %d", s.Entries, live)
	}
}

// A segment that the index does not know is picked whatever is asked for.
func TestUncovered(t *testing.T) {
	w := newWorld(t, Limits{Entries: 5000})
	w.grow(20, 200)
	for range 10 { // of these only some find room
		w.grow(5, 50)
	}
	s := w.index.Stats()
	if s.Entries > 5000 || s.Full == 0 || s.Segments == len(w.traces) {
		t.Fatalf("%+v of at most 5000 entries", s)
	}
	if more := w.pick(w.trace()); more != len(w.traces)-s.Segments {
		t.Errorf("%d segments are picked, want the %d that are not covered", more, len(w.traces)-s.Segments)
	}
	for _, trace := range w.some(70) {
		w.pick(trace)
	}
	fresh := "0-spans-20261121T120000Z-fresh"
	w.traces[fresh] = []uint64{w.trace()}
	w.commit([]string{fresh}, nil) // and not fed
	w.pick(w.traces[fresh][0])
}

// Whatever bit is flipped and wherever a file is cut, nothing that is asked for is left out.
func TestDamage(t *testing.T) {
	w := newWorld(t, DefaultLimits())
	w.grow(30, 300)
	w.index.Close()
	files, err := filepath.Glob(filepath.Join(w.dir, "*"+runSuffix))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	whole, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	dropped := 0
	for n := range 300 {
		damaged := slices.Clone(whole)
		if n%10 == 0 {
			damaged = damaged[:w.random.IntN(len(whole))]
		} else {
			damaged[w.random.IntN(len(damaged))] ^= 1 << w.random.IntN(8)
		}
		if err := os.WriteFile(files[0], damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		w.open(DefaultLimits())
		for _, trace := range w.some(30) {
			w.pick(trace)
		}
		for _, trace := range w.traces[w.first()] { // all buckets are read at some time
			w.pick(trace)
		}
		if w.index.Stats().Runs == 0 {
			dropped++
		}
		w.index.Close()
	}
	if dropped < 250 {
		t.Errorf("only %d of 300 damaged files were found damaged", dropped)
	}
}

func (w *world) first() string {
	for id := range w.traces {
		return id
	}
	return ""
}

// A run that is damaged is not merged: it is dropped, and the others stay.
func TestMergeOfDamage(t *testing.T) {
	w := newWorld(t, DefaultLimits())
	for range mergeRuns {
		w.grow(10, 100)
	}
	bad := w.index.runs[1]
	f, err := os.OpenFile(bad.file.Name(), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("not this"), bad.bytes/3); err != nil {
		t.Fatal(err)
	}
	if err := w.index.tidy(t.Context(), w.live); err != nil {
		t.Fatal(err)
	}
	if s := w.index.Stats(); s.Runs != mergeRuns-1 || s.Damaged != 1 || s.Segments != 10*(mergeRuns-1) {
		t.Errorf("%+v", s)
	}
	for _, trace := range w.some(40) {
		w.pick(trace)
	}
}

// Lookups go on while runs are merged and removed.
func TestPickWhileMerging(t *testing.T) {
	w := newWorld(t, DefaultLimits())
	w.grow(50, 200)
	traces := w.some(50)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			v := w.catalog.Acquire()
			for _, trace := range traces {
				if len(w.index.Pick(v, "default", telemetry.Spans, v.Segments("default", telemetry.Spans, 0, 0), []uint64{trace})) == 0 {
					v.Release()
					done <- fmt.Errorf("trace %x is nowhere", trace)
					return
				}
			}
			v.Release()
		}
	}()
	for range 30 {
		ids := w.grow(10, 50)
		if err := w.index.tidy(ctx, w.live); err != nil {
			t.Fatal(err)
		}
		w.commit(nil, ids)
		if err := w.index.retain(ctx, w.live); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
