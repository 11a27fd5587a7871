package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"clew/index"
	"clew/index/catalog"
	"clew/index/segment"
	"clew/index/store"
	"clew/index/table"
	"clew/internal/telemetry"
	"clew/query/lang"
	"clew/query/parts"
)

// fakeHeads is one shard's head, sealed by the test itself.
type fakeHeads struct {
	mu   sync.Mutex
	view index.HeadView
	err  error
}

func (h *fakeHeads) Heads(context.Context, string, telemetry.Signal) ([]index.HeadView, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := h.view
	v.Generations = append([]index.Generation(nil), v.Generations...)
	v.Signal = telemetry.Logs
	return []index.HeadView{v}, h.err
}

func (h *fakeHeads) set(f func(*index.HeadView)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f(&h.view)
}

// world is a catalog, a store and a head, and the engine over them.
type world struct {
	t       *testing.T
	root    string
	dir     *store.Dir
	catalog *catalog.Catalog
	heads   *fakeHeads
	engine  *Engine
	last    uint64
	at      int // records made so far
}

func newWorld(t *testing.T) *world {
	root := t.TempDir()
	dir, err := store.OpenDir(root)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, root: root, dir: dir, catalog: catalog.New(), heads: &fakeHeads{}}
	src := parts.NewSegments(w.catalog, w.dir, nil, w.heads, slog.New(slog.DiscardHandler))
	w.engine = newEngine(t, src)
	return w
}

// generation makes a head generation of n records, of log positions (from, to].
func (w *world) generation(n int, from, to uint64) index.Generation {
	tb := table.New(fmt.Sprintf("head-%d", from), telemetry.Logs, "default", 0)
	var records []*modelRecord
	for range n {
		r := &modelRecord{signal: telemetry.Logs, time: testNow.UnixNano() + int64(w.at), cells: map[telemetry.Column]any{}}
		r.set(telemetry.LevelField, telemetry.FieldBody, telemetry.TypeString, fmt.Sprintf("record number %d", w.at))
		records = append(records, r)
		w.at++
	}
	if err := tb.Append(logBatch(toLogs(records)), nil); err != nil {
		w.t.Fatal(err)
	}
	return index.Generation{Part: tb.Snapshot(), From: from, To: to}
}

// seal writes a generation as a segment and commits it.
func (w *world) seal(g index.Generation) string {
	id := segment.NewID(0, telemetry.Logs, testNow)
	if _, err := segment.Write(w.t.Context(), w.dir, id, []index.Part{g.Part}, segment.Options{}); err != nil {
		w.t.Fatal(err)
	}
	info := g.Part.Info()
	commit := catalog.Commit{
		Version: catalog.CommitVersion, Shard: 0, Epoch: 1, Time: testNow, Reason: "seal", Last: w.last,
		Added: []catalog.Segment{{
			ID: id, Signal: telemetry.Logs, Tenant: "default", Rows: info.Rows, Records: info.Rows, MinTime: info.MinTime, MaxTime: info.MaxTime,
			Bytes: 1, Created: testNow,
		}},
		Positions: []catalog.Position{{Signal: telemetry.Logs, Tenant: "default", Position: g.To}},
	}
	w.last++
	if err := w.catalog.Apply(w.last, commit); err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *world) count(query string) *Count {
	w.t.Helper()
	c, err := w.engine.Count(w.t.Context(), Request{Tenant: "default", Signal: telemetry.Logs, Query: mustParse(w.t, query)})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) want(query string, n uint64) Stats {
	w.t.Helper()
	c := w.count(query)
	if c.Count != n || len(c.Stats.Partial) > 0 {
		w.t.Fatalf("%s: counted %d (partial: %v), want %d", query, c.Count, c.Stats.Partial, n)
	}
	return c.Stats
}

