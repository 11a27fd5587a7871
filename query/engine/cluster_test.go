package engine_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"clew/index"
	"clew/index/catalog"
	"clew/index/segment"
	"clew/index/store"
	"clew/index/table"
	"clew/internal/telemetry"
	"clew/query/engine"
	"clew/query/fanout"
	"clew/query/lang"
	"clew/query/parts"
)

var discard = slog.New(slog.NewTextHandler(io.Discard, nil))

// world is shards with heads that seal, a store, and the catalogs of several processes, which hear of each commit one after the other.
type world struct {
	t  testing.TB
	st store.Store

	mu       sync.Mutex
	shards   []*shard
	catalogs []*catalog.Catalog
	sequence uint64
	heard    func(catalog.Commit) // not nil: of each commit
}

// shard is a shard's log position and what is not in segments yet: as ingest has it, without the log.
type shard struct {
	number   int
	epoch    uint64
	position uint64
	last     uint64
	heads    map[telemetry.Signal]*shardHead
}

type shardHead struct {
	committed   uint64
	generations []index.Generation
}

func newWorld(t testing.TB, shards int) *world {
	t.Helper()
	st, err := store.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, st: st}
	for i := range shards {
		w.shards = append(w.shards, &shard{number: i, epoch: 1, heads: map[telemetry.Signal]*shardHead{}})
	}
	return w
}

// add gives a shard a batch, as a generation of its own.
func (w *world) add(number int, b *telemetry.Batch) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.shards[number]
	s.position++
	tb := table.New(fmt.Sprintf("head-%d-%d", number, s.position), b.Signal, "default", 0)
	if err := tb.Append(b, nil); err != nil {
		w.t.Fatal(err)
	}
	h := s.heads[b.Signal]
	if h == nil {
		h = &shardHead{}
		s.heads[b.Signal] = h
	}
	h.generations = append(h.generations, index.Generation{Part: tb.Snapshot(), From: s.position - 1, To: s.position})
}

// seal writes the oldest generation of a shard's head, tells the catalogs, and gives it up when only the first of them knows: the owner's own. It says whether there was one.
func (w *world) seal(number int, signal telemetry.Signal) bool {
	w.t.Helper()
	w.mu.Lock()
	s := w.shards[number]
	h := s.heads[signal]
	if h == nil || len(h.generations) == 0 {
		w.mu.Unlock()
		return false
	}
	g := h.generations[0]
	w.mu.Unlock()
	id := segment.NewID(number, signal, engine.TestNow)
	if _, err := segment.Write(context.Background(), w.st, id, []index.Part{g.Part}, segment.Options{PageRows: 64}); err != nil {
		w.t.Error(err)
		return false
	}
	info := g.Part.Info()
	w.mu.Lock()
	w.sequence++
	cm := catalog.Commit{
		Version: catalog.CommitVersion, Shard: number, Epoch: s.epoch, Last: s.last, Reason: "seal",
		Positions: []catalog.Position{{Signal: signal, Tenant: "default", Position: g.To}},
		Added: []catalog.Segment{{
			ID: id, Shard: number, Signal: signal, Tenant: "default", Rows: info.Rows, Records: info.Rows, MinTime: info.MinTime, MaxTime: info.MaxTime, Bytes: 1000,
		}},
	}
	for key, other := range s.heads {
		if key != signal && other.committed > 0 {
			cm.Positions = append(cm.Positions, catalog.Position{Signal: key, Tenant: "default", Position: other.committed})
		}
	}
	s.last = w.sequence
	sequence := w.sequence
	if w.heard != nil {
		w.heard(cm)
	}
	for i, c := range w.catalogs {
		if err := c.Apply(sequence, cm); err != nil {
			w.t.Error(err)
		}
		if i == 0 {
			h.generations = h.generations[1:]
			h.committed = g.To
			w.mu.Unlock() // the others hear of it later
			time.Sleep(time.Millisecond)
			w.mu.Lock()
		}
	}
	w.mu.Unlock()
	return true
}

// heads are the heads of some shards: what a process owns.
type heads struct {
	w      *world
	shards []int
}

// Heads implements parts.Heads.
func (h *heads) Heads(_ context.Context, _ string, signal telemetry.Signal) ([]index.HeadView, error) {
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	var views []index.HeadView
	for _, number := range h.shards {
		s := h.w.shards[number]
		v := index.HeadView{Shard: number, Signal: signal, Epoch: s.epoch}
		if head := s.heads[signal]; head != nil {
			v.Committed, v.Generations = head.committed, slices.Clone(head.generations)
		}
		views = append(views, v)
	}
	return views, nil
}

