package datadir

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"clew/index"
	"clew/index/catalog"
	"clew/index/scrub"
	"clew/index/segment"
	"clew/index/store"
	"clew/index/table"
	"clew/ingest/shardlog"
	"clew/internal/telemetry"
)

var quiet = slog.New(slog.DiscardHandler)

// maker makes a data directory as clew would: messages in the log, segments in the store, commits.
type maker struct {
	t    *testing.T
	path string
	log  *shardlog.Embedded
	st   *store.Dir
	last uint64
	now  time.Time
}

func newMaker(t *testing.T) *maker {
	m := &maker{t: t, path: t.TempDir(), now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	var err error
	if m.st, err = store.OpenDir(SegmentsDir(m.path)); err != nil {
		t.Fatal(err)
	}
	m.log, err = shardlog.Open(t.Context(), shardlog.Config{Dir: LogDir(m.path), FreeBytesMin: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.log.Close() })
	return m
}

func (m *maker) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// messages appends n messages to the log.
func (m *maker) messages(n int) {
	m.t.Helper()
	for range n {
		_, err := m.log.Append(m.t.Context(), 0, &shardlog.Message{Tenant: "default", Signal: telemetry.Logs, Batch: []byte("x")})
		m.must(err)
	}
}

// segment writes a segment of rows records, which may have been made of others, and gives it as a commit has it.
func (m *maker) segment(rows int, replaces ...string) catalog.Segment {
	m.t.Helper()
	b := telemetry.NewBuilder(telemetry.Logs, "default")
	b.UseSet(pcommon.NewResource(), "", pcommon.NewInstrumentationScope(), "")
	for i := range rows {
		r := plog.NewLogRecord()
		r.SetTimestamp(pcommon.Timestamp(m.now.Add(time.Duration(i) * time.Millisecond).UnixNano()))
		r.Body().SetStr("a line")
		b.AppendLog(r, m.now)
	}
	tab := table.New("t", telemetry.Logs, "default", 0)
	m.must(tab.Append(b.Build(), nil))
	m.now = m.now.Add(time.Second)
	id := segment.NewID(0, telemetry.Logs, m.now)
	s, err := segment.Write(m.t.Context(), m.st, id, []index.Part{tab.Snapshot()}, segment.Options{Replaces: replaces})
	m.must(err)
	return catalog.Segment{
		ID: id, Signal: s.Signal, Tenant: s.Tenant, Rows: s.Rows, Records: s.Records, MinTime: s.MinTime, MaxTime: s.MaxTime, Bytes: s.Bytes, Created: m.now,
	}
}

// commit publishes a commit; damaged: what it publishes cannot be read.
func (m *maker) commit(floor uint64, damaged bool, added []catalog.Segment, removed ...string) {
	m.t.Helper()
	m.now = m.now.Add(time.Second)
	cm := catalog.Commit{
		Version: catalog.CommitVersion, Epoch: 1, Last: m.last, Time: m.now, Reason: "seal", Floor: floor, Added: added, Removed: removed,
	}
	data, err := cm.Encode()
	m.must(err)
	if damaged {
		data = data[:len(data)-5]
	}
	m.last, err = m.log.Commit(m.t.Context(), 0, m.last, data)
	m.must(err)
}

func (m *maker) trim(to uint64) { m.t.Helper(); m.must(m.log.Trim(m.t.Context(), 0, to)) }

// open closes the log and opens the directory.
func (m *maker) open() *Dir {
	m.t.Helper()
	m.log.Close()
	d, err := Open(m.t.Context(), m.path, nil, quiet)
	m.must(err)
	m.t.Cleanup(func() { d.Close() })
	return d
}

func ids(v *catalog.Version) []string {
	out := []string{}
	for s := range v.All() {
		out = append(out, s.ID)
	}
	slices.Sort(out)
	return out
}

func idsOf(segments ...catalog.Segment) []string {
	out := []string{}
	for _, s := range segments {
		out = append(out, s.ID)
	}
	slices.Sort(out)
	return out
}

// starts says whether the catalog can be followed from what is written down, as clew does at start, and gives its segments.
func starts(t *testing.T, d *Dir) (segments []string, floor uint64, err error) {
	t.Helper()
	c := catalog.New()
	if err := c.Restore(t.Context(), d.Store, quiet); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- c.Follow(ctx, d.Log) }()
	select {
	case err := <-done:
		return nil, 0, err
	case <-c.CaughtUp():
		return ids(c.Current()), c.Current().Shard(0).Floor, nil
	}
}