// TestSealing holds the count at every step by which records move from a head to a segment.
func TestSealing(t *testing.T) {
	w := newWorld(t)
	first, second := w.generation(100, 0, 10), w.generation(50, 10, 20)
	w.heads.set(func(v *index.HeadView) { v.Generations = []index.Generation{first, second} })
	w.want("record", 150)
	w.seal(first) // committed, and still in the head's view
	if s := w.want("record", 150); s.Parts != 2 || s.Heads != 1 {
		t.Errorf("%d parts, %d of heads; want 2 and 1", s.Parts, s.Heads)
	}
	w.heads.set(func(v *index.HeadView) { v.Committed, v.Generations = 10, []index.Generation{second} })
	w.want("record", 150)
	w.want(`"number 99" OR "number 100"`, 2)

	// The head gives records up before the catalog has heard of it: the query waits.
	third := w.generation(7, 20, 30)
	w.heads.set(func(v *index.HeadView) { v.Committed, v.Generations = 20, []index.Generation{third} })
	done := make(chan *Count)
	go func() { done <- w.count("record") }()
	select {
	case <-done:
		t.Fatal("answered before the catalog knew what the head had given up")
	case <-time.After(20 * time.Millisecond):
	}
	w.seal(second)
	if c := <-done; c.Count != 157 || len(c.Stats.Partial) > 0 {
		t.Fatalf("counted %d (partial: %v), want 157", c.Count, c.Stats.Partial)
	}
}

