package nearby

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"clew/index/store"
	"clew/index/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// farStore is a directory that counts what it is asked, and is slow or away when told so.
type farStore struct {
	*store.Dir
	requests atomic.Int64
	delay    atomic.Int64
	away     atomic.Bool
}

func (f *farStore) ReadRange(ctx context.Context, name string, p []byte, off int64) (int, int64, error) {
	f.requests.Add(1)
	if f.away.Load() {
		return 0, 0, &store.AwayError{Reason: store.AwayUnreachable, Err: errors.New("refused")}
	}
	select {
	case <-time.After(time.Duration(f.delay.Load())):
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	}
	return f.Dir.ReadRange(ctx, name, p, off)
}

func newFar(t *testing.T) *farStore {
	t.Helper()
	d, err := store.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &farStore{Dir: d}
}

func open(t *testing.T, far store.RangeReader, dir string, bytesMax int64) *Store {
	t.Helper()
	s, err := Open(far, dir, bytesMax)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func putObject(t *testing.T, st store.Store, name string, data []byte) {
	t.Helper()
	if _, err := st.Put(t.Context(), name, func(w io.Writer) error { _, err := w.Write(data); return err }); err != nil {
		t.Fatal(err)
	}
}

func randomBytes(n int) []byte {
	data := make([]byte, n)
	rng := rand.New(rand.NewPCG(uint64(n), 1))
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	return data
}

func expect(t *testing.T, s *Store, name string, data []byte, off, n int) {
	t.Helper()
	p := make([]byte, n)
	if err := s.ReadAt(t.Context(), name, p, int64(off)); err != nil || !bytes.Equal(p, data[off:off+n]) {
		t.Fatalf("read %s at %d, %d bytes: differs, %v", name, off, n, err)
	}
}

func TestContract(t *testing.T) {
	storetest.RunContract(t, func(t *testing.T) store.Store { return open(t, newFar(t), t.TempDir(), 1<<30) })
	t.Run("without room", func(t *testing.T) {
		storetest.RunContract(t, func(t *testing.T) store.Store { return open(t, newFar(t), t.TempDir(), 1) })
	})
}

// Any range of any object reads as it would far away, cached or not, after restarts, with a cache that holds all, some or nothing, and many readers.
func TestReadsAreRight(t *testing.T) {
	far, dir := newFar(t), t.TempDir()
	objects := map[string][]byte{}
	for name, n := range map[string]int{"a": 0, "b": 1, "c": blockBytes, "d": blockBytes + 1, "e/f": 11*blockBytes - 7} {
		objects[name] = randomBytes(n)
		putObject(t, far, name, objects[name])
	}
	for _, bytesMax := range []int64{1 << 30, 3 * blockBytes, 1} {
		s := open(t, far, dir, bytesMax)
		var wg sync.WaitGroup
		for seed := range 4 {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(seed), 2))
				for range 150 {
					for name, data := range objects {
						off := rng.IntN(len(data) + 10)
						p := make([]byte, 1+rng.IntN(3*blockBytes))
						n, size, err := s.ReadRange(t.Context(), name, p, int64(off))
						want := data[min(off, len(data)):min(off+len(p), len(data))]
						if err != nil || size != int64(len(data)) || !bytes.Equal(p[:n], want) {
							t.Errorf("%s at %d: %d bytes of %d (want %d of %d), %v", name, off, n, size, len(want), len(data), err)
							return
						}
					}
				}
			})
		}
		wg.Wait()
		s.Close()
		if st := s.Stats(); st.Bytes > bytesMax {
			t.Errorf("%d bytes kept, at most %d allowed", st.Bytes, bytesMax)
		}
	}
}

// What is here is not asked for again, in this life or the next one, and serves while the store is away.
func TestKeeps(t *testing.T) {
	far, dir := newFar(t), t.TempDir()
	data := randomBytes(5*blockBytes + 100)
	s := open(t, far, dir, 1<<30)
	putObject(t, s, "segments/x", data)
	expect(t, s, "segments/x", data, 0, len(data))
	if got := far.requests.Load(); got != 0 {
		t.Errorf("what was put through the cache was fetched by %d requests", got)
	}
	s.Close()
	far.away.Store(true)
	again := open(t, far, dir, 1<<30)
	expect(t, again, "segments/x", data, 100, len(data)-100)
	if size, err := again.Size(t.Context(), "segments/x"); err != nil || size != int64(len(data)) {
		t.Errorf("Size: %d, %v", size, err)
	}
	if err := again.ReadAt(t.Context(), "segments/y", make([]byte, 1), 0); !store.IsAway(err) {
		t.Errorf("what is not here: %v", err)
	}
	if err := again.Delete(t.Context(), "segments/x"); err != nil {
		t.Fatal(err)
	}
	if err := again.ReadAt(t.Context(), "segments/x", make([]byte, 1), 0); err == nil {
		t.Error("a deleted object is still read")
	}
	if _, err := os.Stat(filepath.Join(dir, "segments", "x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("files of a deleted object are left: %v", err)
	}
}

// Damage of any kind is a miss.
func TestDamage(t *testing.T) {
	far, dir := newFar(t), t.TempDir()
	data := randomBytes(blockBytes + 100)
	for what, change := range map[string]func(b []byte) []byte{
		"flipped bit":    func(b []byte) []byte { b[len(b)/2] ^= 4; return b },
		"flipped header": func(b []byte) []byte { b[len(blockMagic)+5] ^= 1; return b },
		"truncated":      func(b []byte) []byte { return b[:len(b)/2] },
		"empty":          func([]byte) []byte { return nil },
		"another block":  func([]byte) []byte { return append(header(blockID{"x", 1}, int64(len(data)), 0), data[:100]...) },
	} {
		s := open(t, far, dir, 1<<30)
		putObject(t, s, "x", data)
		file := s.disk.path(blockID{"x", 0}, int64(len(data)))
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, change(b), 0o644); err != nil {
			t.Fatal(err)
		}
		s.Close()
		s = open(t, far, dir, 1<<30)
		expect(t, s, "x", data, 0, len(data))
		if st := s.Stats(); st.Damaged != 1 || st.Fetches != 1 {
			t.Errorf("%s: %+v; want one damaged block and one fetch", what, st)
		}
		expect(t, s, "x", data, 0, len(data))
		if st := s.Stats(); st.Fetches != 1 {
			t.Errorf("%s: fetched again", what)
		}
	}
}

