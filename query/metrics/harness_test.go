package metrics

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/index"
	"clew/index/catalog"
	"clew/index/segment"
	"clew/index/store"
	"clew/index/table"
	head "clew/ingest/series"
	"clew/internal/points"
	"clew/internal/telemetry"
	"clew/query/metrics/stored"
	"clew/query/parts"
)

// receivedAt is later than any test's points.
var receivedAt = time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)

// partSource is a source of real heads and segments.
type partSource struct {
	t     testing.TB
	store store.Store
	cache *segment.Cache

	// columns: heads are read by their columns, as what clew counts is.
	columns bool

	mu     sync.Mutex
	heads  []*head.Head
	sealed []index.Part
}

func newParts(t testing.TB) *partSource {
	st, err := store.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &partSource{t: t, store: st, cache: segment.NewCache(64<<20, 0)}
}

// head adds an empty head.
func (p *partSource) head() *head.Head {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := head.New(fmt.Sprintf("head-%d", len(p.heads)), telemetry.DefaultTenant, 0)
	p.heads = append(p.heads, h)
	return h
}

// seal makes a segment of a head's points.
func (p *partSource) seal(h *head.Head) {
	p.t.Helper()
	if h.Points() == 0 {
		return
	}
	rows, err := h.Rows(context.Background())
	if err != nil {
		p.t.Fatal(err)
	}
	defer rows.Release()
	tab := table.New("sealing", telemetry.Metrics, telemetry.DefaultTenant, 0)
	if err := tab.Append(rows, nil); err != nil {
		p.t.Fatal(err)
	}
	id := segment.NewID(0, telemetry.Metrics, receivedAt)
	if _, err := segment.Write(context.Background(), p.store, id, []index.Part{tab.Snapshot()}, segment.Options{PageRows: 64}); err != nil {
		p.t.Fatal(err)
	}
	s, err := segment.Open(context.Background(), p.store, id, p.cache)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sealed = append(p.sealed, s)
	for i := range p.heads {
		if p.heads[i] == h {
			p.heads = append(p.heads[:i:i], p.heads[i+1:]...)
			break
		}
	}
}

// View implements parts.Source.
func (p *partSource) View(ctx context.Context, scope parts.Scope) (*parts.View, error) {
	return p.view(ctx, scope, p.columns)
}

func (p *partSource) view(ctx context.Context, scope parts.Scope, columns bool) (*parts.View, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := &parts.View{Release: func() {}}
	if scope.Share != nil {
		for _, id := range scope.Share.Segments {
			if i := slices.IndexFunc(p.sealed, func(s index.Part) bool { return s.Info().ID == id }); i >= 0 {
				v.Parts = append(v.Parts, p.sealed[i])
			}
		}
		return v, nil
	}
	for _, h := range p.heads {
		if points.WantsLive(ctx) && !columns {
			v.Parts = append(v.Parts, h.Live())
			continue
		}
		part, err := h.Snapshot(ctx)
		if err != nil {
			return nil, err
		}
		v.Parts = append(v.Parts, part)
	}
	for _, s := range p.sealed {
		info := s.Info()
		if info.MinTime > scope.To || info.MaxTime < scope.From {
			continue
		}
		known := &catalog.Segment{ID: info.ID, MinTime: info.MinTime, MaxTime: info.MaxTime}
		if scope.Leave != nil && scope.Leave([]*catalog.Segment{known})[0] {
			v.Left = append(v.Left, parts.Left{Segment: known, At: len(v.Parts)})
			continue
		}
		v.Parts = append(v.Parts, s)
	}
	return v, nil
}

// byColumns reads the heads by their columns.
type byColumns struct{ *partSource }

func (p *byColumns) View(ctx context.Context, scope parts.Scope) (*parts.View, error) {
	return p.view(ctx, scope, true)
}

// storageOf reads parts.
func storageOf(p parts.Source) *Storage { return New(p, slog.New(slog.DiscardHandler)) }

// shift is added to the times of Prometheus' tests, which begin in 1970: OTLP says with time 0 that there is none.
const shift = int64(1_000_000_000_000)

// promStorage is a Prometheus storage that keeps what is appended as remote write would bring it, in two parts: of each series, seven points are in a segment, the next
// seven in a head, and so on.
type promStorage struct {
	*Storage
	parts *partSource

	mu     sync.Mutex
	counts map[uint64]int
	toSeal *head.Head
	live   *head.Head
}

