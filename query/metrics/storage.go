package metrics

import (
	"context"
	"log/slog"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"

	"clew/index"
	"clew/internal/telemetry"
	"clew/query/metrics/lent"
	"clew/query/metrics/stored"
	"clew/query/parts"
)

// Storage reads metrics of any tenant: the one that the context of a Select names (WithTenant). It is safe for concurrent use.
type Storage struct {
	source parts.Source
	t      *stored.Translator
	cache  *stored.Cache
	log    *slog.Logger
	now    func() time.Time

	readers       Readers      // nil: all segments are read here
	borrowedBytes atomic.Int64 // of all queries
	lentBytes     atomic.Int64 // of all answers that have not been released
}

var _ storage.SampleAndChunkQueryable = (*Storage)(nil)

// New returns a Storage over a source's parts.
func New(source parts.Source, log *slog.Logger) *Storage {
	t := stored.NewTranslator()
	return &Storage{source: source, t: t, cache: stored.NewCache(t, indexBytesMax), log: log, now: time.Now}
}

type tenantKey struct{}

// WithTenant names the tenant whose metrics are read.
func WithTenant(ctx context.Context, tenant string) context.Context {
	return context.WithValue(ctx, tenantKey{}, tenant)
}

// tenantOf is the context's tenant, or the default one.
func tenantOf(ctx context.Context) string {
	if tenant, ok := ctx.Value(tenantKey{}).(string); ok {
		return tenant
	}
	return telemetry.DefaultTenant
}

// Querier implements storage.Queryable. mint and maxt are milliseconds, both inclusive. All its Selects see the same moment of the same tenant: the one that the
// first names.
func (s *Storage) Querier(mint, maxt int64) (storage.Querier, error) {
	return s.querier(mint, maxt), nil
}

// ChunkQuerier implements storage.ChunkQueryable.
func (s *Storage) ChunkQuerier(mint, maxt int64) (storage.ChunkQuerier, error) {
	return &chunkQuerier{s.querier(mint, maxt)}, nil
}

func (s *Storage) querier(mint, maxt int64) *querier {
	return &querier{storage: s, mint: mint, maxt: maxt, elsewhere: map[string]string{}}
}

// querier reads one tenant's metrics at one moment.
type querier struct {
	storage    *Storage
	mint, maxt int64

	mu       sync.Mutex
	view     *parts.View
	parts    []*staged
	warnings annotations.Annotations
	closed   bool

	elsewhere     map[string]string // who reads a segment, if not this process
	others        []*parts.View     // of segments that were to be read elsewhere
	borrowedBytes atomic.Int64
}

// aside turns what is wrong with one part into a warning; false: it is not about one part.
func (q *querier) aside(err error, warnings *annotations.Annotations) bool {
	damage, ok := stored.IsDamage(err)
	if !ok {
		return false
	}
	q.storage.putAside(damage)
	warnings.Add(errPartial(damage.Error()))
	return true
}

// putAside says that a segment is damaged.
func (s *Storage) putAside(damage *index.DamageError) {
	if source, ok := s.source.(interface{ PutAside(*index.DamageError) }); ok {
		source.PutAside(damage)
	}
}

// nanos is the first nanosecond of a millisecond; nanosUp the last.
func nanos(ms int64) int64 {
	switch {
	case ms <= math.MinInt64/1_000_000:
		return math.MinInt64
	case ms >= math.MaxInt64/1_000_000:
		return math.MaxInt64
	}
	return ms * 1_000_000
}

func nanosUp(ms int64) int64 {
	if ms >= math.MaxInt64/1_000_000-1 {
		return math.MaxInt64
	}
	return nanos(ms) + 999_999
}

// Select implements storage.Querier. A matcher of the name may give OTLP's name, {"system.cpu.time"}, and those of labels an attribute's.
func (q *querier) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	s, err := q.choose(ctx, sorted, q.mint, q.maxt, askedBy(hints), matchers)
	if err != nil {
		return storage.ErrSeriesSet(err)
	}
	s.limit(hints)
	return &seriesSet{s, -1}
}

// limit drops series beyond what is asked for.
func (s *selection) limit(hints *storage.SelectHints) {
	if hints != nil && hints.Limit > 0 && len(s.series) > hints.Limit {
		s.series = s.series[:hints.Limit]
	}
}

