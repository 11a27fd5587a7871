package backup

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"clew/index"
	"clew/index/catalog"
	"clew/index/segment"
	"clew/index/store"
	"clew/index/table"
	"clew/ingest/datadir"
	"clew/internal/telemetry"
)

// bucket is a store with segments, of which a test says what commits there were.
type bucket struct {
	t    *testing.T
	st   *store.Dir
	now  time.Time
	name map[string]string // ids by what the test calls them
}

// segment writes a segment of the lines from first to the one before end, which may have been made of others.
func (b *bucket) segment(name string, first, end int, of ...string) catalog.Segment {
	b.t.Helper()
	build := telemetry.NewBuilder(telemetry.Logs, "default")
	build.UseSet(pcommon.NewResource(), "", pcommon.NewInstrumentationScope(), "")
	began := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for i := first; i < end; i++ {
		r := plog.NewLogRecord()
		r.SetTimestamp(pcommon.Timestamp(began.Add(time.Duration(i) * time.Millisecond).UnixNano()))
		r.Body().SetStr(fmt.Sprintf("line %d", i))
		r.Attributes().PutDouble("half", float64(i)/2)
		r.Attributes().PutInt("number", int64(i))
		r.Attributes().PutStr("same", "x")
		build.AppendLog(r, began)
	}
	tab := table.New("t", telemetry.Logs, "default", 0)
	if err := tab.Append(build.Build(), nil); err != nil {
		b.t.Fatal(err)
	}
	replaces := make([]string, len(of))
	for i, other := range of {
		replaces[i] = b.name[other]
	}
	b.now = b.now.Add(time.Second)
	id := segment.NewID(0, telemetry.Logs, b.now)
	s, err := segment.Write(b.t.Context(), b.st, id, []index.Part{tab.Snapshot()}, segment.Options{Replaces: replaces})
	if err != nil {
		b.t.Fatal(err)
	}
	b.name[name] = id
	return catalog.Segment{
		ID: id, Signal: s.Signal, Tenant: s.Tenant, Rows: s.Rows, Records: s.Records, MinTime: s.MinTime, MaxTime: s.MaxTime, Bytes: s.Bytes, Created: b.now,
	}
}

// TestSalvage makes a catalog of an old snapshot and newer segments: each line is there once, whatever lost commits said of it, and the store is as it was.
func TestSalvage(t *testing.T) {
	st, err := store.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b := &bucket{t: t, st: st, now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), name: map[string]string{}}
	c := catalog.New()
	err = c.Apply(7, catalog.Commit{
		Version: catalog.CommitVersion, Epoch: 1, Time: b.now, Reason: "seal", Floor: 9,
		Added: []catalog.Segment{b.segment("a", 0, 10), b.segment("b", 10, 20), b.segment("expired", 20, 25), b.segment("d1", 60, 70), b.segment("d2", 70, 80), b.segment("d3", 80, 90)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Checkpoint(t.Context(), st); err != nil {
		t.Fatal(err)
	}
	if err := segment.Delete(t.Context(), st, b.name["expired"]); err != nil {
		t.Fatal(err)
	}
	b.segment("merged", 0, 20, "a", "b")
	b.segment("merged again", 0, 20, "merged")
	b.segment("crashed", 30, 40) // written, never committed, and sealed again with what came later
	b.segment("sealed", 30, 45)
	b.segment("next", 45, 50)
	b.segment("crashed alike", 50, 60)
	b.segment("alike", 50, 60)
	b.segment("crashed longer", 90, 99) // its log was sealed again in two
	b.segment("crashed merge", 60, 80, "d1", "d2")
	b.segment("merge", 70, 90, "d2", "d3")
	b.segment("first part", 90, 95)
	b.segment("second part", 95, 100)
	b.segment("damaged", 200, 210)
	damage(t, st, b.name["damaged"])
	before := objects(t, st)

	dir := filepath.Join(t.TempDir(), "restored")
	got, err := Salvage(t.Context(), st, Target{Dir: dir}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if after := objects(t, st); !maps.Equal(before, after) {
		t.Errorf("the store was %v, and is %v", before, after)
	}
	restored, err := datadir.Open(t.Context(), dir, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer restored.Close()
	var have []string
	for s := range restored.Catalog.Current().All() {
		for name, id := range b.name {
			if id == s.ID {
				have = append(have, name)
			}
		}
	}
	slices.Sort(have)
	want := []string{"alike", "d1", "first part", "merge", "merged again", "next", "sealed", "second part"}
	if !slices.Equal(have, want) {
		t.Errorf("taken are %q, want %q", have, want)
	}
	if got.Sequence != 7 || got.Segments != len(want) || got.Rows != 20+15+5+10+10+20+10 || got.Newer != len(want)-1 || !slices.Equal(got.Gone, []string{b.name["expired"]}) {
		t.Errorf("%+v", got)
	}
	why := map[string]string{}
	for _, l := range got.Left {
		why[l.ID] = l.Why
	}
	for name, reason := range map[string]string{
		"merged": "was made of it", "crashed": "never committed", "crashed alike": "never committed", "crashed longer": "never committed",
		"crashed merge": "made of the same segments", "damaged": "damaged",
	} {
		if !strings.Contains(why[b.name[name]], reason) {
			t.Errorf("%s is left because %q, want %q", name, why[b.name[name]], reason)
		}
	}
	if len(why) != 6 {
		t.Errorf("left: %v", got.Left)
	}
}

// damage changes a byte in the middle of a segment's rows.
func damage(t *testing.T, st *store.Dir, id string) {
	t.Helper()
	name, _ := segment.Names(id)
	data, err := get(t.Context(), st, name)
	if err != nil {
		t.Fatal(err)
	}
	data[100] ^= 1
	if _, err := st.Put(t.Context(), name, func(w io.Writer) error { _, err := w.Write(data); return err }); err != nil {
		t.Fatal(err)
	}
}

// objects are the names and sizes of a store's.
func objects(t *testing.T, st store.Store) map[string]int64 {
	t.Helper()
	list, err := st.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]int64{}
	for _, o := range list {
		all[o.Name] = o.Size
	}
	return all
}
