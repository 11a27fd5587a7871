package ingest

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/goleak"

	"clew/index"
	"clew/index/catalog"
	"clew/index/segment"
	"clew/index/store"
	"clew/ingest/retention"
	"clew/ingest/shardlog"
	"clew/internal/clock"
	"clew/internal/telemetry"
)

func TestMain(m *testing.M) {
	if childMain() {
		return
	}
	atNoon()
	// bleve, which index/vocabulary imports, starts its workers when the program starts.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/blevesearch/bleve_index_api.AnalysisWorker"))
}

// atNoon sets ingest's clock to noon UTC: what may be merged with what depends on the day in which it was written, and no test runs for twelve hours. The tests
// then say clock.Now where they mean that time.
func atNoon() {
	now := time.Now()
	if _, err := clock.Set(now.UTC().Truncate(24 * time.Hour).Add(12 * time.Hour).Sub(now).String()); err != nil {
		panic(err) // a duration's own text is one
	}
}

// rig is everything from the log to the store, in a directory, with ingest running.
type rig struct {
	*Ingest
	log     *shardlog.Embedded
	catalog *catalog.Catalog
	dir     *store.Dir
	dirName string
	faulty  *store.Faulty // what ingest sees of dir
	stop    func()
	source  string
	seq     uint64
}

func testConfig() Config {
	cfg := DefaultConfig()
	cfg.SealAfter = time.Hour
	cfg.Counts = false // only where a test asks for it
	cfg.DeleteAfter = 0
	cfg.Retention = retention.Policy{} // the tests' records are older than any bound
	cfg.Compaction.Share = 0           // only where a test asks for it
	return cfg
}

// openRig opens dir and starts ingest. change may set steps, or break things, before it runs.
func openRig(t testing.TB, dir string, cfg Config, change func(*rig)) *rig {
	t.Helper()
	r, err := newRig(t.Context(), dir, cfg, change, slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.stop)
	return r
}

func newRig(ctx context.Context, dir string, cfg Config, change func(*rig), logger *slog.Logger) (*rig, error) {
	log, err := shardlog.Open(ctx, shardlog.Config{Dir: filepath.Join(dir, "log"), Shards: cfg.Shards, FreeBytesMin: 1 << 20})
	if err != nil {
		return nil, err
	}
	st, err := store.OpenDir(filepath.Join(dir, "store"))
	if err != nil {
		return nil, err
	}
	cat := catalog.New()
	if err := cat.Restore(ctx, st, logger); err != nil {
		return nil, err
	}
	faulty := store.NewFaulty(st)
	in, err := New(cfg, Deps{Log: log, Commits: log, Leases: log, Store: faulty, Catalog: cat, Logger: logger, Selector: newModulo})
	if err != nil {
		return nil, err
	}
	r := &rig{Ingest: in, log: log, catalog: cat, dir: st, dirName: dir, faulty: faulty, source: fmt.Sprint("life-", time.Now().UnixNano())}
	if change != nil {
		change(r)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := cat.Follow(ctx, log); err != nil {
			logger.Error("follow", "error", err)
		}
	})
	wg.Go(func() { _ = in.Run(ctx) })
	r.stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		log.Close()
	})
	return r, nil
}

var testTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// logBatch is n log records numbered from first on, at testTime plus as many milliseconds.
func logBatch(tenant string, first, n int) *telemetry.Batch {
	b := telemetry.NewBuilder(telemetry.Logs, tenant)
	b.UseSet(testResource(), "", pcommon.NewInstrumentationScope(), "")
	for i := first; i < first+n; i++ {
		r := plog.NewLogRecord()
		r.SetTimestamp(pcommon.NewTimestampFromTime(testTime.Add(time.Duration(i) * time.Millisecond)))
		r.Body().SetStr(fmt.Sprintf("request %d done in %d ms", i, i%97))
		r.Attributes().PutInt("n", int64(i))
		b.AppendLog(r, testTime)
	}
	return b.Build()
}

// spanBatch is n spans numbered from first on.
func spanBatch(tenant string, first, n int) *telemetry.Batch {
	b := telemetry.NewBuilder(telemetry.Spans, tenant)
	b.UseSet(testResource(), "", pcommon.NewInstrumentationScope(), "")
	for i := first; i < first+n; i++ {
		s := ptrace.NewSpan()
		var trace pcommon.TraceID
		var span pcommon.SpanID
		binary.BigEndian.PutUint64(trace[:], uint64(i/8)+1)
		binary.BigEndian.PutUint64(span[:], uint64(i)+1)
		s.SetTraceID(trace)
		s.SetSpanID(span)
		s.SetName("op")
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(testTime.Add(time.Duration(i) * time.Millisecond)))
		s.SetEndTimestamp(s.StartTimestamp() + 5)
		s.Attributes().PutInt("n", int64(i))
		b.AppendSpan(s, testTime)
	}
	return b.Build()
}

// gaugeBatch is n points of one gauge.
func gaugeBatch(tenant string, first, n int) (*telemetry.Batch, error) {
	m := pmetric.NewMetrics()
	rm := m.ResourceMetrics().AppendEmpty()
	testResource().CopyTo(rm.Resource())
	gauge := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	gauge.SetName("load")
	points := gauge.SetEmptyGauge().DataPoints()
	for i := first; i < first+n; i++ {
		p := points.AppendEmpty()
		p.SetTimestamp(pcommon.NewTimestampFromTime(testTime.Add(time.Duration(i) * time.Millisecond)))
		p.SetIntValue(int64(i))
	}
	return telemetry.NewMetricsBatch(tenant, m)
}

func testResource() pcommon.Resource {
	res := pcommon.NewResource()
	res.Attributes().PutStr("service.name", "shop")
	return res
}