func newPromStorage(t testing.TB) *promStorage {
	p := newParts(t)
	return &promStorage{Storage: storageOf(p), parts: p, counts: map[uint64]int{}, live: p.head()}
}

func (s *promStorage) Querier(mint, maxt int64) (storage.Querier, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.toSeal != nil {
		s.parts.seal(s.toSeal)
		s.toSeal = nil
	}
	q, err := s.Storage.Querier(shifted(mint), shifted(maxt))
	return &shiftedQuerier{q}, err
}

func shifted(t int64) int64 {
	if t > math.MaxInt64-shift {
		return t
	}
	return t + shift
}

func (s *promStorage) Appender(context.Context) storage.Appender { panic("the tests use AppenderV2") }

func (s *promStorage) AppenderV2(context.Context) storage.AppenderV2 {
	return &appender{s: s}
}
func (s *promStorage) StartTime() (int64, error) { return 0, nil }
func (s *promStorage) Close() error              { return nil }

type appender struct {
	storage.AppenderTransaction
	s       *promStorage
	pending [2]pmetric.Metrics // to be sealed, and live
	any     bool
}

func (a *appender) SetOptions(*storage.AppendOptions) {}
func (a *appender) Rollback() error                   { return nil }

func (a *appender) Append(_ storage.SeriesRef, ls labels.Labels, st, t int64, v float64, h *histogram.Histogram, fh *histogram.FloatHistogram, _ storage.AOptions) (storage.SeriesRef, error) {
	if !a.any {
		a.pending, a.any = [2]pmetric.Metrics{pmetric.NewMetrics(), pmetric.NewMetrics()}, true
	}
	hash := ls.Hash()
	a.s.mu.Lock()
	n := a.s.counts[hash]
	a.s.counts[hash]++
	a.s.mu.Unlock()
	if h != nil {
		fh = h.ToFloat(nil)
	}
	if st != 0 {
		st += shift
	}
	appendPoint(a.pending[n/7%2], ls, st, t+shift, v, fh)
	return storage.SeriesRef(hash), nil
}

func (a *appender) Commit() error {
	if !a.any {
		return nil
	}
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	if a.s.toSeal == nil {
		a.s.toSeal = a.s.parts.head()
	}
	if err := a.s.toSeal.Append(a.pending[0], receivedAt); err != nil {
		return err
	}
	return a.s.live.Append(a.pending[1], receivedAt)
}

// appendPoint adds a point as remote write brings it.
func appendPoint(to pmetric.Metrics, ls labels.Labels, st, t int64, v float64, h *histogram.FloatHistogram) {
	rm := to.ResourceMetrics().AppendEmpty()
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.Metadata().PutStr(points.MarkType, "unknown")
	attributes := pcommon.NewMap()
	ls.Range(func(l labels.Label) {
		switch l.Name {
		case "__name__":
			m.SetName(l.Value)
		case "job":
			if namespace, name, ok := strings.Cut(l.Value, "/"); ok && namespace != "" && name != "" {
				rm.Resource().Attributes().PutStr(stored.ServiceNamespace, namespace)
				rm.Resource().Attributes().PutStr(stored.ServiceName, name)
			} else {
				rm.Resource().Attributes().PutStr(stored.ServiceName, l.Value)
			}
		case "instance":
			rm.Resource().Attributes().PutStr(stored.ServiceInstance, l.Value)
		default:
			attributes.PutStr(l.Name, l.Value)
		}
	})
	start, at := pcommon.Timestamp(st*1_000_000), pcommon.Timestamp(t*1_000_000)
	if h == nil {
		dp := m.SetEmptyGauge().DataPoints().AppendEmpty()
		attributes.CopyTo(dp.Attributes())
		dp.SetStartTimestamp(start)
		dp.SetTimestamp(at)
		dp.SetDoubleValue(v)
		if math.Float64bits(v) == value.StaleNaN {
			dp.SetFlags(dp.Flags().WithNoRecordedValue(true))
		}
		return
	}
	words := []string{points.MarkedNative}
	count := func(x float64) uint64 { return uint64(x) }
	if !whole(h) {
		words = append(words, points.MarkedFloats)
		count = math.Float64bits
	}
	switch h.CounterResetHint {
	case histogram.GaugeType:
		words = append(words, points.MarkedGauge)
	case histogram.CounterReset:
		words = append(words, points.MarkedReset)
	}
	m.Metadata().PutStr(points.MarkHistogram, strings.Join(words, " "))
	if h.UsesCustomBuckets() {
		m.SetEmptyHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		dp := m.Histogram().DataPoints().AppendEmpty()
		attributes.CopyTo(dp.Attributes())
		dp.SetStartTimestamp(start)
		dp.SetTimestamp(at)
		dp.SetCount(count(h.Count))
		dp.SetSum(h.Sum)
		dp.ExplicitBounds().FromRaw(h.CustomValues)
		counts := make([]uint64, len(h.CustomValues)+1)
		first, dense := unfolded(h.PositiveSpans, h.PositiveBuckets)
		for i, c := range dense {
			counts[int(first)+i] = count(c)
		}
		dp.BucketCounts().FromRaw(counts)
		return
	}
	m.SetEmptyExponentialHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	dp := m.ExponentialHistogram().DataPoints().AppendEmpty()
	attributes.CopyTo(dp.Attributes())
	dp.SetStartTimestamp(start)
	dp.SetTimestamp(at)
	dp.SetScale(h.Schema)
	dp.SetCount(count(h.Count))
	dp.SetSum(h.Sum)
	dp.SetZeroCount(count(h.ZeroCount))
	dp.SetZeroThreshold(h.ZeroThreshold)
	for _, side := range []struct {
		to      pmetric.ExponentialHistogramDataPointBuckets
		spans   []histogram.Span
		buckets []float64
	}{{dp.Positive(), h.PositiveSpans, h.PositiveBuckets}, {dp.Negative(), h.NegativeSpans, h.NegativeBuckets}} {
		first, dense := unfolded(side.spans, side.buckets)
		if len(dense) == 0 {
			continue
		}
		side.to.SetOffset(first - 1)
		for _, c := range dense {
			side.to.BucketCounts().Append(count(c))
		}
	}
}

