// Package storetest holds the contract suite that every store.Store must pass.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"clew/index/store"
)

// RunContract tests that a Store does what its interface says. open returns an empty store; each test calls it once.
// Every implementation's tests run it.
func RunContract(t *testing.T, open func(t *testing.T) store.Store) {
	t.Run("put and read back", func(t *testing.T) { contractPut(t, open(t)) })
	t.Run("replace", func(t *testing.T) { contractReplace(t, open(t)) })
	t.Run("missing objects", func(t *testing.T) { contractMissing(t, open(t)) })
	t.Run("a failed put leaves nothing", func(t *testing.T) { contractFailedPut(t, open(t)) })
	t.Run("names", func(t *testing.T) { contractNames(t, open(t)) })
	t.Run("list", func(t *testing.T) { contractList(t, open(t)) })
	t.Run("cancelled context", func(t *testing.T) { contractCancelled(t, open(t)) })
	t.Run("concurrent use", func(t *testing.T) { contractConcurrent(t, open(t)) })
}

func putBytes(t *testing.T, st store.Store, name string, data []byte) {
	t.Helper()
	size, err := st.Put(context.Background(), name, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil || size != int64(len(data)) {
		t.Fatalf("Put(%q) = %d, %v; want %d, nil", name, size, err, len(data))
	}
}

func contractPut(t *testing.T, st store.Store) {
	ctx := context.Background()
	big := bytes.Repeat([]byte("0123456789abcdef"), 200_000)
	for name, data := range map[string][]byte{"a": []byte("hello"), "dir/sub/empty": nil, "dir/big.x": big} {
		putBytes(t, st, name, data)
		if size, err := st.Size(ctx, name); err != nil || size != int64(len(data)) {
			t.Errorf("Size(%q) = %d, %v; want %d", name, size, err, len(data))
		}
		got := make([]byte, len(data))
		if err := st.ReadAt(ctx, name, got, 0); err != nil || !bytes.Equal(got, data) {
			t.Errorf("ReadAt(%q, 0) differs: %v", name, err)
		}
	}
	part := make([]byte, 10)
	if err := st.ReadAt(ctx, "dir/big.x", part, 16*1000+3); err != nil || string(part) != "3456789abc" {
		t.Errorf("ReadAt in the middle = %q, %v", part, err)
	}
	for _, off := range []int64{int64(len(big)) - 9, int64(len(big)), int64(len(big)) + 100} {
		if err := st.ReadAt(ctx, "dir/big.x", part, off); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("ReadAt beyond the end at %d: %v, want io.ErrUnexpectedEOF", off, err)
		}
	}
}

func contractReplace(t *testing.T, st store.Store) {
	putBytes(t, st, "a", []byte("one"))
	putBytes(t, st, "a", []byte("two!"))
	got := make([]byte, 4)
	if err := st.ReadAt(context.Background(), "a", got, 0); err != nil || string(got) != "two!" {
		t.Errorf("after replacing: %q, %v", got, err)
	}
}

func contractMissing(t *testing.T, st store.Store) {
	ctx := context.Background()
	putBytes(t, st, "dir/a", []byte("x"))
	for _, name := range []string{"b", "dir/b", "dir", "no/such/dir"} {
		if _, err := st.Size(ctx, name); !store.IsNotExist(err) {
			t.Errorf("Size(%q): %v, want not exist", name, err)
		}
		if name == "dir" {
			continue // a directory is not an object; what reading one says is the medium's business
		}
		if err := st.ReadAt(ctx, name, make([]byte, 1), 0); !store.IsNotExist(err) {
			t.Errorf("ReadAt(%q): %v, want not exist", name, err)
		}
		if err := st.Delete(ctx, name); err != nil {
			t.Errorf("Delete(%q): %v, want nil", name, err)
		}
	}
	if err := st.Delete(ctx, "dir/a"); err != nil {
		t.Errorf("Delete: %v", err)
	}
	if _, err := st.Size(ctx, "dir/a"); !store.IsNotExist(err) {
		t.Errorf("Size after Delete: %v, want not exist", err)
	}
}