// LabelValues implements storage.LabelQuerier.
func (q *querier) LabelValues(ctx context.Context, name string, hints *storage.LabelHints, matchers ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	found := map[string]struct{}{}
	warnings, err := q.each(ctx, lent.Question{Op: lent.OpValues, Label: name}, matchers, func(r reading, numbers []uint32, all bool) {
		if r.of != nil {
			r.of.texts(found)
			return
		}
		valuesOf(q.storage.t, r.Reader, name, numbers, all, q.mint, q.maxt, found)
	})
	return cut(found, hints), warnings, err
}

// valuesOf adds the values of a label of series, or of all.
func valuesOf(t *stored.Translator, r *stored.Reader, name string, numbers []uint32, all bool, mint, maxt int64, to map[string]struct{}) {
	label := name
	if p := r.Index.Posting(label); len(p) == 0 {
		label = stored.LabelOf(t, name)
	}
	if all {
		for v, in := range r.Index.Posting(label) {
			if _, have := to[v]; !have && r.Index.AnyIn(in, mint, maxt) {
				to[v] = struct{}{}
			}
		}
		return
	}
	for _, n := range numbers {
		if v := r.Index.Series[n].Labels.Get(label); v != "" && r.Index.Series[n].In(mint, maxt) {
			to[v] = struct{}{}
		}
	}
}

// LabelNames implements storage.LabelQuerier.
func (q *querier) LabelNames(ctx context.Context, hints *storage.LabelHints, matchers ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	found := map[string]struct{}{}
	warnings, err := q.each(ctx, lent.Question{Op: lent.OpLabels}, matchers, func(r reading, numbers []uint32, all bool) {
		if r.of != nil {
			r.of.texts(found)
			return
		}
		if all {
			for i := range r.Index.Series {
				r.Index.Series[i].Names(q.mint, q.maxt, found)
			}
			return
		}
		for _, n := range numbers {
			r.Index.Series[n].Names(q.mint, q.maxt, found)
		}
	})
	return cut(found, hints), warnings, err
}

// each calls f with the series of each part that match; all: every one does. Of parts that are read elsewhere, what was answered there is in the reading instead.
func (q *querier) each(
	ctx context.Context, ask lent.Question, matchers []*labels.Matcher, f func(r reading, numbers []uint32, all bool),
) (annotations.Annotations, error) {
	ask.Mint, ask.Maxt = q.mint, q.maxt
	all, warnings, err := q.borrow(ctx, ask, matchers, func() ([]reading, annotations.Annotations, error) { return q.readings(ctx, 0, false) })
	if err != nil {
		return warnings, err
	}
	for _, r := range all {
		if err := ctx.Err(); err != nil {
			return warnings, err
		}
		if len(matchers) == 0 || r.of != nil {
			f(r, nil, true)
			continue
		}
		numbers, err := r.Index.Matching(ctx, q.storage.t, matchers)
		if err != nil {
			return warnings, err
		}
		f(r, numbers, false)
	}
	return warnings, nil
}

func cut(found map[string]struct{}, hints *storage.LabelHints) []string {
	out := make([]string, 0, len(found))
	for s := range found {
		out = append(out, s)
	}
	slices.Sort(out)
	if hints != nil && hints.Limit > 0 && len(out) > hints.Limit {
		out = out[:hints.Limit]
	}
	return out
}

// Close implements storage.LabelQuerier.
func (q *querier) Close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.storage.borrowedBytes.Add(-q.borrowedBytes.Load())
	}
	if q.view != nil && !q.closed {
		q.view.Release()
		for _, v := range q.others {
			v.Release()
		}
	}
	q.closed = true
	return nil
}

// chunkQuerier reads the same as chunks.
type chunkQuerier struct{ *querier }

// Select implements storage.ChunkQuerier.
func (q *chunkQuerier) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.ChunkSeriesSet {
	s, err := q.choose(ctx, sorted, q.mint, q.maxt, asked{}, matchers)
	if err != nil {
		return storage.ErrChunkSeriesSet(err)
	}
	s.limit(hints)
	return &chunkSet{seriesSet{s, -1}}
}

// Kept says of how many parts the series are kept, and about how many bytes that takes.
func (s *Storage) Kept() (parts int, bytes int64) { return s.cache.Kept() }
