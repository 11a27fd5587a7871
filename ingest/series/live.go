package series

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/index"
	"clew/index/table"
	"clew/index/vocabulary"
	"clew/internal/points"
	"clew/internal/telemetry"
)

// heads counts those of the process, so that each has a number of its own.
var heads atomic.Uint64

// Live is what a head has at a moment, for readers that know what its series are from before and read the points of those they need: to take it costs four bytes a
// series. As a part it has no columns; Snapshot's has.
type Live struct {
	head     *Head
	info     index.Info
	counts   []uint32
	reshaped int
}

// Live returns what the head has now.
func (h *Head) Live() *Live {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.live == nil {
		h.live = &Live{
			head: h, counts: slices.Clone(h.counts), reshaped: len(h.reshaped),
			info: index.Info{
				ID: h.id, Signal: telemetry.Metrics, Tenant: h.tenant, Shard: h.shard, Head: true, Rows: len(h.series), MinTime: h.low, MaxTime: h.high,
				Bytes: h.Bytes(), SortedBy: -1,
			},
		}
	}
	return h.live
}

// learn adds values to those known, which are ascending, and says whether one was new. Nobody reads more than bucketsMax.
func learn(known, values []float64) (all []float64, fresh bool) {
	for _, v := range values {
		if at, have := slices.BinarySearch(known, v); !have && len(known) < bucketsMax {
			known = slices.Insert(known, at, v)
			fresh = true
		}
	}
	return known, fresh
}

// reshape notes that a series has become more series of Prometheus. Of a series' first point nothing need be noted.
func (a *appender) reshape(s uint32, reshaped bool) {
	if reshaped && a.counts[s] > 0 {
		a.reshaped = append(a.reshaped, s)
	}
}

// Head is the head's number, which no other of the process has.
func (l *Live) Head() uint64 { return l.head.number }

// Series is how many there are, and how often one of them has got another bucket or quantile. A series' number, from 0 on, stays its own.
func (l *Live) Series() (count, reshaped int) { return len(l.counts), l.reshaped }

// Describe returns rows that say what the series from number count on are, and those that have got another bucket or quantile after it had happened
// reshaped times; of is each row's series. Only the points of explicit histograms and summaries are there, as they tell the buckets and quantiles.
func (l *Live) Describe(ctx context.Context, count, reshaped int) (part index.Part, of []uint32, err error) {
	h := l.head
	h.mu.Lock()
	defer h.mu.Unlock()
	again := slices.Clone(h.reshaped[min(reshaped, l.reshaped):l.reshaped])
	again = slices.DeleteFunc(again, func(s uint32) bool { return int(s) >= count })
	slices.Sort(again)
	all := slices.Compact(again)
	for s := count; s < len(l.counts); s++ {
		all = append(all, uint32(s))
	}
	metas := make([]meta, h.metas.Len())
	var rows []row
	for i, s := range all {
		if i%ctxEvery == 0 && ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		m := &metas[h.series[s].meta]
		if *m, err = h.metaOf(h.series[s].meta); err != nil {
			return nil, nil, fmt.Errorf("metric %d: %w", h.series[s].meta, err)
		}
		from := len(rows)
		if rows, err = h.describe(rows, s, m); err != nil {
			return nil, nil, fmt.Errorf("series of metric %q: %w", m.name, err)
		}
		for range len(rows) - from {
			of = append(of, s)
		}
	}
	labels, err := h.labels(ctx, rows, metas)
	if err != nil {
		return nil, nil, err
	}
	defer labels.Release()
	b, err := h.batch(labels, rows, metas)
	if err != nil {
		return nil, nil, err
	}
	defer b.Release()
	t := table.New(h.id+"-series", telemetry.Metrics, h.tenant, h.shard)
	if err := t.Append(b, nil); err != nil {
		return nil, nil, fmt.Errorf("metrics head: %w", err)
	}
	return t.Snapshot(), of, nil
}

// describe adds the rows that say what a series is.
func (h *Head) describe(to []row, s uint32, m *meta) ([]row, error) {
	sr := &h.series[s]
	if sr.numbers != nil || sr.histograms != nil && sr.histograms.exponential {
		r := row{series: s, kind: points.ChunkXOR2, samples: 1, min: h.low, max: h.high}
		if m.metadata != "" {
			r.extra = points.AppendSection(nil, points.SectionMetadata, []byte(m.metadata))
		}
		return append(to, r), nil
	}
	for at := sr.latest; at > 0; at = h.rows[at-1].before {
		to = append(to, h.rows[at-1])
	}
	more, err := sr.rows(s, m)
	return append(to, more...), err
}