func contractFailedPut(t *testing.T, st store.Store) {
	ctx := context.Background()
	boom := errors.New("boom")
	fail := func(w io.Writer) error {
		if _, err := w.Write(make([]byte, 1<<20)); err != nil {
			return err
		}
		return boom
	}
	if _, err := st.Put(ctx, "a", fail); !errors.Is(err, boom) {
		t.Errorf("Put: %v, want write's error", err)
	}
	if objects, err := st.List(ctx, ""); err != nil || len(objects) != 0 {
		t.Errorf("List after a failed put = %v, %v; want nothing", objects, err)
	}
	putBytes(t, st, "a", []byte("kept"))
	if _, err := st.Put(ctx, "a", fail); !errors.Is(err, boom) {
		t.Errorf("Put: %v, want write's error", err)
	}
	got := make([]byte, 4)
	if err := st.ReadAt(ctx, "a", got, 0); err != nil || string(got) != "kept" {
		t.Errorf("a failed put changed the object: %q, %v", got, err)
	}
}

func contractNames(t *testing.T, st store.Store) {
	ctx := context.Background()
	for _, name := range []string{"", "/a", "a/", "a//b", "../a", "a/../b", ".", "..", "a/./b", ".hidden", "a/.temp", "a\\b", "a\x00b", "ä"} {
		var want *store.NameError
		if _, err := st.Put(ctx, name, func(io.Writer) error { return nil }); !errors.As(err, &want) {
			t.Errorf("Put(%q): %v, want a *NameError", name, err)
		}
		if err := st.ReadAt(ctx, name, nil, 0); !errors.As(err, &want) {
			t.Errorf("ReadAt(%q): %v, want a *NameError", name, err)
		}
		if _, err := st.Size(ctx, name); !errors.As(err, &want) {
			t.Errorf("Size(%q): %v, want a *NameError", name, err)
		}
		if err := st.Delete(ctx, name); !errors.As(err, &want) {
			t.Errorf("Delete(%q): %v, want a *NameError", name, err)
		}
	}
}

func contractList(t *testing.T, st store.Store) {
	names := []string{"a", "b-1", "b/1", "b/2", "b/c/3", "b0", "c"}
	for i := len(names) - 1; i >= 0; i-- {
		putBytes(t, st, names[i], []byte(names[i]))
	}
	for prefix, want := range map[string][]string{
		"": names, "b": {"b-1", "b/1", "b/2", "b/c/3", "b0"}, "b/": {"b/1", "b/2", "b/c/3"}, "b/c": {"b/c/3"}, "x": nil, "x/y/": nil,
	} {
		objects, err := st.List(context.Background(), prefix)
		if err != nil {
			t.Errorf("List(%q): %v", prefix, err)
		}
		var got []string
		for _, o := range objects {
			got = append(got, o.Name)
			if o.Size != int64(len(o.Name)) {
				t.Errorf("List(%q): size of %s = %d, want %d", prefix, o.Name, o.Size, len(o.Name))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("List(%q): -want +got\n%s", prefix, diff)
		}
	}
	if _, err := st.List(context.Background(), "../"); err == nil {
		t.Error("List outside the store: no error")
	}
}

func contractCancelled(t *testing.T, st store.Store) {
	putBytes(t, st, "a", []byte("x"))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, putErr := st.Put(ctx, "b", func(io.Writer) error { return nil })
	_, sizeErr := st.Size(ctx, "a")
	_, listErr := st.List(ctx, "")
	for what, err := range map[string]error{
		"Put": putErr, "Size": sizeErr, "List": listErr, "ReadAt": st.ReadAt(ctx, "a", make([]byte, 1), 0), "Delete": st.Delete(ctx, "a"),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s with a cancelled context: %v", what, err)
		}
	}
	if _, err := st.Size(context.Background(), "a"); err != nil {
		t.Errorf("a cancelled Delete took effect: %v", err)
	}
}

func contractConcurrent(t *testing.T, st store.Store) {
	ctx := context.Background()
	const writers, rounds = 4, 10
	data := bytes.Repeat([]byte("same bytes "), 10_000)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for r := range rounds {
				own := fmt.Sprintf("own/%d/%d", w, r)
				for _, name := range []string{own, "shared"} {
					if _, err := st.Put(ctx, name, func(w io.Writer) error { _, err := w.Write(data); return err }); err != nil {
						t.Errorf("Put(%s): %v", name, err)
					}
					got := make([]byte, len(data))
					if err := st.ReadAt(ctx, name, got, 0); err != nil || !bytes.Equal(got, data) {
						t.Errorf("ReadAt(%s) differs: %v", name, err)
					}
				}
				if _, err := st.List(ctx, "own/"); err != nil {
					t.Errorf("List: %v", err)
				}
			}
		})
	}
	wg.Wait()
	if objects, err := st.List(ctx, ""); err != nil || len(objects) != writers*rounds+1 {
		t.Errorf("List = %d objects, %v; want %d", len(objects), err, writers*rounds+1)
	}
}
