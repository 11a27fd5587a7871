package store

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func openDir(t *testing.T) *Dir {
	t.Helper()
	d, err := OpenDir(filepath.Join(t.TempDir(), "store"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func put(t *testing.T, st Store, name, data string) {
	t.Helper()
	if _, err := st.Put(context.Background(), name, func(w io.Writer) error { _, err := io.WriteString(w, data); return err }); err != nil {
		t.Fatal(err)
	}
}

func TestOpenDirRemovesLeftovers(t *testing.T) {
	root := t.TempDir()
	if _, err := OpenDir(root); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(root, tempDir, "put-1")
	live := filepath.Join(root, tempDir, "put-2")
	for _, file := range []string{left, live} {
		if err := os.WriteFile(file, []byte("half"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(live)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if !tryLock(f) {
		t.Fatal("lock: held by someone else")
	}
	if _, err := OpenDir(root); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("leftover is still there: %v", err)
	}
	if _, err := os.Stat(live); err != nil {
		t.Errorf("the file of a live writer is gone: %v", err)
	}
}

// A put whose writer meets ENOSPC answers a *FullError and leaves nothing, neither object nor temporary file.
func TestDirFull(t *testing.T) {
	st := openDir(t)
	faulty := NewFaulty(st, Fault{Op: OpPut, After: 1000, Err: &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}})
	_, err := faulty.Put(context.Background(), "a", func(w io.Writer) error {
		_, err := w.Write(make([]byte, 1<<20))
		return err
	})
	var full *FullError
	if !errors.As(err, &full) || full.Name != "a" || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Put on a full disk: %v, want a *FullError for a", err)
	}
	if entries, err := os.ReadDir(filepath.Join(st.root, tempDir)); err != nil || len(entries) != 0 {
		t.Errorf("temporary files left: %v, %v", entries, err)
	}
	faulty.Script()
	put(t, faulty, "a", "now there is room")
}

func TestFaultyScript(t *testing.T) {
	ctx := context.Background()
	boom := errors.New("boom")
	st := NewFaulty(openDir(t))
	put(t, st, "dir/a", "x")
	st.Script(
		Fault{Op: OpRead, Match: "dir/", Skip: 1, Times: 1, Err: boom},
		Fault{Op: OpPut, Match: "unknown", Done: true, Err: boom},
		Fault{Op: OpDelete, Done: true, Err: boom},
		Fault{Op: OpSize, Match: "other", Err: boom},
		Fault{Op: OpList, Err: boom},
	)
	for i, want := range []error{nil, boom, nil} {
		if err := st.ReadAt(ctx, "dir/a", make([]byte, 1), 0); !errors.Is(err, want) {
			t.Errorf("read %d: %v, want %v", i, err, want)
		}
	}
	write := func(w io.Writer) error { _, err := io.WriteString(w, "y"); return err }
	if _, err := st.Put(ctx, "unknown", write); !errors.Is(err, boom) {
		t.Errorf("put: %v, want boom", err)
	}
	if _, err := st.Size(ctx, "unknown"); err != nil {
		t.Errorf("a put that takes effect before it fails did not: %v", err)
	}
	if err := st.Delete(ctx, "unknown"); !errors.Is(err, boom) {
		t.Errorf("delete: %v, want boom", err)
	}
	if _, err := st.Size(ctx, "unknown"); !IsNotExist(err) {
		t.Errorf("a delete that takes effect before it fails did not: %v", err)
	}
	if _, err := st.Size(ctx, "other"); !errors.Is(err, boom) {
		t.Errorf("size: %v, want boom", err)
	}
	if _, err := st.List(ctx, ""); !errors.Is(err, boom) {
		t.Errorf("list: %v, want boom", err)
	}
}