// process is a process of the cluster.
type process struct {
	name     string
	engine   *engine.Engine
	source   *parts.Segments
	heads    *heads
	listener net.Listener
	stop     func()
}

// start makes a process that owns some shards, with a catalog of its own.
func (w *world) start(name string, shards ...int) *process {
	w.t.Helper()
	c := catalog.New()
	w.mu.Lock()
	w.catalogs = append(w.catalogs, c)
	w.mu.Unlock()
	p := &process{name: name, heads: &heads{w, shards}}
	p.source = parts.NewSegments(c, w.st, segment.NewCache(8<<20, 0), p.heads, discard)
	p.engine = engine.New(p.source, engine.Limits{CacheBytes: 1 << 20}, discard)
	p.engine.UseNow(w.t, engine.TestNow)
	w.t.Cleanup(p.engine.Close)
	return p
}

// serve starts the process's Flight server.
func (p *process) serve(t testing.TB) {
	t.Helper()
	var err error
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- fanout.NewServer(p.engine, p.heads, discard).Run(ctx, p.listener) }()
	var once sync.Once
	p.stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(p.stop)
}

// cluster makes n processes that share the world's shards, each of which serves and coordinates.
func (w *world) cluster(n int) []*process {
	w.t.Helper()
	all := make([]*process, n)
	membership := fanout.Membership{}
	for i := range all {
		var own []int
		for s := range w.shards {
			if s%n == i {
				own = append(own, s)
				membership.Shards = append(membership.Shards, fanout.ShardOwner{Shard: s, Owner: fmt.Sprint("node-", i), Epoch: 1})
			}
		}
		all[i] = w.start(fmt.Sprint("node-", i), own...)
		all[i].serve(w.t)
		membership.Members = append(membership.Members, fanout.Member{Name: all[i].name, Address: all[i].listener.Addr().String(), Query: true})
	}
	for _, p := range all {
		membership.Self = p.name
		c := fanout.NewCoordinator(p.engine, p.source, fanout.Static{Membership: membership}, discard, grpc.WithTransportCredentials(insecure.NewCredentials()))
		w.t.Cleanup(c.Close)
	}
	return all
}

// TestClusterDifferential compares what clusters of 1, 2 and 4 processes answer with what one engine answers that has everything, while heads seal.
func TestClusterDifferential(t *testing.T) {
	queries := 40
	if testing.Short() {
		queries = 15
	}
	for _, n := range []int{1, 2, 4} {
		for _, signal := range []telemetry.Signal{telemetry.Logs, telemetry.Spans} {
			t.Run(fmt.Sprintf("%d/%v", n, signal), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(uint64(n), uint64(signal)))
				w := newWorld(t, 4)
				one := w.start("one", 0, 1, 2, 3) // the first catalog: the owner's
				all := w.cluster(n)
				batches, times := engine.RandomBatches(rng, signal, 600, 24)
				batches = append(batches, batches[3], batches[11]) // sent twice, to other shards
				for i, b := range batches {
					w.add(i%4, b)
				}
				for range 8 {
					w.seal(rng.IntN(4), signal)
				}
				stop, sealing := make(chan struct{}), sync.WaitGroup{}
				sealing.Go(func() {
					for i := 0; ; i++ {
						select {
						case <-stop:
							return
						case <-time.After(20 * time.Millisecond):
							w.seal(i%4, signal)
						}
					}
				})
				defer sealing.Wait()
				defer close(stop)
				for i := range queries {
					text := engine.RandomQuery(rng, signal)
					query, err := lang.Parse(text)
					if err != nil {
						t.Fatal(err)
					}
					r := engine.Request{Tenant: "default", Signal: signal, Query: query}
					if rng.IntN(3) == 0 {
						r.From = times[rng.IntN(len(times))]
					}
					if rng.IntN(3) == 0 {
						r.To = times[rng.IntN(len(times))]
					}
					c := &comparison{t: t, rng: rng, one: one.engine, all: all[i%n].engine, where: fmt.Sprintf("%s (from %d to %d)", text, r.From, r.To)}
					c.everything(r)
				}
			})
		}
	}
}

// comparison asks one engine and a cluster the same.
type comparison struct {
	t        *testing.T
	rng      *rand.Rand
	one, all *engine.Engine
	where    string
}

