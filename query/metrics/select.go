package metrics

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/util/annotations"

	"clew/internal/points"
	"clew/query/metrics/lent"
	"clew/query/metrics/stored"
)

// selection is the answer to one Select.
type selection struct {
	mint, maxt int64 // milliseconds, both inclusive
	now        int64 // milliseconds
	asked      asked
	series     []selected
	warnings   annotations.Annotations

	mu      sync.Mutex
	decoded map[*stored.Row][]stored.MultiPoint // so that the series of one histogram share the work
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
		slices.SortFunc(out.series, func(a, b selected) int { return labels.Compare(a.series.Labels, b.series.Labels) })
	}
	return out, nil
}

// one is choose for a single part, whose series are each there once.
func (s *selection) one(ctx context.Context, q *querier, r reading, matchers []*labels.Matcher) error {
	numbers, err := r.Matching(ctx, q.storage.t, matchers, s.mint, s.maxt)
	if err != nil {
		return err
	}
	s.series = make([]selected, 0, len(numbers))
	var pieces []piece
	for _, n := range numbers {
		from := len(pieces)
		of := &r.Index.Series[n]
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
		numbers, err := r.Matching(ctx, q.storage.t, matchers, s.mint, s.maxt)
		if err != nil {
			return err
		}
		for i, n := range numbers {
			if i%stored.CheckEvery == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			of := &r.Index.Series[n]
			more, err := s.appendPieces(ctx, nil, r, of)
			if err != nil && !q.aside(err, &s.warnings) {
				return err
			}
			if err != nil || len(more) == 0 {
				continue
			}
			first, ok := byHash[of.Hash]
			at := int32(-1)
			if ok {
				for at = first; at >= 0 && !labels.Equal(s.series[at].series.Labels, of.Labels); at = same[at] {
				}
			} else {
				first = -1
			}
			if at < 0 {
				at = int32(len(s.series))
				s.series = append(s.series, selected{selection: s, series: of})
				same = append(same, first)
				byHash[of.Hash] = at
			}
			s.series[at].pieces = append(s.series[at].pieces, more...)
		}
	}
	s.arrange()
	return nil
}

// appendPieces adds the rows of a series that may have points from mint to maxt, and loads their row groups.
func (s *selection) appendPieces(ctx context.Context, to []piece, r reading, of *stored.Series) ([]piece, error) {
	for i := range of.Origins {
		o := &of.Origins[i]
		// A window stands for what is after it, up to the next one, and for what is before it.
		mint, maxt := s.mint-r.Stage.Resolution.Milliseconds(), s.maxt
		if r.Stage.Resolution > 0 {
			maxt = untilWindow(maxt)
		}
		if o.Family.Marks.Width > 0 {
			mint = stored.HourOf(mint) // they are counted from there on
		}
		if r.IsLive() {
			err := r.EachLive(ctx, o, mint, s.maxt, func(ref *stored.Row) {
				to = append(to, piece{r: r.Reader, o: o, ref: ref, from: math.MinInt64, to: math.MaxInt64})
			})
			if err != nil {
				return to, err
			}
			continue
		}
		for k := range o.Rows {
			ref := &o.Rows[k]
			if ref.Min > min(maxt, r.to) {
				break
			}
			if ref.Max < mint || ref.Max <= r.from {
				continue
			}
			if o.View == stored.ViewTarget && (ref.Min <= r.from || ref.Max > r.to) {
				ref = &stored.Row{Min: max(ref.Min, r.from+1), Max: min(ref.Max, r.to)}
			}
			if o.View != stored.ViewTarget {
				if err := r.Load(ctx, ref); err != nil {
					return to, err
				}
			}
			to = append(to, piece{r: r.Reader, o: o, ref: ref, from: r.from, to: r.to})
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
			coarse = max(coarse, s.series[i].pieces[k].r.Stage.Resolution)
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
		p.begin = p.ref.Min
		s.merged = s.merged || p.o.Delta
		if width := p.r.Stage.Resolution; width > 0 && p.o.View != stored.ViewTarget && !p.o.Delta {
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
	if p.o.View != stored.ViewNumber || !s.asked.wantsWindows() {
		return false
	}
	_, found, err := p.r.Row(p.ref)
	return err == nil && found[points.SectionWindows] != nil && (found.Told() || !s.asked.wantsStats())
}

// floats adds the points of a piece, as doubles.
func (s *selection) floats(to []stored.FloatPoint, p *piece) ([]stored.FloatPoint, error) {
	switch p.o.View {
	case stored.ViewTarget:
		return s.target(to, p.ref), nil
	case stored.ViewNumber:
		if p.ref.Chunk == stored.ChunkNumbers {
			return append(to, p.r.LivePoints(p.ref)...), nil
		}
		chunk, found, err := p.r.Row(p.ref)
		if err != nil {
			return nil, err
		}
		all, err := stored.NumbersOf(p.ref, chunk, &found)
		return append(to, all...), err
	}
	all, err := s.multi(p)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if v, ok := all[i].At(p.o.View, p.o.Bound); ok {
			to = append(to, stored.FloatPoint{T: all[i].T, V: v})
		}
	}
	return to, nil
}

// target makes the points of target_info: at the first and the last moment of a time, and often enough between.
func (s *selection) target(to []stored.FloatPoint, span *stored.Row) []stored.FloatPoint {
	const step = int64(stored.Lookback/1e6) / 2
	t := span.Min
	if s.mint > t {
		t += (s.mint - t) / step * step
	}
	for ; t < span.Max && t <= s.maxt; t += step {
		to = append(to, stored.FloatPoint{T: t, V: 1})
	}
	return append(to, stored.FloatPoint{T: span.Max, V: 1})
}

// multi reads a row of a histogram or summary, for all its series once.
func (s *selection) multi(p *piece) ([]stored.MultiPoint, error) {
	s.mu.Lock()
	all, ok := s.decoded[p.ref]
	s.mu.Unlock()
	if ok {
		return all, nil
	}
	chunk, found, err := p.r.Row(p.ref)
	if err != nil {
		return nil, err
	}
	if all, err = stored.MultiOf(p.ref, chunk, &found); err != nil {
		return nil, err
	}
	bytes := 0
	for i := range all {
		bytes += 96 + 8*len(all[i].Values)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.decoded == nil || s.bytes+bytes > decodedBytesMax {
		s.decoded, s.bytes = map[*stored.Row][]stored.MultiPoint{}, 0
	}
	s.decoded[p.ref] = all
	s.bytes += bytes
	return all, nil
}

// natives are the points of a piece of a native histogram.
func (s *selection) natives(p *piece) ([]stored.NativePoint, error) {
	chunk, found, err := p.r.Row(p.ref)
	if err != nil {
		return nil, err
	}
	return stored.NativesOf(p.o.Base, p.ref, chunk, &found)
}

// Labels implements storage.Series.
func (s *selected) Labels() labels.Labels { return s.series.Labels }

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
