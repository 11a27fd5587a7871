package metrics

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/util/annotations"

	"clew/internal/points"
	"clew/query/metrics/lent"
)

// selection is the answer to one Select.
type selection struct {
	mint, maxt int64 // milliseconds, both inclusive
	now        int64 // milliseconds
	asked      asked
	series     []selected
	warnings   annotations.Annotations

	mu      sync.Mutex
	decoded map[*rowRef][]multiPoint // so that the series of one histogram share the work
	bytes   int
}

// choose finds the series that match in all parts, and their rows.
func (q *querier) choose(ctx context.Context, sorted bool, mint, maxt int64, how asked, matchers []*labels.Matcher) (*selection, error) {
	parts, warnings, err := q.borrow(ctx, lent.Question{Op: lent.OpSelect, Mint: mint, Maxt: maxt}, matchers, func() ([]reading, annotations.Annotations, error) {
		return q.readings(ctx, how.resolution(), mayCount(matchers))
	})
	if err != nil {
		return nil, err
	}
	out := &selection{mint: mint, maxt: maxt, now: q.storage.now().UnixMilli(), asked: how, warnings: warnings}
	if len(parts) == 1 {
		err = out.one(ctx, q, parts[0], matchers)
	} else {
		err = out.many(ctx, q, parts, matchers)
	}
	if err != nil {
		return nil, err
	}
	if sorted {
		slices.SortFunc(out.series, func(a, b selected) int { return labels.Compare(a.series.labels, b.series.labels) })
	}
	return out, nil
}

// one is choose for a single part, whose series are each there once.
func (s *selection) one(ctx context.Context, q *querier, r reading, matchers []*labels.Matcher) error {
	numbers, err := r.matching(ctx, q.storage.t, matchers, s.mint, s.maxt)
	if err != nil {
		return err
	}
	s.series = make([]selected, 0, len(numbers))
	var pieces []piece
	for _, n := range numbers {
		from := len(pieces)
		of := &r.index.series[n]
		if pieces, err = s.appendPieces(ctx, pieces, r, of); err != nil {
			if !q.aside(err, &s.warnings) {
				return err
			}
			pieces = pieces[:from]
		}
		if len(pieces) > from {
			s.series = append(s.series, selected{selection: s, series: of, pieces: pieces[from:len(pieces):len(pieces)]})
		}
	}
	s.arrange()
	return nil
}

// many is choose for several parts: what has the same labels in them is one series.
func (s *selection) many(ctx context.Context, q *querier, parts []reading, matchers []*labels.Matcher) error {
	byHash := map[uint64]int32{}
	var same []int32 // the next series of the same hash, or -1
	for _, r := range parts {
		numbers, err := r.matching(ctx, q.storage.t, matchers, s.mint, s.maxt)
		if err != nil {
			return err
		}
		for i, n := range numbers {
			if i%checkEvery == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			of := &r.index.series[n]
			more, err := s.appendPieces(ctx, nil, r, of)
			if err != nil && !q.aside(err, &s.warnings) {
				return err
			}
			if err != nil || len(more) == 0 {
				continue
			}
			first, ok := byHash[of.hash]
			at := int32(-1)
			if ok {
				for at = first; at >= 0 && !labels.Equal(s.series[at].series.labels, of.labels); at = same[at] {
				}
			} else {
				first = -1
			}
			if at < 0 {
				at = int32(len(s.series))
				s.series = append(s.series, selected{selection: s, series: of})
				same = append(same, first)
				byHash[of.hash] = at
			}
			s.series[at].pieces = append(s.series[at].pieces, more...)
		}
	}
	s.arrange()
	return nil
}

// appendPieces adds the rows of a series that may have points from mint to maxt, and loads their row groups.
func (s *selection) appendPieces(ctx context.Context, to []piece, r reading, of *series) ([]piece, error) {
	for i := range of.origins {
		o := &of.origins[i]
		// A window stands for what is after it, up to the next one, and for what is before it.
		mint, maxt := s.mint-r.stage.Resolution.Milliseconds(), s.maxt
		if r.stage.Resolution > 0 {
			maxt = untilWindow(maxt)
		}
		if o.family.marks.width > 0 {
			mint = hourOf(mint) // they are counted from there on
		}
		if r.live != nil {
			var err error
			if to, err = r.appendLive(ctx, to, o, mint, s.maxt); err != nil {
				return to, err
			}
			continue
		}
		for k := range o.rows {
			ref := &o.rows[k]
			if ref.min > min(maxt, r.to) {
				break
			}
			if ref.max < mint || ref.max <= r.from {
				continue
			}
			if o.view == viewTarget && (ref.min <= r.from || ref.max > r.to) {
				ref = &rowRef{min: max(ref.min, r.from+1), max: min(ref.max, r.to)}
			}
			if o.view != viewTarget && r.lent == nil {
				if _, err := r.load(ctx, ref.rg); err != nil {
					return to, err
				}
			}
			to = append(to, piece{r: r.partReader, o: o, ref: ref, from: r.from, to: r.to})
		}
	}
	return to, nil
}