// same compares two answers. What they cost may differ.
func same[A any](c *comparison, what string, ask func(e *engine.Engine) (A, engine.Stats, error)) (answer A, ok bool) {
	c.t.Helper()
	want, _, wantErr := ask(c.one)
	have, stats, err := ask(c.all)
	if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
		c.t.Errorf("%s: %s: error %v, want %v", c.where, what, err, wantErr)
		return have, false
	}
	if len(stats.Partial) > 0 {
		c.t.Errorf("%s: %s: partial: %v", c.where, what, stats.Partial)
	}
	if diff := cmp.Diff(want, have); diff != "" {
		c.t.Errorf("%s: %s differs (-one +cluster):\n%s", c.where, what, diff)
		return have, false
	}
	return have, err == nil
}

func (c *comparison) everything(r engine.Request) {
	c.t.Helper()
	ctx := c.t.Context()
	same(c, "count", func(e *engine.Engine) (uint64, engine.Stats, error) {
		a, err := e.Count(ctx, r)
		if err != nil {
			return 0, engine.Stats{}, err
		}
		return a.Count, a.Stats, nil
	})
	for _, field := range []string{"service", "http.status_code", "user.id", "key", "missing"} {
		top := c.rng.IntN(4)
		same(c, "by "+field, func(e *engine.Engine) (*engine.Groups, engine.Stats, error) {
			a, err := e.CountBy(ctx, r, field, top)
			return without(a, err, func() *engine.Stats { return &a.Stats })
		})
	}
	same(c, "values", func(e *engine.Engine) (*engine.Groups, engine.Stats, error) {
		a, err := e.Values(ctx, r, "url.path", "/H", 3)
		return without(a, err, func() *engine.Stats { return &a.Stats })
	})
	for _, by := range []engine.HistogramBy{{}, {Step: time.Minute, Field: "service", Top: 2}, {Step: 7 * time.Second}, {Field: "http.status_code"}} {
		same(c, fmt.Sprintf("histogram %+v", by), func(e *engine.Engine) (*engine.Histogram, engine.Stats, error) {
			a, err := e.Histogram(ctx, r, by)
			return without(a, err, func() *engine.Stats { return &a.Stats })
		})
	}
	same(c, "fields", func(e *engine.Engine) (*engine.Fields, engine.Stats, error) {
		a, err := e.Fields(ctx, r)
		return without(a, err, func() *engine.Stats { return &a.Stats })
	})
	same(c, "latest", func(e *engine.Engine) ([]string, engine.Stats, error) {
		a, err := e.Latest(ctx, r, engine.LatestBy{Field: "service", Since: engine.TestNow.Add(-59 * time.Minute).UnixNano()})
		if err != nil {
			return nil, engine.Stats{}, err
		}
		var rows []string
		for _, row := range a.Rows {
			rows = append(rows, fmt.Sprint(row.Value, row.Time, row.Recent))
		}
		return rows, a.Stats, nil
	})
	same(c, "usage", func(e *engine.Engine) ([]string, engine.Stats, error) {
		a, err := e.Usage(ctx, r, engine.UsageByService, 10)
		if err != nil {
			return nil, engine.Stats{}, err
		}
		var rows []string // bytes and times are by part, and so change when a head seals
		for _, row := range a.Rows {
			rows = append(rows, fmt.Sprint(row.Name, row.Absent, row.Records))
		}
		slices.Sort(rows)
		return append(rows, fmt.Sprint(a.Records)), a.Stats, nil
	})
	same(c, "explain", func(e *engine.Engine) (uint64, engine.Stats, error) {
		a, err := e.Explain(ctx, r)
		if err != nil {
			return 0, engine.Stats{}, err
		}
		return a.Count, a.Stats, nil
	})
	c.pages(r)
	if r.Signal == telemetry.Spans {
		c.traces(r)
	}
}

// without takes the statistics out of an answer.
func without[A any](answer *A, err error, stats func() *engine.Stats) (*A, engine.Stats, error) {
	if err != nil {
		return nil, engine.Stats{}, err
	}
	s := *stats()
	*stats() = engine.Stats{}
	return answer, s, nil
}

// found is a page as text.
type found struct {
	Records []string
	Cursor  string
}