// readAtOnce is how many series are read between two turns of those who append.
const readAtOnce = 256

// Read gives to what may have points from mint to maxt (milliseconds) of the series with these numbers. Chunks do not change. to is called while nothing can
// be appended.
func (l *Live) Read(ctx context.Context, numbers []uint32, mint, maxt int64, to points.LiveReader) error {
	for first := 0; first < len(numbers); first += readAtOnce {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := l.readSome(first, numbers[first:min(first+readAtOnce, len(numbers))], mint, maxt, to); err != nil {
			return err
		}
	}
	return nil
}

func (l *Live) readSome(first int, numbers []uint32, mint, maxt int64, to points.LiveReader) error {
	h := l.head
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, s := range numbers {
		if int(s) >= len(l.counts) {
			continue // it came later
		}
		if err := l.readOne(first+i, s, mint, maxt, to); err != nil {
			return fmt.Errorf("series %d: %w", s, err)
		}
	}
	return nil
}

func (l *Live) readOne(i int, s uint32, mint, maxt int64, to points.LiveReader) error {
	sr := &l.head.series[s]
	m, err := l.head.metaOf(sr.meta)
	if err != nil {
		return err
	}
	n, err := l.giveRows(sr.latest, i, int(l.counts[s]), &m, mint, maxt, to)
	if n == 0 || err != nil {
		return err
	}
	// Of the points that are in no row, those of the moment.
	if sr.numbers != nil && sr.observed == 0 && sr.numbers.give(i, n, m.temporality, mint, maxt, to) {
		return nil
	}
	part := sr.first(n)
	rows, err := part.rows(s, &m)
	for k := range rows {
		rows[k].give(i, mint, maxt, to)
	}
	return err
}

// giveRows gives a series' rows up to the latest, the first one first, as far as n points go, and says how many of these are in none.
func (l *Live) giveRows(latest int32, i, n int, m *meta, mint, maxt int64, to points.LiveReader) (left int, err error) {
	if latest == 0 {
		return n, nil
	}
	r := l.head.rows[latest-1]
	if left, err = l.giveRows(r.before, i, n, m, mint, maxt, to); left == 0 || err != nil {
		return 0, err
	}
	if r.samples > left { // it was complete after the moment
		if r, err = r.first(left, m); err != nil {
			return 0, err
		}
	}
	r.give(i, mint, maxt, to)
	return left - min(left, r.samples), nil
}

// first is a row with its first n points. Summaries are rare and all there, as are points of other kinds that no chunk could hold.
func (r *row) first(n int, m *meta) (row, error) {
	found, err := points.Sections(r.extra)
	if err != nil {
		return row{}, err
	}
	var s series
	switch r.kind {
	case points.ChunkXOR2:
		s.numbers, err = readNumbers(r.chunk, &found, r.samples)
	case points.ChunkHistogram:
		s.histograms, err = readHistograms(r.chunk, &found, r.samples, m.kind == pmetric.MetricTypeExponentialHistogram)
	default:
		return *r, nil
	}
	if err != nil {
		return row{}, err
	}
	s = s.first(n)
	rows, err := s.rows(r.series, m)
	if err != nil || len(rows) != 1 {
		return *r, err
	}
	out := rows[0]
	if out.stated = r.stated; r.stated != 0 {
		out.min, out.max = r.min, r.max
	}
	return out, nil
}

// first is a series with the first n of the points that are not in a row. Summaries are rare and all there.
func (s *series) first(n int) series {
	out := *s
	switch {
	case n == s.points():
	case s.numbers != nil:
		p := &numbers{common: s.numbers.common.first(n), values: s.numbers.values[:n]}
		for i := range n {
			p.types.add(i, s.numbers.types.at(i))
		}
		out.numbers = p
	case s.histograms != nil:
		out.histograms = s.histograms.part(0, n)
	}
	return out
}

func (c *common) first(n int) common {
	out := common{times: c.times[:n]}
	for i := range n {
		out.starts.add(i, c.starts.at(i))
		out.flags.add(i, c.flags.at(i))
	}
	for _, e := range c.exemplars {
		if e.point < n {
			out.exemplars = append(out.exemplars, e)
		}
	}
	return out
}

