package shardlog_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"clew/ingest/shardlog"
)

// fillUp takes a file system's last byte.
func fillUp(t *testing.T, dir string) (free func()) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "last"))
	if err != nil {
		t.Fatal(err)
	}
	for block := make([]byte, 64<<10); err == nil; {
		_, err = f.Write(block)
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil && !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(f.Name()); err != nil {
			t.Error(err)
		}
	}
}

// TestOpenOnFullDisk: where not a byte is left a log can still be opened, led and committed to, by what was kept for this; and it is kept again once there is room.
func TestOpenOnFullDisk(t *testing.T) {
	smallFileSystems(t, 64<<20, func(t *testing.T, dir string) {
		cfg := small(filepath.Join(dir, "log"))
		cfg.FreeBytesMin = 4 << 20
		kept := func() bool {
			_, err := os.Stat(filepath.Join(cfg.Dir, "RESERVE"))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			return err == nil
		}
		opened := func() *shardlog.Embedded {
			t.Helper()
			e, err := shardlog.Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			return e
		}
		e := opened()
		if !kept() {
			t.Fatal("nothing is kept for a start on a full disk")
		}
		if _, err := e.Append(t.Context(), 0, numbered(1, 100<<10)); err != nil {
			t.Fatal(err)
		}
		last, err := e.Commit(t.Context(), 0, 0, []byte("before"))
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}

		free := fillUp(t, dir)
		for range 3 { // it is started again and again
			e = opened()
			if kept() {
				t.Error("the reserve was kept on a full disk")
			}
			began := time.Now()
			if _, _, _, err := e.Acquire(t.Context(), 0, "owner"); err != nil {
				t.Fatal(err)
			}
			if last, err = e.Commit(t.Context(), 0, last, make([]byte, 10<<10)); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("took %v", took)
			}
			var full *shardlog.FullError
			if _, err := e.Append(t.Context(), 0, numbered(2, 1000)); !errors.As(err, &full) || full.Reason != shardlog.ReasonDisk {
				t.Errorf("append to a full disk: %v", err)
			}
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
		}
		free()
		e = opened()
		defer e.Close()
		if !kept() {
			t.Error("there is room again, and no reserve")
		}
		if _, err := e.Append(t.Context(), 0, numbered(2, 1000)); err != nil {
			t.Error(err)
		}
	})
}

// TestOpenWritesNoConfiguration: what a stream is like is written down when it changes, not at every start.
func TestOpenWritesNoConfiguration(t *testing.T) {
	cfg := small(t.TempDir())
	written := func() map[string]time.Time {
		e, err := shardlog.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(cfg.Dir, "nats/jetstream/*/streams/*/meta.inf"))
		if err != nil || len(files) != 4 {
			t.Fatalf("%d files, %v", len(files), err)
		}
		times := map[string]time.Time{}
		for _, name := range files {
			st, err := os.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			times[name] = st.ModTime()
		}
		return times
	}
	first := written()
	for name, at := range written() {
		if at != first[name] {
			t.Errorf("%s was written by a start that changes nothing", name)
		}
	}
	cfg.LogBytesMax /= 2
	changed := 0
	for name, at := range written() {
		if at != first[name] {
			changed++
		}
	}
	if changed != cfg.Shards {
		t.Errorf("another bound of the log changed %d streams, want %d", changed, cfg.Shards)
	}
}
