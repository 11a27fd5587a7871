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