// check mends d and compares with what is to be there.
func check(t *testing.T, d *Dir, want []string, floor uint64) {
	t.Helper()
	if diff := cmp.Diff(want, ids(d.Catalog.Current())); diff != "" {
		t.Errorf("inferred segments (-want +got):\n%s", diff)
	}
	if len(d.Holes) > 0 {
		holes := len(d.Holes)
		if err := d.Mend(t.Context(), quiet); err != nil {
			t.Fatal(err)
		}
		if len(d.Holes) != holes {
			t.Errorf("%d holes after mending, %d before", len(d.Holes), holes)
		}
	}
	got, at, err := starts(t, d)
	if err != nil {
		t.Fatalf("it does not start: %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("segments after mending (-want +got):\n%s", diff)
	}
	if at != floor {
		t.Errorf("floor %d, want %d", at, floor)
	}
	d.Close()
	again, err := Open(t.Context(), d.Path, nil, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if len(again.Holes) > 0 {
		t.Errorf("holes after mending: %v", again.Holes)
	}
}

func TestWhole(t *testing.T) {
	m := newMaker(t)
	m.messages(20)
	a, b := m.segment(5), m.segment(6)
	m.commit(10, false, []catalog.Segment{a})
	m.commit(15, false, []catalog.Segment{b})
	m.trim(15)
	d := m.open()
	if len(d.Holes) > 0 {
		t.Errorf("holes: %v", d.Holes)
	}
	if n, err := d.Tail(t.Context(), 0); n != 5 || err != nil {
		t.Errorf("tail of %d messages, %v", n, err)
	}
	check(t, d, idsOf(a, b), 15)
}

func TestInUse(t *testing.T) {
	m := newMaker(t)
	if _, err := Open(t.Context(), m.path, nil, quiet); !errors.Is(err, shardlog.ErrInUse) {
		t.Errorf("opened a directory that is in use: %v", err)
	}
}

// An entry between others: what it added is found among the segments without a name, made between its neighbours.
func TestHoleInTheMiddle(t *testing.T) {
	m := newMaker(t)
	m.messages(30)
	a := m.segment(5)
	m.commit(10, false, []catalog.Segment{a})
	b := m.segment(6)
	m.commit(15, true, []catalog.Segment{b})
	c := m.segment(7)
	m.commit(20, false, []catalog.Segment{c})
	m.segment(8) // written and never committed: it is not the lost commit's
	m.trim(20)
	d := m.open()
	if len(d.Holes) != 1 || len(d.Holes[0].Added) != 1 {
		t.Fatalf("holes: %v", d.Holes)
	}
	if _, _, err := starts(t, d); err == nil {
		t.Error("it starts before it was mended")
	}
	check(t, d, idsOf(a, b, c), 20)
}

// A merge or a deletion's rewrite that is lost, in the middle or at the end: its result takes the place of what it was made of, whatever rows it has, and
// whether the old objects are still there or gone. Another rewrite of the same that a crash left stands beside neither.
func TestHoleOfARewrite(t *testing.T) {
	for _, gone := range []bool{true, false} {
		for _, last := range []bool{true, false} {
			for _, remains := range []bool{true, false} {
				t.Run(fmt.Sprintf("gone %v, last %v, remains %v", gone, last, remains), func(t *testing.T) {
					m := newMaker(t)
					m.messages(30)
					a, b := m.segment(5), m.segment(7)
					m.commit(10, false, []catalog.Segment{a, b})
					m.commit(10, false, nil)
					if remains {
						m.segment(5, a.ID)
					}
					rewritten := m.segment(3, a.ID)
					m.commit(10, true, []catalog.Segment{rewritten}, a.ID)
					floor := uint64(10)
					if !last {
						floor = 20
						m.commit(floor, false, nil)
					}
					if gone {
						m.must(segment.Delete(t.Context(), m.st, a.ID))
					}
					m.trim(floor)
					check(t, m.open(), idsOf(rewritten, b), floor)
				})
			}
		}
	}
}

// What a crash left of a rewrite does not come back beside what was made of the same segments by a commit that is not lost.
func TestRemainsOfARewrite(t *testing.T) {
	m := newMaker(t)
	m.messages(30)
	a := m.segment(5)
	m.commit(10, false, []catalog.Segment{a})
	m.segment(4, a.ID) // a crash before its commit
	b := m.segment(6)
	m.commit(15, true, []catalog.Segment{b})
	rewritten := m.segment(3, a.ID)
	m.commit(15, false, []catalog.Segment{rewritten}, a.ID)
	m.trim(15)
	check(t, m.open(), idsOf(rewritten, b), 15)
}

// New records that happen to be as many as those of an older segment, and of its time, are no rewrite of it.
func TestHoleOfASealIsNoRewrite(t *testing.T) {
	m := newMaker(t)
	m.messages(30)
	m.now = m.now.Add(time.Hour)
	a := m.segment(5)
	m.commit(10, false, []catalog.Segment{a})
	m.now = m.now.Add(-2 * time.Second) // the times of its rows are a's
	b := m.segment(5)
	m.now = m.now.Add(2 * time.Second)
	m.commit(10, true, []catalog.Segment{b})
	m.commit(20, false, nil)
	m.trim(20)
	check(t, m.open(), idsOf(a, b), 20)
}

// A segment that was written before segments said what they were made of is taken for a rewrite of those that have as many rows in its time.
func TestInferRemoved(t *testing.T) {
	m := newMaker(t)
	a := m.segment(5)
	m.commit(10, false, []catalog.Segment{a})
	m.now = m.now.Add(-2 * time.Second)
	b := m.segment(5)
	d := m.open()
	for says, want := range map[bool][]string{true: nil, false: {a.ID}} {
		cm := catalog.Commit{Added: []catalog.Segment{b}}
		m.must(d.inferRemoved(t.Context(), &cm, []orphan{{Segment: b, says: says}}, nil))
		if diff := cmp.Diff(want, cm.Removed); diff != "" {
			t.Errorf("says %v (-want +got):\n%s", says, diff)
		}
	}
}

// What a lost commit added has been merged since, and is in the store no more, or still; it is in no answer either way.
func TestHoleOfWhatIsMergedLater(t *testing.T) {
	for _, gone := range []bool{true, false} {
		m := newMaker(t)
		m.messages(30)
		a, b := m.segment(5), m.segment(6)
		m.commit(10, false, []catalog.Segment{a})
		m.commit(15, true, []catalog.Segment{b})
		m.commit(15, false, nil)
		merged := m.segment(11)
		m.commit(20, false, []catalog.Segment{merged}, a.ID, b.ID)
		again := m.segment(11)
		m.commit(20, false, []catalog.Segment{again}, merged.ID)
		if gone {
			for _, id := range []string{a.ID, b.ID, merged.ID} {
				m.must(segment.Delete(t.Context(), m.st, id))
			}
		}
		m.trim(20)
		check(t, m.open(), idsOf(again), 20)
	}
}

// The last entry: its records are in the log still, or they are not.
func TestHoleAtTheEnd(t *testing.T) {
	for _, trimmed := range []bool{true, false} {
		m := newMaker(t)
		m.messages(30)
		a := m.segment(5)
		m.commit(10, false, []catalog.Segment{a})
		b := m.segment(6)
		m.commit(15, true, []catalog.Segment{b})
		if trimmed {
			m.trim(15)
			check(t, m.open(), idsOf(a, b), 15)
		} else {
			m.trim(10)
			check(t, m.open(), idsOf(a), 10)
		}
	}
}

// The end of the stream is lost altogether: the log begins after what the commits say.
func TestEndLost(t *testing.T) {
	m := newMaker(t)
	m.messages(30)
	a := m.segment(5)
	m.commit(10, false, []catalog.Segment{a})
	b := m.segment(6)
	m.trim(25)
	d := m.open()
	if len(d.Holes) != 1 || d.Holes[0].Sequence != 0 {
		t.Fatalf("holes: %v", d.Holes)
	}
	check(t, d, idsOf(a, b), 25)
}

// A bit of the commit stream's file is flipped: NATS drops the entry, and says nothing.
func TestFlippedBit(t *testing.T) {
	m := newMaker(t)
	m.messages(30)
	a := m.segment(5)
	m.commit(10, false, []catalog.Segment{a})
	b := m.segment(6)
	m.commit(15, false, []catalog.Segment{b})
	c := m.segment(7)
	m.commit(20, false, []catalog.Segment{c})
	m.trim(20)
	m.log.Close()
	files, err := filepath.Glob(filepath.Join(LogDir(m.path), "nats/jetstream/*/streams/CLEW_COMMITS/msgs/*.blk"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	data, err := os.ReadFile(files[0])
	m.must(err)
	at := bytes.Index(data, []byte(b.ID))
	if at < 0 {
		t.Fatal("the stream does not name the segment")
	}
	data[at] ^= 1
	m.must(os.WriteFile(files[0], data, 0o644))
	d := m.open()
	if len(d.Holes) != 1 {
		t.Fatalf("holes: %v", d.Holes)
	}
	check(t, d, idsOf(a, b, c), 20)
}

// What snapshots hold needs no entry of the stream.
func TestHoleBehindASnapshot(t *testing.T) {
	m := newMaker(t)
	m.messages(30)
	a, b := m.segment(5), m.segment(6)
	m.commit(10, true, []catalog.Segment{a})
	m.commit(15, false, []catalog.Segment{b})
	m.trim(15)
	d := m.open()
	check(t, d, idsOf(a, b), 15) // mends, which writes a snapshot
	d, err := Open(t.Context(), m.path, nil, quiet)
	m.must(err)
	defer d.Close()
	if len(d.Holes) > 0 {
		t.Errorf("holes: %v", d.Holes)
	}
}

func TestSetAside(t *testing.T) {
	m := newMaker(t)
	m.messages(30)
	a, b := m.segment(5), m.segment(6)
	m.commit(10, false, []catalog.Segment{a, b})
	m.trim(10)
	d := m.open()
	moved, err := d.SetAside(t.Context(), []string{b.ID})
	m.must(err)
	if len(moved) != 2 {
		t.Errorf("moved %v", moved)
	}
	for _, name := range moved {
		if _, err := d.Store.Size(t.Context(), name); err != nil {
			t.Error(err)
		}
	}
	r, err := scrub.Check(t.Context(), d.Store, d.Catalog.Current(), scrub.Options{})
	m.must(err)
	if r.Segments != 1 || len(r.Findings) > 0 {
		t.Errorf("%+v", r)
	}
	check(t, d, idsOf(a), 10)
}
