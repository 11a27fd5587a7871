package catalog

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"clew/index/store"
)

func TestCheckpoint(t *testing.T) {
	st, err := store.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c := New()
	var wantUpTo uint64
	for i := range 4 {
		for range 3 {
			seq := c.Current().Sequence() + 1
			apply(t, c, seq, func(cm *Commit) { cm.Added = []Segment{segment(fmt.Sprint("s", seq), 1, 2)} })
		}
		upTo, err := c.Checkpoint(t.Context(), st)
		if err != nil {
			t.Fatal(err)
		}
		if upTo != wantUpTo {
			t.Errorf("checkpoint %d: commits up to %d may go, want %d", i, upTo, wantUpTo)
		}
		wantUpTo = c.Current().Sequence()
	}
	objects, err := st.List(t.Context(), "")
	if err != nil || len(objects) != 2 {
		t.Fatalf("objects %v, %v: want two snapshots", objects, err)
	}

	var logged bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&logged, nil))
	restore := func(want int) {
		t.Helper()
		d := New()
		if err := d.Restore(t.Context(), st, logger); err != nil {
			t.Fatal(err)
		}
		if d.Current().Len() != want {
			t.Errorf("%d segments, want %d", d.Current().Len(), want)
		}
	}
	restore(12)
	if logged.Len() > 0 {
		t.Errorf("logged: %s", logged.String())
	}
	put := func(name, text string) {
		t.Helper()
		if _, err := st.Put(t.Context(), name, func(w io.Writer) error { _, err := io.WriteString(w, text); return err }); err != nil {
			t.Fatal(err)
		}
	}
	put(objects[1].Name, "garbage")
	restore(9)
	if !strings.Contains(logged.String(), objects[1].Name) {
		t.Errorf("the damaged snapshot isn't named: %s", logged.String())
	}
	put(objects[0].Name, "")
	if err := New().Restore(t.Context(), st, logger); err == nil {
		t.Error("no snapshot can be read, and that is no error")
	}
	put(objects[1].Name, "clew-catalog 9 00000000\n{}")
	if err := New().Restore(t.Context(), st, logger); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Errorf("newer snapshot: %v", err)
	}
}

// A catalog that has missed commits goes on from a snapshot: readers keep what they hold, what is gone is reported when they are done, and later commits apply.
func TestAdvance(t *testing.T) {
	st, err := store.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.DiscardHandler)
	ahead, behind := New(), New()
	var dead []string
	behind.OnDead(func(list []Segment) {
		for i := range list {
			dead = append(dead, list[i].ID)
		}
	})
	for seq := range uint64(2) {
		for _, c := range []*Catalog{ahead, behind} {
			apply(t, c, seq+1, func(cm *Commit) { cm.Added = []Segment{segment(fmt.Sprint("s", seq), 1, 2)} })
		}
	}
	if err := behind.Advance(t.Context(), st, logger); err == nil {
		t.Error("without a snapshot there is no way on, and that is no error")
	}
	apply(t, ahead, 3, func(cm *Commit) { cm.Added, cm.Removed = []Segment{segment("s2", 1, 2)}, []string{"s0"} })
	if _, err := ahead.Checkpoint(t.Context(), st); err != nil {
		t.Fatal(err)
	}
	held := behind.Acquire()
	if err := behind.Advance(t.Context(), st, logger); err != nil {
		t.Fatal(err)
	}
	if v := behind.Current(); v.Sequence() != 3 || v.Len() != 2 || !behind.Has("s2") || behind.Has("s0") {
		t.Errorf("commit %d, %d segments", v.Sequence(), v.Len())
	}
	if held.Len() != 2 || !behind.Leaving("s0") || len(dead) > 0 {
		t.Errorf("a reader holds %d segments, dead are %q", held.Len(), dead)
	}
	held.Release()
	if len(dead) != 1 || dead[0] != "s0" || behind.Leaving("s0") {
		t.Errorf("dead are %q", dead)
	}
	apply(t, behind, 4, func(cm *Commit) { cm.Removed = []string{"s2"} })
	if behind.Current().Len() != 1 {
		t.Errorf("%d segments after a further commit", behind.Current().Len())
	}
}