// arrange does so for all series, and says if any has points that are down-sampled.
func (s *selection) arrange() {
	coarse := time.Duration(0)
	for i := range s.series {
		s.series[i].arrange()
		for k := range s.series[i].pieces {
			coarse = max(coarse, s.series[i].pieces[k].r.stage.Resolution)
		}
	}
	if coarse > 0 {
		s.warnings = maps.Clone(s.warnings) // others have the querier's
		s.warnings.Add(errDownsampled(coarse, s.asked))
	}
}

// arrange puts a series' pieces in order of time and sees how they are to be read.
func (s *selected) arrange() {
	for i := range s.pieces {
		p := &s.pieces[i]
		p.begin = p.ref.min
		s.merged = s.merged || p.o.delta
		if width := p.r.stage.Resolution; width > 0 && p.o.view != viewTarget && !p.o.delta {
			if p.told = s.tells(p); p.told {
				p.begin = points.WindowEnd(p.begin, width) - width.Milliseconds() + 1
			} else if s.asked.spread(width) > 0 {
				s.widest = max(s.widest, width)
			}
		}
		p.begin = max(p.begin, p.from+1)
	}
	before := func(a, b piece) int { return cmp.Compare(a.begin, b.begin) }
	if !slices.IsSortedFunc(s.pieces, before) {
		slices.SortStableFunc(s.pieces, before)
	}
}

// tells says whether a piece's windows have what the function asks for. What is damaged is seen when it is read.
func (s *selected) tells(p *piece) bool {
	if p.o.view != viewNumber || !s.asked.wantsWindows() {
		return false
	}
	_, found, err := p.r.row(p.ref)
	return err == nil && found[points.SectionWindows] != nil && (found.Told() || !s.asked.wantsStats())
}

// floats adds the points of a piece, as doubles.
func (s *selection) floats(to []floatPoint, p *piece) ([]floatPoint, error) {
	switch p.o.view {
	case viewTarget:
		return s.target(to, p.ref), nil
	case viewNumber:
		if p.ref.chunk == chunkNumbers {
			return append(to, p.r.liveRow(p.ref).numbers...), nil
		}
		chunk, found, err := p.r.row(p.ref)
		if err != nil {
			return nil, err
		}
		all, err := numbersOf(p.ref, chunk, &found)
		return append(to, all...), err
	}
	all, err := s.multi(p)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if v, ok := all[i].at(p.o.view, p.o.bound); ok {
			to = append(to, floatPoint{t: all[i].t, v: v})
		}
	}
	return to, nil
}

// target makes the points of target_info: at the first and the last moment of a time, and often enough between.
func (s *selection) target(to []floatPoint, span *rowRef) []floatPoint {
	const step = int64(lookback/1e6) / 2
	t := span.min
	if s.mint > t {
		t += (s.mint - t) / step * step
	}
	for ; t < span.max && t <= s.maxt; t += step {
		to = append(to, floatPoint{t: t, v: 1})
	}
	return append(to, floatPoint{t: span.max, v: 1})
}

// multi reads a row of a histogram or summary, for all its series once.
func (s *selection) multi(p *piece) ([]multiPoint, error) {
	s.mu.Lock()
	all, ok := s.decoded[p.ref]
	s.mu.Unlock()
	if ok {
		return all, nil
	}
	chunk, found, err := p.r.row(p.ref)
	if err != nil {
		return nil, err
	}
	if all, err = multiOf(p.ref, chunk, &found); err != nil {
		return nil, err
	}
	bytes := 0
	for i := range all {
		bytes += 96 + 8*len(all[i].values)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.decoded == nil || s.bytes+bytes > decodedBytesMax {
		s.decoded, s.bytes = map[*rowRef][]multiPoint{}, 0
	}
	s.decoded[p.ref] = all
	s.bytes += bytes
	return all, nil
}

// natives are the points of a piece of a native histogram.
func (s *selection) natives(p *piece) ([]nativePoint, error) {
	chunk, found, err := p.r.row(p.ref)
	if err != nil {
		return nil, err
	}
	return nativesOf(p.o.base, p.ref, chunk, &found)
}

// Labels implements storage.Series.
func (s *selected) Labels() labels.Labels { return s.series.labels }

// Iterator implements storage.Series.
func (s *selected) Iterator(reuse chunkenc.Iterator) chunkenc.Iterator {
	if s.widest > 0 && !s.merged {
		it, ok := reuse.(*filled)
		if !ok {
			it = &filled{}
		}
		it.reset(s)
		return it
	}
	it, ok := reuse.(*sampleIterator)
	if !ok {
		it = &sampleIterator{}
	}
	it.reset(s)
	return it
}

// seriesSet is a selection as the engine goes through it.
type seriesSet struct {
	*selection
	i int
}

func (s *seriesSet) Next() bool {
	s.i++
	return s.i < len(s.series)
}

func (s *seriesSet) At() storage.Series                { return &s.series[s.i] }
func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return s.warnings }

// chunkSet is a selection as chunks, for remote read.
type chunkSet struct{ seriesSet }

func (s *chunkSet) At() storage.ChunkSeries { return storage.NewSeriesToChunkEncoder(s.seriesSet.At()) }