// The least recently read goes first, also over a restart.
func TestEviction(t *testing.T) {
	far, dir := newFar(t), t.TempDir()
	block := int64(headerBytes + blockBytes)
	s := open(t, far, dir, 3*block)
	data := randomBytes(blockBytes)
	for _, name := range []string{"a", "b", "c"} {
		putObject(t, s, name, data)
	}
	expect(t, s, "a", data, 0, 10)
	putObject(t, s, "d", data)
	before := far.requests.Load()
	for _, name := range []string{"a", "c", "d"} {
		expect(t, s, name, data, 0, 10)
	}
	if far.requests.Load() != before || s.Stats().Evictions != 1 {
		t.Errorf("%+v: want b gone and nothing else", s.Stats())
	}
	old := time.Now().Add(-24 * time.Hour)
	if err := os.Chtimes(s.disk.path(blockID{"c", 0}, blockBytes), old, old); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = open(t, far, dir, 2*block)
	expect(t, s, "a", data, 0, 10)
	expect(t, s, "d", data, 0, 10)
	if far.requests.Load() != before {
		t.Error("a restart with less room dropped what was read last")
	}
}

// Requests are few: neighbours and small gaps in one, a large run in parallel, the same block once for all who want it.
func TestRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := newFar(t)
		data := randomBytes(40 * blockBytes)
		putObject(t, far, "x", data)
		far.delay.Store(int64(30 * time.Millisecond))
		s := open(t, far, t.TempDir(), 1<<30)
		step := func(what string, requests int64, took time.Duration, f func()) {
			t.Helper()
			far.requests.Store(0)
			began := time.Now()
			f()
			if got := far.requests.Load(); got != requests || time.Since(began) > took {
				t.Errorf("%s: %d requests in %v, want %d in %v", what, got, time.Since(began), requests, took)
			}
			synctest.Wait()
		}
		step("size and metadata", 1, 30*time.Millisecond, func() {
			if _, err := s.Size(t.Context(), "x"); err != nil {
				t.Fatal(err)
			}
			expect(t, s, "x", data, 0, 64<<10)
		})
		step("one block", 1, 30*time.Millisecond, func() { expect(t, s, "x", data, 20*blockBytes+5, 100) })
		step("a run with that block in it", 1, 30*time.Millisecond, func() { expect(t, s, "x", data, 18*blockBytes, 5*blockBytes) })
		step("a large run, in parallel", 2, 30*time.Millisecond, func() { expect(t, s, "x", data, 23*blockBytes+1, 17*blockBytes-1) })
		step("many readers of one block", 1, 30*time.Millisecond, func() {
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() { expect(t, s, "x", data, 10*blockBytes, 100) })
			}
			wg.Wait()
		})
		step("what was prefetched", 1, time.Second, func() {
			s.Prefetch("x", store.Range{Off: 12 * blockBytes, N: 2 * blockBytes})
			time.Sleep(time.Second)
			began := time.Now()
			expect(t, s, "x", data, 12*blockBytes, 2*blockBytes)
			if time.Since(began) > 0 {
				t.Error("a prefetched block was waited for")
			}
		})
		s.Close()
	})
}

// A reader that leaves does not take along who waits for the same block.
func TestReaderLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := newFar(t)
		data := randomBytes(100)
		putObject(t, far, "x", data)
		far.delay.Store(int64(time.Second))
		s := open(t, far, t.TempDir(), 1<<30)
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := s.ReadAt(ctx, "x", make([]byte, 10), 0); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the first reader: %v", err)
			}
		})
		time.Sleep(time.Millisecond)
		wg.Go(func() { expect(t, s, "x", data, 0, 100) })
		wg.Wait()
		s.Close()
	})
}