// whole says whether all counts are whole numbers.
func whole(h *histogram.FloatHistogram) bool {
	for _, all := range [][]float64{{h.Count, h.ZeroCount}, h.PositiveBuckets, h.NegativeBuckets} {
		for _, x := range all {
			if x != math.Trunc(x) || x < 0 || x > 1<<53 {
				return false
			}
		}
	}
	return true
}

// unfolded are buckets without gaps, from the index first on.
func unfolded(spans []histogram.Span, buckets []float64) (first int32, dense []float64) {
	next := 0
	for i, s := range spans {
		if i == 0 {
			first = s.Offset
		} else {
			dense = append(dense, make([]float64, s.Offset)...)
		}
		dense = append(dense, buckets[next:next+int(s.Length)]...)
		next += int(s.Length)
	}
	return first, dense
}

// shiftedQuerier gives points their times back.
type shiftedQuerier struct{ storage.Querier }

func (q *shiftedQuerier) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	return &shiftedSet{q.Querier.Select(ctx, sorted, hints, matchers...)}
}

type shiftedSet struct{ storage.SeriesSet }

func (s *shiftedSet) At() storage.Series { return &shiftedSeries{s.SeriesSet.At()} }

type shiftedSeries struct{ storage.Series }

func (s *shiftedSeries) Iterator(reuse chunkenc.Iterator) chunkenc.Iterator {
	var inner chunkenc.Iterator
	if it, ok := reuse.(*shiftedIterator); ok {
		inner = it.Iterator
	}
	return &shiftedIterator{s.Series.Iterator(inner)}
}

type shiftedIterator struct{ chunkenc.Iterator }

func (it *shiftedIterator) Seek(t int64) chunkenc.ValueType { return it.Iterator.Seek(t + shift) }
func (it *shiftedIterator) AtT() int64                      { return it.Iterator.AtT() - shift }

func (it *shiftedIterator) At() (int64, float64) {
	t, v := it.Iterator.At()
	return t - shift, v
}

func (it *shiftedIterator) AtHistogram(h *histogram.Histogram) (int64, *histogram.Histogram) {
	t, h := it.Iterator.AtHistogram(h)
	return t - shift, h
}

func (it *shiftedIterator) AtFloatHistogram(h *histogram.FloatHistogram) (int64, *histogram.FloatHistogram) {
	t, h := it.Iterator.AtFloatHistogram(h)
	return t - shift, h
}

func (it *shiftedIterator) AtST() int64 {
	if st := it.Iterator.AtST(); st != 0 {
		return st - shift
	}
	return 0
}