// TestCursorSurvivesSealing pages through records while they are sealed.
func TestCursorSurvivesSealing(t *testing.T) {
	w := newWorld(t)
	g := w.generation(90, 0, 10)
	w.heads.set(func(v *index.HeadView) { v.Generations = []index.Generation{g} })
	s := Search{Request: Request{Tenant: "default", Signal: telemetry.Logs}, Limit: 40}
	seen := map[string]bool{}
	for page := 0; ; page++ {
		found, err := w.engine.Search(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range found.Records {
			if body := r.Text(telemetry.FieldBody); seen[body] {
				t.Errorf("%s comes twice", body)
			} else {
				seen[body] = true
			}
		}
		if s.Cursor = found.Cursor; s.Cursor == nil {
			break
		}
		if page == 0 {
			w.seal(g)
			w.heads.set(func(v *index.HeadView) { *v = index.HeadView{Committed: 10} })
		}
	}
	if len(seen) != 90 {
		t.Errorf("found %d records, want 90", len(seen))
	}
}

// TestPartial holds that what cannot be read is named, and the rest still answered.
func TestPartial(t *testing.T) {
	w := newWorld(t)
	ids := []string{w.seal(w.generation(10, 0, 10)), w.seal(w.generation(20, 10, 20)), w.seal(w.generation(30, 20, 30))}
	parquet, _ := segment.Names(ids[1])
	if err := w.dir.Delete(t.Context(), parquet); err != nil {
		t.Fatal(err)
	}
	c := w.count("record")
	if c.Count != 40 || len(c.Stats.Partial) != 1 || !strings.Contains(c.Stats.Partial[0], parquet) {
		t.Errorf("counted %d, partial %v; want 40 and the name %s", c.Count, c.Stats.Partial, parquet)
	}
	w.heads.err = errors.New("shard 3 is away")
	if c := w.count("record"); c.Count != 40 || len(c.Stats.Partial) != 2 || !strings.Contains(c.Stats.Partial[0], "shard 3 is away") {
		t.Errorf("counted %d, partial %v", c.Count, c.Stats.Partial)
	}
}

// TestDamageWhileReading flips bits of a segment that is open already.
func TestDamageWhileReading(t *testing.T) {
	w := newWorld(t)
	w.seal(w.generation(10, 0, 10))
	id := w.seal(w.generation(20, 10, 20))
	w.want("*", 30)
	parquet, _ := segment.Names(id)
	file := filepath.Join(w.root, filepath.FromSlash(parquet))
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := 8; i < len(data)/2; i += 16 {
		data[i] ^= 1
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	found, err := w.engine.Search(t.Context(), Search{Request: Request{Tenant: "default", Signal: telemetry.Logs}})
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Records) != 10 || len(found.Stats.Partial) != 1 || !strings.Contains(found.Stats.Partial[0], parquet) {
		t.Errorf("found %d records, partial %v; want 10 and the name %s", len(found.Records), found.Stats.Partial, parquet)
	}
}

func TestLimits(t *testing.T) {
	w := newWorld(t)
	w.seal(w.generation(300, 0, 10))
	r := Request{Tenant: "default", Signal: telemetry.Logs}
	limited := func(l Limits) *Engine {
		l.CacheBytes = 1 << 20
		e := New(w.engine.source, l, w.engine.log)
		t.Cleanup(e.Close)
		return e
	}
	var limit *LimitError
	if _, err := limited(Limits{Groups: 100}).CountBy(t.Context(), r, "body", 3); !errors.As(err, &limit) || limit.What != "groups" {
		t.Errorf("count by 300 values: %v, want a LimitError of groups", err)
	}
	if _, err := w.engine.Histogram(t.Context(), Request{Tenant: "default", Signal: telemetry.Logs, From: 1, To: 1e18}, HistogramBy{Step: time.Second}); !errors.As(err, &limit) || limit.What != "buckets" {
		t.Errorf("histogram of 30 years by second: %v, want a LimitError of buckets", err)
	}
	found, err := limited(Limits{RecordBytes: 2000}).Search(t.Context(), Search{Request: r})
	if err != nil || len(found.Records) == 0 || len(found.Records) == 300 || found.Cursor == nil {
		t.Errorf("search within 2000 bytes: %v, %d records", err, len(found.Records))
	}
	for what, l := range map[string]Limits{
		"bytes of memory":             {Memory: 3000, RecordBytes: 1 << 20},
		"bytes of columns to look at": {ScanBytes: 100},
	} {
		if _, err := limited(l).Search(t.Context(), Search{Request: r}); !errors.As(err, &limit) || limit.What != what {
			t.Errorf("%v, want a LimitError of %s", err, what)
		}
	}
	full := limited(Limits{Wait: time.Millisecond})
	hog := full.memory.Open(1 << 30)
	if err := hog.Keep(1 << 30); err != nil {
		t.Fatal(err)
	}
	if _, err := full.Search(t.Context(), Search{Request: r}); !errors.Is(err, ErrBusy) {
		t.Errorf("without memory left: %v, want ErrBusy", err)
	}
	hog.Close()
	if _, err := full.Search(t.Context(), Search{Request: r}); err != nil {
		t.Errorf("with memory again: %v", err)
	}
	if used := full.memory.Used(); used != 0 {
		t.Errorf("%d bytes are lost", used)
	}
	busy := limited(Limits{Queries: 1, Wait: time.Millisecond})
	for range lightShare {
		if err := busy.light.turns.Acquire(t.Context(), "default"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := busy.Count(t.Context(), r); !errors.Is(err, ErrBusy) {
		t.Errorf("a second query: %v, want ErrBusy", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.engine.Count(ctx, r); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := w.engine.CountBy(t.Context(), r, "any", 3); !errors.Is(err, errOneField) {
		t.Errorf("count by any: %v", err)
	}
	if _, err := w.engine.Count(t.Context(), Request{Tenant: "a/b", Signal: telemetry.Logs}); err == nil {
		t.Error("tenant a/b was accepted")
	}
}

func TestQueryErrors(t *testing.T) {
	e := newEngine(t, &fixedSource{})
	for _, c := range []struct {
		signal telemetry.Signal
		query  string
		pos    int
		hint   string
	}{
		{telemetry.Spans, "a duration>200", 2, "unit"},
		{telemetry.Spans, "duration>x", 0, "unit"},
		{telemetry.Logs, "severity>=loud", 0, "warn"},
		{telemetry.Logs, "time>yesterday", 0, "2026"},
		{telemetry.Logs, "x>abc", 0, "number"},
		{telemetry.Logs, "body>5", 0, "numbers"},
		{telemetry.Logs, "trace_id:xyz", 0, "hex"},
		{telemetry.Logs, "any!=x", 0, "-any:value"},
		{telemetry.Logs, `a\*b*`, 0, "regular expression"},
	} {
		_, err := e.Count(t.Context(), Request{Tenant: "default", Signal: c.signal, Query: mustParse(t, c.query)})
		var le *lang.Error
		if !errors.As(err, &le) || le.Pos != c.pos || !strings.Contains(le.Hint, c.hint) {
			t.Errorf("%s: %v, want a *lang.Error at %d that says %q", c.query, err, c.pos, c.hint)
		}
	}
}
