package pair_test

import (
	"errors"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"clew/index/store"
	"clew/ingest/pair"
	"clew/ingest/shardlog"
	"clew/internal/natstest"
)

// TestPair takes real logs and stores through what their operators do to them: what belongs together starts, what does not is refused, and a refusal changes nothing.
func TestPair(t *testing.T) {
	binary, err := natstest.Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	log, st := newLog(t, binary), newStore(t)

	// Processes that start together agree.
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, err := pair.Check(t.Context(), log, st, pair.Catalog{}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	id, err := pair.Of(t.Context(), st)
	if ours, problem := log.Identity(t.Context()); err != nil || problem != nil || id == "" || ours != id {
		t.Fatalf("the store has segments of %q, the log is %q: %v, %v", id, ours, err, problem)
	}
	// One that ended between the two halves is made up for, as long as nothing was committed.
	if err := st.Delete(t.Context(), pair.Object); err != nil {
		t.Fatal(err)
	}
	accept(t, log, st, pair.Catalog{})
	if again, err := pair.Of(t.Context(), st); again != id || err != nil {
		t.Fatalf("the store has segments of %q, want %q: %v", again, id, err)
	}
	put(t, st, "segments/one.parquet")
	commit(t, log)
	accept(t, log, st, pair.Catalog{})

	other := newLog(t, binary)
	refuse(t, other, st, pair.Catalog{}, "never been told of it")        // servers that came back empty
	refuse(t, log, newStore(t), pair.Catalog{}, "and this one has none") // another bucket

	full := newStore(t)
	put(t, full, "segments/two.parquet")
	refuse(t, other, full, pair.Catalog{}, "the log in NATS knows none")
	refuse(t, other, full, pair.Catalog{Sequence: 1000, Segments: 1}, "commits up to 1000")
	if id, err := other.Identity(t.Context()); id != "" || err != nil {
		t.Errorf("a refusal gave the log the identity %q: %v", id, err)
	}
	accept(t, other, full, pair.Catalog{Segments: 1}) // restored
	refuse(t, log, full, pair.Catalog{}, "and NATS has the log")

	// A cluster from before there were identities gets one.
	old, before := newLog(t, binary), newStore(t)
	put(t, before, "segments/three.parquet")
	commit(t, old)
	accept(t, old, before, pair.Catalog{Sequence: 1, Segments: 1})
	refuse(t, other, before, pair.Catalog{}, "and NATS has the log")

	blank := newStore(t)
	put(t, blank, pair.Object)
	var stranger *pair.StrangerError
	if _, err := pair.Check(t.Context(), newLog(t, binary), blank, pair.Catalog{}); !errors.As(err, &stranger) {
		t.Errorf("a blank %s: %v", pair.Object, err)
	}
}

func newLog(t *testing.T, binary string) *shardlog.Cluster {
	t.Helper()
	servers, err := natstest.Start(natstest.Options{Dir: t.TempDir(), Servers: 1, Binary: binary})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(servers.Kill)
	log, err := shardlog.Connect(t.Context(), shardlog.Config{Servers: shardlog.Servers{URLs: servers.URLs(), Replicas: 1}, LogBytesMax: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() }) // which never fails
	return log
}

func newStore(t *testing.T) *store.Dir {
	t.Helper()
	st, err := store.OpenDir(filepath.Join(t.TempDir(), "store"))
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func commit(t *testing.T, log *shardlog.Cluster) {
	t.Helper()
	if _, err := log.Commit(t.Context(), 0, 0, []byte("a commit")); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, st store.Store, name string) {
	t.Helper()
	if _, err := st.Put(t.Context(), name, func(w io.Writer) error {
		_, err := io.WriteString(w, "\n")
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func accept(t *testing.T, log pair.Log, st store.Store, have pair.Catalog) {
	t.Helper()
	if _, err := pair.Check(t.Context(), log, st, have); err != nil {
		t.Error(err)
	}
}

func refuse(t *testing.T, log pair.Log, st store.Store, have pair.Catalog, why string) {
	t.Helper()
	before, err := pair.Of(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	var stranger *pair.StrangerError
	if _, err := pair.Check(t.Context(), log, st, have); !errors.As(err, &stranger) || !strings.Contains(err.Error(), why) {
		t.Errorf("want a refusal that says %q: %v", why, err)
	}
	if after, err := pair.Of(t.Context(), st); after != before || err != nil {
		t.Errorf("a refusal turned %q into %q: %v", before, after, err)
	}
}