// send appends a batch, as the next of the rig's source.
func (r *rig) send(t testing.TB, b *telemetry.Batch) {
	t.Helper()
	r.seq++
	r.sendAs(t, b, shardlog.SourceSeq{ID: r.source, Seq: r.seq, Count: uint32(b.Records)})
}

func (r *rig) sendAs(t testing.TB, b *telemetry.Batch, sources ...shardlog.SourceSeq) {
	t.Helper()
	if err := r.append(t.Context(), b, sources...); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) append(ctx context.Context, b *telemetry.Batch, sources ...shardlog.SourceSeq) error {
	defer b.Release()
	data, err := telemetry.Encode(nil, b)
	if err != nil {
		return err
	}
	_, err = r.log.Append(ctx, 0, &shardlog.Message{Tenant: b.Tenant, Signal: b.Signal, Sources: sources, Records: b.Records, Batch: data})
	return err
}

func writeNothing(io.Writer) error { return nil }

// settle waits until everything in the log has been consumed.
func (r *rig) settle(t testing.TB) {
	t.Helper()
	if err := r.settled(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) settled(ctx context.Context) error {
	for shard := range r.cfg.Shards {
		state, err := r.log.State(ctx, shard)
		if err != nil {
			return err
		}
		o, err := r.waitOwner(ctx, shard)
		if err != nil {
			return err
		}
		if err := o.waitConsumed(ctx, state.Last); err != nil {
			return err
		}
	}
	return nil
}

// parts is what a reader sees of a key, by the protocol of index.HeadView. release ends the reading.
func (r *rig) parts(ctx context.Context, tenant string, signal telemetry.Signal) (parts []index.Part, release func(), err error) {
	return r.partsIn(ctx, tenant, signal, 0)
}

// partsIn is parts for a reader of metrics of a resolution: of what is finer it takes what is nowhere else.
func (r *rig) partsIn(ctx context.Context, tenant string, signal telemetry.Signal, resolution time.Duration) (parts []index.Part, release func(), err error) {
	views, err := r.Heads(ctx, tenant, signal)
	if err != nil {
		return nil, nil, err
	}
	v := r.catalog.Acquire()
	for _, view := range views {
		position := v.Position(catalog.Key{Shard: view.Shard, Signal: view.Signal, Tenant: tenant})
		if position < view.Committed {
			v.Release()
			return nil, nil, fmt.Errorf("the catalog is at %d, the head begins at %d", position, view.Committed)
		}
		for _, g := range view.Generations {
			if g.To > position {
				parts = append(parts, g.Part)
			}
		}
	}
	for _, s := range v.Segments(tenant, signal, math.MinInt64, math.MaxInt64) {
		if s.Resolution > resolution || s.Resolution < resolution && s.Sampled {
			continue
		}
		part, err := segment.Open(ctx, r.dir, s.ID, nil)
		if err != nil {
			v.Release()
			return nil, nil, err
		}
		parts = append(parts, part)
	}
	return parts, v.Release, nil
}

// numbers are the numbers of all records that a reader sees, sorted.
func (r *rig) numbers(ctx context.Context, tenant string, signal telemetry.Signal) ([]int, error) {
	parts, release, err := r.parts(ctx, tenant, signal)
	if err != nil {
		return nil, err
	}
	defer release()
	var all []int
	for _, p := range parts {
		if all, err = appendNumbers(ctx, all, p); err != nil {
			return nil, err
		}
	}
	slices.Sort(all)
	return all, nil
}

func appendNumbers(ctx context.Context, all []int, p index.Part) ([]int, error) {
	col := slices.IndexFunc(p.Columns(), func(c index.ColumnInfo) bool { return c.Level == telemetry.LevelRecord && c.Key == "n" })
	if col < 0 {
		if p.Info().Rows == 0 {
			return all, nil
		}
		return nil, fmt.Errorf("%s has no column n", p.Info().ID)
	}
	for rg, info := range p.RowGroups() {
		switch kind := p.Columns()[col].Kind; kind {
		case index.KindInt:
			ints, err := p.Ints(ctx, col, rg)
			if err != nil {
				return nil, err
			}
			for _, v := range ints.Values[:info.Rows] {
				all = append(all, int(v))
			}
		case index.KindValue:
			codes, err := p.Codes(ctx, col, rg)
			if err != nil {
				return nil, err
			}
			values, err := p.Vocabulary(ctx, col)
			if err != nil {
				return nil, err
			}
			for _, code := range codes[:info.Rows] {
				n, err := strconv.Atoi(string(values.At(int(code))))
				if err != nil {
					return nil, err
				}
				all = append(all, n)
			}
		default:
			return nil, fmt.Errorf("column n is of kind %v", kind)
		}
	}
	return all, nil
}

// want fails unless exactly the records 0 to n-1 are there, each once.
func (r *rig) want(t testing.TB, tenant string, signal telemetry.Signal, n int) {
	t.Helper()
	got, err := r.numbers(t.Context(), tenant, signal)
	if err != nil {
		t.Fatal(err)
	}
	if err := exactly(got, n); err != nil {
		t.Fatalf("%v of %s: %v", signal, tenant, err)
	}
}

// exactly says what is missing, or there twice, of 0 to n-1 in sorted numbers.
func exactly(got []int, n int) error {
	for i, v := range got {
		switch {
		case i > 0 && v == got[i-1]:
			return fmt.Errorf("record %d is there twice (%d records, want %d)", v, len(got), n)
		case v != i:
			return fmt.Errorf("record %d is missing (%d records, want %d)", i, len(got), n)
		}
	}
	if len(got) != n {
		return fmt.Errorf("%d records, want %d", len(got), n)
	}
	return nil
}