// pages goes through all pages of both, and asks for what stands around a record.
func (c *comparison) pages(r engine.Request) {
	c.t.Helper()
	s := engine.Search{Request: r, Limit: 1 + c.rng.IntN(80), OldestFirst: c.rng.IntN(2) == 0}
	for page := range 1000 {
		answer, ok := same(c, fmt.Sprintf("page %d of %d", page, s.Limit), func(e *engine.Engine) (found, engine.Stats, error) {
			a, err := e.Search(c.t.Context(), s)
			if err != nil {
				return found{}, engine.Stats{}, err
			}
			out := found{Cursor: a.Cursor.String()}
			for _, rec := range a.Records {
				out.Records = append(out.Records, fmt.Sprint(rec.Time, " ", engine.Describe(rec), " ", engine.CursorAt(&rec)))
			}
			return out, a.Stats, nil
		})
		if !ok || answer.Cursor == "" {
			return
		}
		var err error
		if s.Cursor, err = engine.ParseCursor(answer.Cursor); err != nil {
			c.t.Fatal(err)
		}
		if page == 0 {
			c.around(s)
		}
	}
	c.t.Errorf("%s: no end of pages", c.where)
}

func (c *comparison) around(s engine.Search) {
	c.t.Helper()
	first, err := c.one.Search(c.t.Context(), s)
	if err != nil || len(first.Records) == 0 {
		return
	}
	all := engine.Request{Tenant: s.Tenant, Signal: s.Signal}
	same(c, "around", func(e *engine.Engine) ([][]string, engine.Stats, error) {
		a, err := e.RecordsAround(c.t.Context(), all, &first.Records[0], 5, 5)
		if err != nil {
			return nil, engine.Stats{}, err
		}
		return [][]string{texts(a.Before), texts(a.After)}, a.Stats, nil
	})
}

func texts(records []engine.Record) (out []string) {
	for _, r := range records {
		out = append(out, engine.Describe(r))
	}
	return out
}

// traces compares lists of traces, and the first trace whole.
func (c *comparison) traces(r engine.Request) {
	c.t.Helper()
	ctx := c.t.Context()
	for _, step := range []time.Duration{0, time.Minute} {
		same(c, "heatmap", func(e *engine.Engine) (*engine.Heatmap, engine.Stats, error) {
			a, err := e.Heatmap(ctx, r, step)
			return without(a, err, func() *engine.Stats { return &a.Stats })
		})
	}
	s := engine.TraceSearch{Request: r, Limit: 1 + c.rng.IntN(4)}
	for page := range 100 {
		answer, ok := same(c, fmt.Sprintf("traces, page %d of %d", page, s.Limit), func(e *engine.Engine) (tracesFound, engine.Stats, error) {
			a, err := e.Traces(ctx, s)
			if err != nil {
				return tracesFound{}, engine.Stats{}, err
			}
			return tracesFound{a.Traces, a.Cursor.String()}, a.Stats, nil
		})
		if page == 0 && len(answer.Traces) > 0 {
			c.trace(answer.Traces[0].ID)
		}
		if !ok || answer.Cursor == "" {
			return
		}
		var err error
		if s.Cursor, err = engine.ParseTraceCursor(answer.Cursor); err != nil {
			c.t.Fatal(err)
		}
	}
	c.t.Errorf("%s: no end of pages of traces", c.where)
}

type tracesFound struct {
	Traces []engine.TraceSummary
	Cursor string
}

func (c *comparison) trace(id telemetry.TraceID) {
	c.t.Helper()
	ctx := c.t.Context()
	var span telemetry.SpanID
	same(c, "trace", func(e *engine.Engine) ([]string, engine.Stats, error) {
		a, err := e.Trace(ctx, "default", id, 0, 0)
		if err != nil {
			return nil, engine.Stats{}, err
		}
		copy(span[:], a.Spans[0].Text(telemetry.FieldSpanID))
		return append(texts(a.Spans), texts(a.Logs)...), a.Stats, nil
	})
	same(c, "span", func(e *engine.Engine) ([]string, engine.Stats, error) {
		a, err := e.Span(ctx, "default", id, span, 0, 0)
		if err != nil {
			return nil, engine.Stats{}, err
		}
		return append(texts(a.Spans), texts(a.Logs)...), a.Stats, nil
	})
	same(c, "skeleton", func(e *engine.Engine) ([]string, engine.Stats, error) {
		a, err := e.Skeleton(ctx, "default", id, 0, 0)
		if err != nil {
			return nil, engine.Stats{}, err
		}
		var spans []string
		for _, s := range a.Spans {
			spans = append(spans, fmt.Sprintf("%+v", s))
		}
		slices.Sort(spans)
		return spans, a.Stats, nil
	})
}
