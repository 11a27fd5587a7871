package metrics

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
	index           *partIndex          // never changes: a head that has grown gets another
	at              map[uint64][]uint32 // of index: its series by their labels' hash
}

func newGrowth(head uint64) *growth { return &growth{head: head, turn: make(chan struct{}, 1)} }

// of returns the series of a part of the head, and perhaps later ones.
func (g *growth) of(ctx context.Context, t *translator, part Growing) (x *partIndex, err error) {
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
		if r := recover(); r != nil { // as in newPartIndex
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
func (x *partIndex) grown(
	ctx context.Context, t *translator, at map[uint64][]uint32, known int, described index.Part, numbers []uint32,
) (*partIndex, error) {
	out := &partIndex{byName: map[string][]uint32{}, byOTel: map[string][]uint32{}, postings: map[string]map[string][]uint32{}}
	if x != nil {
		// Lists are added to behind what readers of x see of them.
		out.series = slices.Clone(x.series)
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
	reader := newPartReader(described, out)
	targets := map[*target][]uint32{}
	for i, base := range b.bases {
		if i%checkEvery == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		for _, r := range base.rows {
			base.numbers = append(base.numbers, numbers[first[r.rg]+int(r.row)])
		}
		slices.Sort(base.numbers)
		base.numbers = slices.Compact(base.numbers)
		if err := a.base(ctx, reader, base); err != nil {
			return nil, fmt.Errorf("%s: %w", base.family.otel, err)
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
			of := &base{family: targetFamily, target: t, numbers: targets[t]}
			a.add(t.info, origin{base: of, view: viewTarget})
		}
	}
	return out, nil
}

// always is the rows of a base of a head: when its points are is seen when they are read.
var always = []rowRef{{min: math.MinInt64, max: math.MaxInt64}}

// knows says whether a series has an origin's points already: a base that has been described again is in its old series as before.
func (s *series) knows(o *origin) bool {
	return slices.ContainsFunc(s.origins, func(have origin) bool {
		return have.view == o.view && have.bound == o.bound && len(have.numbers) > 0 && len(o.numbers) > 0 && have.numbers[0] == o.numbers[0]
	})
}

// liveRow is a row that was read from a head.
type liveRow struct {
	ref          rowRef
	chunk, extra []byte
	numbers      []floatPoint // instead of a chunk
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
	row.ref = rowRef{min: r.Min, max: r.Max, samples: uint32(min(r.Samples, samplesOfRowMax+1)), chunk: chunkNumbers, row: uint32(len(l.rows))}
	if r.Kind != "" {
		row.ref.chunk = chunkKindOf(r.Kind)
		found, err := points.Sections(r.Extra)
		row.ref.plain = err == nil && found[points.SectionFlags] == nil
	} else {
		row.numbers = make([]floatPoint, 0, r.Samples)
	}
	l.rows = append(l.rows, row)
	n := l.reading[i]
	l.of[n] = append(l.of[n], row)
}

// Number implements points.LiveReader.
func (l *live) Number(t, start int64, v float64) {
	row := l.rows[len(l.rows)-1]
	row.numbers = append(row.numbers, floatPoint{t: t, v: v, start: start})
}

// matching are the part's series that match; of a head, their rows are read.
func (r *partReader) matching(ctx context.Context, t *translator, matchers []*labels.Matcher, mint, maxt int64) ([]uint32, error) {
	if r.lent != nil {
		numbers := make([]uint32, len(r.index.series)) // no others were lent
		for i := range numbers {
			numbers[i] = uint32(i)
		}
		return numbers, nil
	}
	numbers, err := r.index.matching(ctx, t, matchers)
	if err != nil || r.live == nil {
		return numbers, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.live
	l.reading = l.reading[:0]
	low := mint
	for _, n := range numbers {
		for i := range r.index.series[n].origins {
			o := &r.index.series[n].origins[i]
			if o.view == viewTarget {
				continue
			}
			if o.family.marks.width > 0 {
				low = hourOf(mint)
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

// appendLive adds the rows of an origin in a head that may have points from mint to maxt.
func (r *partReader) appendLive(ctx context.Context, to []piece, o *origin, mint, maxt int64) ([]piece, error) {
	if o.view == viewTarget {
		spans := &intervals{}
		if err := r.live.part.Spans(ctx, o.numbers, spans.add); err != nil {
			return to, fmt.Errorf("times of targets in part %s: %w", r.live.part.Info().ID, err)
		}
		for _, s := range spans.all {
			if s[0] <= maxt && s[1] >= mint {
				to = append(to, piece{r: r, o: o, ref: &rowRef{min: s[0], max: s[1]}, from: math.MinInt64, to: math.MaxInt64})
			}
		}
		return to, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range o.numbers {
		for _, row := range r.live.of[n] {
			if row.ref.min <= maxt && row.ref.max >= mint {
				to = append(to, piece{r: r, o: o, ref: &row.ref, from: math.MinInt64, to: math.MaxInt64})
			}
		}
	}
	return to, nil
}

// liveRow is the row that a reference of appendLive means.
func (r *partReader) liveRow(ref *rowRef) *liveRow {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.live.rows[ref.row]
}
