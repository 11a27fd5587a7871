package stored

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/prometheus/prometheus/model/labels"

	"clew/index"
	"clew/internal/points"
)

// Growing is a part that is still appended to, at a moment: a head. Its series have numbers from 0 on, which stay their own, so that what they are is read and translated
// when they come, once, and of their points only those that a query needs. All methods are safe for concurrent use.
type Growing interface {
	index.Part
	// Head is the head's number: parts of the same head have the same, and no other head of the process has it.
	Head() uint64
	// Series is how many there are, and how often one has got another bucket or quantile, which makes it more series of Prometheus.
	Series() (count, reshaped int)
	// Describe returns rows of the series that are not among the first count, and of those that have got a bucket or quantile since it had happened reshaped
	// times. of is each row's series. The rows of explicit histograms and summaries have all their points so far, the others' may have none.
	Describe(ctx context.Context, count, reshaped int) (part index.Part, of []uint32, err error)
	// Read gives to the rows of these series that may have points from mint to maxt, in milliseconds. to must be quick: nothing is appended meanwhile.
	Read(ctx context.Context, numbers []uint32, mint, maxt int64, to points.LiveReader) error
	// Spans calls f with the first and the last time, in milliseconds, of each row of these series.
	Spans(ctx context.Context, numbers []uint32, f func(from, to int64)) error
}

// growth is the translation of a head's series so far.
type growth struct {
	head uint64
	turn chan struct{} // held by whoever uses the fields below

	count, reshaped int
	index           *Index              // never changes: a head that has grown gets another
	at              map[uint64][]uint32 // of index: its series by their labels' hash
}

func newGrowth(head uint64) *growth { return &growth{head: head, turn: make(chan struct{}, 1)} }

// of returns the series of a part of the head, and perhaps later ones.
func (g *growth) of(ctx context.Context, t *Translator, part Growing) (x *Index, err error) {
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	count, reshaped := part.Series()
	if g.index != nil && count <= g.count && reshaped <= g.reshaped {
		return g.index, nil
	}
	defer func() {
		if r := recover(); r != nil { // as in newIndex
			err = fmt.Errorf("part %s: %v", part.Info().ID, r)
		}
		if err != nil {
			g.index, g.at, g.count, g.reshaped = nil, nil, 0, 0
		}
	}()
	if g.at == nil {
		g.at = map[uint64][]uint32{}
	}
	described, numbers, err := part.Describe(ctx, g.count, g.reshaped)
	if err != nil {
		return nil, fmt.Errorf("series of part %s: %w", part.Info().ID, err)
	}
	if x, err = g.index.grown(ctx, t, g.at, g.count, described, numbers); err != nil {
		return nil, fmt.Errorf("series of part %s: %w", part.Info().ID, err)
	}
	g.index, g.count, g.reshaped = x, max(g.count, count), max(g.reshaped, reshaped)
	return x, nil
}

// grown is an index, which may be nil, of the head's first series, as many as are known, with those that a part describes. at is changed.
func (x *Index) grown(
	ctx context.Context, t *Translator, at map[uint64][]uint32, known int, described index.Part, numbers []uint32,
) (*Index, error) {
	out := &Index{byName: map[string][]uint32{}, byOTel: map[string][]uint32{}, postings: map[string]map[string][]uint32{}}
	if x != nil {
		// Lists are added to behind what readers of x see of them.
		out.Series = slices.Clone(x.Series)
		out.byName, out.byOTel, out.bytes = maps.Clone(x.byName), maps.Clone(x.byOTel), x.bytes
	}
	b, err := build(ctx, t, described)
	if err != nil {
		return nil, err
	}
	var first []int // of each row group, its first row
	rows := 0
	for _, g := range described.RowGroups() {
		first = append(first, rows)
		rows += g.Rows
	}
	if rows != len(numbers) {
		return nil, fmt.Errorf("%d rows describe series, want %d", rows, len(numbers))
	}
	a := newAssembler(out, t, at)
	a.growing = true
	reader := NewReader(described, out)
	targets := map[*target][]uint32{}
	for i, base := range b.bases {
		if i%CheckEvery == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		for _, r := range base.Rows {
			base.numbers = append(base.numbers, numbers[first[r.rg]+int(r.Row)])
		}
		slices.Sort(base.numbers)
		base.numbers = slices.Compact(base.numbers)
		if err := a.base(ctx, reader, base); err != nil {
			return nil, fmt.Errorf("%s: %w", base.Family.OTel, err)
		}
		base.labels = labels.EmptyLabels()
		for _, n := range base.numbers {
			if int(n) >= known { // the others are there
				targets[base.target] = append(targets[base.target], n)
			}
		}
		out.bytes += baseBytes + rowBytes*int64(cap(base.numbers))
	}
	for _, t := range b.targets {
		if t.info.Len() > 0 && len(targets[t]) > 0 {
			of := &Base{Family: targetFamily, target: t, numbers: targets[t]}
			a.add(t.info, Origin{Base: of, View: ViewTarget})
		}
	}
	return out, nil
}