// give gives a row, if it may have points from mint to maxt.
func (r *row) give(i int, mint, maxt int64, to points.LiveReader) {
	out := points.LiveRow{Samples: r.samples, Kind: r.kind, Chunk: r.chunk, Extra: r.extra}
	out.Min, _ = floorMillis(r.min)
	out.Max, _ = floorMillis(r.max)
	if r.stated != 0 { // points of the future; where they end is not said
		out.Min, _ = floorMillis(r.stated)
		out.Max = math.MaxInt64
	}
	if out.Min <= maxt && out.Max >= mint {
		to.Row(i, out)
	}
}

// give gives the first n points one by one, if there is nothing to say of them but times and values and they are in order; else it says false. Of deltas all are given,
// since what is before mint counts; of others those from mint on.
func (p *numbers) give(i, n int, temporality pmetric.AggregationTemporality, mint, maxt int64, to points.LiveReader) bool {
	if len(p.exemplars) > 0 || !p.flags.is(0) || !slices.IsSorted(p.times[:n]) {
		return false
	}
	low, _ := floorMillis(p.times[0])
	high, _ := floorMillis(p.times[n-1])
	if low > maxt || high < mint {
		return true
	}
	first := 0
	if temporality != pmetric.AggregationTemporalityDelta {
		for ; first < n-1; first++ {
			if ms, _ := floorMillis(p.times[first]); ms >= mint {
				break
			}
		}
	}
	low, _ = floorMillis(p.times[first])
	to.Row(i, points.LiveRow{Min: low, Max: high, Samples: n - first})
	for k := first; k < n; k++ {
		ms, _ := floorMillis(p.times[k])
		to.Number(ms, p.startMillis(k), p.float(k))
	}
	return true
}

// Spans calls f with the times, in milliseconds, of the first and the last point of each row of the series with these numbers.
func (l *Live) Spans(_ context.Context, numbers []uint32, f func(from, to int64)) error {
	h := l.head
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range numbers {
		if int(s) >= len(l.counts) || h.series[s].observed != 0 {
			continue
		}
		sr := &h.series[s]
		for at := sr.latest; at > 0; at = h.rows[at-1].before {
			if r := &h.rows[at-1]; r.stated == 0 {
				f(r.min/nanosPerMilli, r.max/nanosPerMilli)
			}
		}
		var times []int64
		switch {
		case sr.numbers != nil:
			times = sr.numbers.times
		case sr.histograms != nil:
			times = sr.histograms.times
		case sr.summaries != nil:
			for _, dp := range sr.summaries.points.All() {
				times = append(times, int64(dp.Timestamp()))
			}
		}
		if len(times) > 0 {
			f(slices.Min(times)/nanosPerMilli, slices.Max(times)/nanosPerMilli)
		}
	}
	return nil
}

// errNoColumns says that a Live was read as other parts are.
var errNoColumns = errors.New("the points of a live head are not in columns")

// Info implements index.Part. Rows counts series.
func (l *Live) Info() index.Info { return l.info }

// Columns implements index.Part.
func (l *Live) Columns() []index.ColumnInfo { return nil }

// RowGroups implements index.Part.
func (l *Live) RowGroups() []index.RowGroupInfo { return nil }

// BytesRead implements index.Part.
func (l *Live) BytesRead() int64 { return 0 }

// Vocabulary implements index.Part.
func (l *Live) Vocabulary(context.Context, int) (*vocabulary.Arena, error) { return nil, errNoColumns }

// Histogram implements index.Part.
func (l *Live) Histogram(context.Context, int, int) (index.Histogram, bool, error) {
	return index.Histogram{}, false, errNoColumns
}

// MayContain implements index.Part.
func (l *Live) MayContain(context.Context, int, int, uint64) (bool, error) {
	return false, errNoColumns
}

// Codes implements index.Part.
func (l *Live) Codes(context.Context, int, int) ([]uint32, error) { return nil, errNoColumns }

// Ints implements index.Part.
func (l *Live) Ints(context.Context, int, int) (index.Ints, error) { return index.Ints{}, errNoColumns }

// Doubles implements index.Part.
func (l *Live) Doubles(context.Context, int, int) (index.Doubles, error) {
	return index.Doubles{}, errNoColumns
}

// Bytes implements index.Part.
func (l *Live) Bytes(context.Context, int, int) (index.Bytes, error) {
	return index.Bytes{}, errNoColumns
}

// Text implements index.Part.
func (l *Live) Text(context.Context, int, int) (index.TextRows, error) { return nil, errNoColumns }
