package store_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"clew/index/store"
	"clew/index/store/storetest"
)

// ranged makes a RangeReader of a scripted store: its ranges fail as its reads do.
type ranged struct{ *store.Faulty }

func (r ranged) ReadRange(ctx context.Context, name string, p []byte, off int64) (int, int64, error) {
	size, err := r.Size(ctx, name)
	if err != nil {
		return 0, 0, err
	}
	n := int(max(0, min(int64(len(p)), size-off)))
	return n, size, r.ReadAt(ctx, name, p[:n], off)
}

func dir(t *testing.T) *store.Dir { return openDir(t).(*store.Dir) }

func TestMirrorContract(t *testing.T) {
	for _, prefix := range []string{"a", "b/", "none/"} {
		storetest.RunContract(t, func(t *testing.T) store.Store { return store.NewMirror(dir(t), dir(t), prefix) })
	}
}

// While the store is away, what is mirrored is there and nothing else is.
func TestMirrorWhileAway(t *testing.T) {
	ctx := context.Background()
	far := ranged{store.NewFaulty(dir(t))}
	m := store.NewMirror(far, dir(t), "catalog/")
	for _, name := range []string{"catalog/1", "catalog/2", "segments/1"} {
		if _, err := m.Put(ctx, name, func(w io.Writer) error { _, err := io.WriteString(w, name); return err }); err != nil {
			t.Fatal(err)
		}
	}
	if objects, err := far.List(ctx, ""); err != nil || len(objects) != 3 {
		t.Fatalf("the store itself has %v, %v", objects, err)
	}
	away := &store.AwayError{Reason: store.AwayUnreachable, Err: errors.New("refused")}
	var script []store.Fault
	for _, op := range []store.Op{store.OpPut, store.OpRead, store.OpSize, store.OpDelete, store.OpList} {
		script = append(script, store.Fault{Op: op, Err: away})
	}
	far.Script(script...)
	p := make([]byte, len("catalog/2"))
	if err := m.ReadAt(ctx, "catalog/2", p, 0); err != nil || string(p) != "catalog/2" {
		t.Errorf("%q, %v", p, err)
	}
	if objects, err := m.List(ctx, "catalog/"); err != nil || len(objects) != 2 {
		t.Errorf("List: %v, %v", objects, err)
	}
	for what, err := range map[string]error{
		"a segment": m.ReadAt(ctx, "segments/1", p[:1], 0), "a missing copy": m.ReadAt(ctx, "catalog/3", p[:1], 0), "Delete": m.Delete(ctx, "catalog/1"),
	} {
		if !store.IsAway(err) {
			t.Errorf("%s: %v, want away", what, err)
		}
	}
	if _, err := m.List(ctx, ""); !store.IsAway(err) {
		t.Errorf("List of everything: %v, want away", err)
	}
}