// always is the rows of a base of a head: when its points are is seen when they are read.
var always = []Row{{Min: math.MinInt64, Max: math.MaxInt64}}

// knows says whether a series has an origin's points already: a base that has been described again is in its old series as before.
func (s *Series) knows(o *Origin) bool {
	return slices.ContainsFunc(s.Origins, func(have Origin) bool {
		return have.View == o.View && have.Bound == o.Bound && len(have.numbers) > 0 && len(o.numbers) > 0 && have.numbers[0] == o.numbers[0]
	})
}

// liveRow is a row that was read from a head.
type liveRow struct {
	ref          Row
	chunk, extra []byte
	numbers      []FloatPoint // instead of a chunk
}

// live are the rows that a query has read from a head. Each series is read once, so that all selectors of a query see the same.
type live struct {
	part    Growing
	rows    []*liveRow
	of      map[uint32][]*liveRow // by the head's number of their series
	read    map[uint32]bool
	reading []uint32
}

// Row implements points.LiveReader.
func (l *live) Row(i int, r points.LiveRow) {
	row := &liveRow{chunk: r.Chunk, extra: r.Extra}
	row.ref = Row{Min: r.Min, Max: r.Max, Samples: uint32(min(r.Samples, SamplesOfRowMax+1)), Chunk: ChunkNumbers, Row: uint32(len(l.rows))}
	if r.Kind != "" {
		row.ref.Chunk = chunkKindOf(r.Kind)
		found, err := points.Sections(r.Extra)
		row.ref.Plain = err == nil && found[points.SectionFlags] == nil
	} else {
		row.numbers = make([]FloatPoint, 0, r.Samples)
	}
	l.rows = append(l.rows, row)
	n := l.reading[i]
	l.of[n] = append(l.of[n], row)
}

// Number implements points.LiveReader.
func (l *live) Number(t, start int64, v float64) {
	row := l.rows[len(l.rows)-1]
	row.numbers = append(row.numbers, FloatPoint{T: t, V: v, Start: start})
}

// Matching are the part's series that match; of a head, their rows are read.
func (r *Reader) Matching(ctx context.Context, t *Translator, matchers []*labels.Matcher, mint, maxt int64) ([]uint32, error) {
	if r.lent != nil {
		numbers := make([]uint32, len(r.Index.Series)) // no others were lent
		for i := range numbers {
			numbers[i] = uint32(i)
		}
		return numbers, nil
	}
	numbers, err := r.Index.Matching(ctx, t, matchers)
	if err != nil || r.live == nil {
		return numbers, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.live
	l.reading = l.reading[:0]
	low := mint
	for _, n := range numbers {
		for i := range r.Index.Series[n].Origins {
			o := &r.Index.Series[n].Origins[i]
			if o.View == ViewTarget {
				continue
			}
			if o.Family.Marks.Width > 0 {
				low = HourOf(mint)
			}
			for _, of := range o.numbers {
				if !l.read[of] {
					l.read[of] = true
					l.reading = append(l.reading, of)
				}
			}
		}
	}
	if err := l.part.Read(ctx, l.reading, low, maxt, l); err != nil {
		return nil, fmt.Errorf("read part %s: %w", l.part.Info().ID, err)
	}
	return numbers, nil
}

// EachLive calls f with the rows of an origin in a head that may have points from mint to maxt.
func (r *Reader) EachLive(ctx context.Context, o *Origin, mint, maxt int64, f func(*Row)) error {
	if o.View == ViewTarget {
		spans := &intervals{}
		if err := r.live.part.Spans(ctx, o.numbers, spans.add); err != nil {
			return fmt.Errorf("times of targets in part %s: %w", r.live.part.Info().ID, err)
		}
		for _, s := range spans.all {
			if s[0] <= maxt && s[1] >= mint {
				f(&Row{Min: s[0], Max: s[1]})
			}
		}
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range o.numbers {
		for _, row := range r.live.of[n] {
			if row.ref.Min <= maxt && row.ref.Max >= mint {
				f(&row.ref)
			}
		}
	}
	return nil
}

// IsLive says whether the part is a head that gives its points as they are: its rows are EachLive's.
func (r *Reader) IsLive() bool { return r.live != nil }

// LivePoints are the points of a row of EachLive that has no chunk. They are the reader's.
func (r *Reader) LivePoints(ref *Row) []FloatPoint { return r.liveRow(ref).numbers }

// liveRow is the row that a reference of EachLive means.
func (r *Reader) liveRow(ref *Row) *liveRow {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.live.rows[ref.Row]
}
