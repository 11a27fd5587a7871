package metrics

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
	"time"

	"clew/query/metrics/stored"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// piece is points of a series: a row, as an origin sees it.
type piece struct {
	r *stored.Reader
	o *stored.Origin
	// ref is the row; of target_info, a time in which the resource had points.
	ref *stored.Row
	// Of its points only those after from and up to to are meant, in milliseconds.
	from, to int64
	begin    int64 // the first moment of which it has points
	told     bool  // its windows are asked for, not its points
}

// coarse says whether the points are down-sampled.
func (p *piece) coarse() bool { return p.r.Stage.Resolution > 0 }

// clipped says whether some of the row's points are not meant.
func (p *piece) clipped() bool { return p.ref.Min <= p.from || p.ref.Max > p.to }

// means says whether a point of a moment is.
func (p *piece) means(t int64) bool { return t > p.from && t <= p.to }

// lends says whether the engine can read the row's chunk as it is.
func (p *piece) lends() bool {
	if !p.ref.Plain {
		return false
	}
	switch p.o.View {
	case stored.ViewNumber:
		return p.ref.Chunk == stored.ChunkXOR2
	case stored.ViewNative:
		m := p.o.Family.Marks
		return p.ref.Chunk == stored.ChunkHistogram && !m.Floats && !m.Gauge && !m.Reset
	}
	return false
}

// end is the last moment of which it has points.
func (p *piece) end() int64 { return min(p.ref.Max, p.to) }

// selected is a series of an answer.
type selected struct {
	*selection
	series *stored.Series
	pieces []piece       // by the times they begin
	merged bool          // some are deltas: they are decoded together
	widest time.Duration // of the windows between the points of which others have to be added; 0: none
}

// run is the pieces from a number on that overlap.
func (s *selected) run(from int) []piece {
	if s.merged {
		return s.pieces[from:]
	}
	n, end := from+1, s.pieces[from].end()
	for n < len(s.pieces) && s.pieces[n].begin <= end {
		end = max(end, s.pieces[n].end())
		n++
	}
	return s.pieces[from:n]
}

// sampleIterator goes through a series' points from mint to maxt. It is used again for the next series.
type sampleIterator struct {
	of *selected
	// mint and maxt are the selection's, but for points between which others are added.
	mint, maxt int64
	next       int // piece
	cur        chunkenc.Iterator
	// Of the pieces at hand: the last moment of which they have points, and the width of the widest windows.
	end   int64
	width time.Duration
	last  int64 // the time of the point at hand
	vt    chunkenc.ValueType
	err   error

	xor      chunkenc.XOR2Chunk
	xorIt    chunkenc.Iterator
	histo    chunkenc.HistogramChunk
	histoIt  chunkenc.Iterator
	floats   floatList
	natives  nativeList
	teller   teller
	finished bool
}

func (it *sampleIterator) reset(of *selected) {
	it.of, it.next, it.cur, it.err, it.finished = of, 0, nil, nil, false
	it.last, it.vt = math.MinInt64, chunkenc.ValNone
	it.mint, it.maxt = of.mint, of.maxt
}

// open makes cur the points of the next pieces; false: there are none.
func (it *sampleIterator) open() bool {
	s := it.of
	if it.next >= len(s.pieces) {
		return false
	}
	run := s.run(it.next)
	it.next += len(run)
	told := false
	it.end, it.width = math.MinInt64, 0
	for i := range run {
		told = told || run[i].told
		it.end, it.width = max(it.end, run[i].end()), max(it.width, run[i].r.Stage.Resolution)
	}
	p := &run[0]
	switch {
	case s.merged || len(run) > 1 && !told:
		it.cur, it.err = s.merge(run)
	case told:
		it.floats.points, it.err = it.teller.tell(it.floats.points[:0], s, run)
		it.floats.i = -1
		it.cur = &it.floats
	case p.lends():
		it.err = it.lend(p)
	default:
		it.err = it.decode(p)
	}
	if it.err != nil {
		it.err = fmt.Errorf("part %s: %w", p.r.ID(), it.err)
	} else if len(run) == 1 && !told && !s.merged && p.clipped() {
		it.cur = &clipped{it.cur, p.from, p.to}
	}
	return it.err == nil
}

// lend reads a chunk as it is.
func (it *sampleIterator) lend(p *piece) error {
	chunk := p.r.Chunk(p.ref)
	if err := stored.CheckRow(p.ref, chunk); err != nil {
		return err
	}
	if p.ref.Chunk == stored.ChunkXOR2 {
		it.xor.Reset(chunk)
		it.xorIt = it.xor.Iterator(it.xorIt)
		it.cur = it.xorIt
		return nil
	}
	it.histo.Reset(chunk)
	it.histoIt = it.histo.Iterator(it.histoIt)
	it.cur = it.histoIt
	return nil
}

func (it *sampleIterator) decode(p *piece) error {
	if p.o.View == stored.ViewNative {
		all, err := it.of.natives(p)
		it.natives = nativeList{points: all, i: -1}
		it.cur = &it.natives
		return err
	}
	all, err := it.of.floats(it.floats.points[:0], p)
	it.floats = floatList{points: all, i: -1}
	it.cur = &it.floats
	return err
}

// Next implements chunkenc.Iterator. Of several points of one millisecond it gives the first.
func (it *sampleIterator) Next() chunkenc.ValueType {
	for !it.finished {
		if it.cur == nil && !it.open() {
			break
		}
		vt := it.cur.Next()
		if vt == chunkenc.ValNone {
			if it.err = it.cur.Err(); it.err != nil {
				break
			}
			it.cur = nil
			continue
		}
		if t := it.cur.AtT(); t >= it.mint && t > it.last {
			if t > it.maxt {
				break
			}
			it.last, it.vt = t, vt
			return vt
		}
	}
	it.finished, it.vt = true, chunkenc.ValNone
	return chunkenc.ValNone
}

// Seek implements chunkenc.Iterator.
func (it *sampleIterator) Seek(t int64) chunkenc.ValueType {
	if it.vt != chunkenc.ValNone && it.last >= t {
		return it.vt
	}
	if !it.of.merged && !it.finished {
		// The rows before are left out; those at hand too, if they end before.
		if it.cur != nil && it.end < t {
			it.cur = nil
		}
		for it.cur == nil && it.next < len(it.of.pieces) && it.of.pieces[it.next].end() < t {
			it.next++
		}
	}
	for it.Next() != chunkenc.ValNone {
		if it.last >= t {
			return it.vt
		}
	}
	return chunkenc.ValNone
}

// At implements chunkenc.Iterator.
func (it *sampleIterator) At() (int64, float64) { return it.cur.At() }

// AtHistogram implements chunkenc.Iterator.
func (it *sampleIterator) AtHistogram(h *histogram.Histogram) (int64, *histogram.Histogram) {
	return it.cur.AtHistogram(h)
}

// AtFloatHistogram implements chunkenc.Iterator.
func (it *sampleIterator) AtFloatHistogram(h *histogram.FloatHistogram) (int64, *histogram.FloatHistogram) {
	return it.cur.AtFloatHistogram(h)
}

// AtT implements chunkenc.Iterator.
func (it *sampleIterator) AtT() int64 { return it.last }

// AtST implements chunkenc.Iterator.
func (it *sampleIterator) AtST() int64 { return it.cur.AtST() }

// Err implements chunkenc.Iterator.
func (it *sampleIterator) Err() error {
	if it.err != nil {
		return fmt.Errorf("series %s: %w", it.of.series.Labels, it.err)
	}
	return nil
}

// merge makes one iterator of pieces that overlap or are deltas.
func (s *selected) merge(run []piece) (chunkenc.Iterator, error) {
	var all []chunkenc.Iterator
	var deltas []stored.FloatPoint
	var nativeDeltas []stored.NativePoint
	var counted []tick
	var width int64
	for i := range run {
		p := &run[i]
		switch {
		case p.o.Family.Marks.Width > 0:
			width = p.o.Family.Marks.Width
			var err error
			if counted, err = s.ticks(counted, p); err != nil {
				return nil, err
			}
		case p.lends() && !p.o.Delta:
			it := &sampleIterator{}
			if err := it.lend(p); err != nil {
				return nil, err
			}
			if p.clipped() {
				it.cur = &clipped{it.cur, p.from, p.to}
			}
			all = append(all, it.cur)
		case p.o.View == stored.ViewNative:
			natives, err := s.natives(p)
			if err != nil {
				return nil, err
			}
			natives = slices.DeleteFunc(natives, func(x stored.NativePoint) bool { return !p.means(x.T) })
			if p.o.Delta {
				nativeDeltas = append(nativeDeltas, s.asked.spreadNatives(natives, p.r.Stage.Resolution)...)
			} else {
				all = append(all, &nativeList{points: natives, i: -1})
			}
		default:
			floats, err := s.floats(nil, p)
			if err != nil {
				return nil, err
			}
			floats = slices.DeleteFunc(floats, func(x stored.FloatPoint) bool { return !p.means(x.T) })
			if p.o.Delta && p.o.View != stored.ViewQuantile {
				deltas = append(deltas, s.asked.spreadDeltas(floats, p.r.Stage.Resolution)...)
			} else {
				all = append(all, &floatList{points: floats, i: -1})
			}
		}
	}
	if len(deltas) > 0 {
		sort.SliceStable(deltas, func(i, j int) bool { return deltas[i].T < deltas[j].T })
		all = append(all, &floatList{points: summed(deltas), i: -1})
	}
	if len(nativeDeltas) > 0 {
		sort.SliceStable(nativeDeltas, func(i, j int) bool { return nativeDeltas[i].T < nativeDeltas[j].T })
		all = append(all, &nativeList{points: stored.Accumulate(nativeDeltas), i: -1})
	}
	if len(counted) > 0 {
		all = append(all, newCounter(counted, width, s.mint, min(s.maxt, max(s.now, counted[len(counted)-1].t))))
	}
	if len(all) == 1 {
		return all[0], nil
	}
	return storage.ChainSampleIteratorFromIterators(nil, all), nil
}

// summed makes deltas cumulative, from the first point on. Of those of one millisecond the last has the sum of all.
func summed(all []stored.FloatPoint) []stored.FloatPoint {
	out := all[:0]
	sum := 0.0
	for _, p := range all {
		if math.Float64bits(p.V) != math.Float64bits(stored.StaleNaN) {
			sum += p.V
			p.V = sum
		}
		if n := len(out); n > 0 && out[n-1].T == p.T {
			out = out[:n-1]
		}
		out = append(out, p)
	}
	return out
}

// floatList iterates over doubles.
type floatList struct {
	points []stored.FloatPoint
	i      int
}

func (l *floatList) Next() chunkenc.ValueType {
	if l.i++; l.i >= len(l.points) {
		return chunkenc.ValNone
	}
	return chunkenc.ValFloat
}

func (l *floatList) Seek(t int64) chunkenc.ValueType {
	l.i = max(l.i, 0)
	l.i += sort.Search(max(0, len(l.points)-l.i), func(k int) bool { return l.points[l.i+k].T >= t })
	if l.i >= len(l.points) {
		return chunkenc.ValNone
	}
	return chunkenc.ValFloat
}

func (l *floatList) At() (int64, float64) { return l.points[l.i].T, l.points[l.i].V }
func (l *floatList) AtT() int64           { return l.points[l.i].T }
func (l *floatList) AtST() int64          { return l.points[l.i].Start }
func (l *floatList) Err() error           { return nil }

func (l *floatList) AtHistogram(*histogram.Histogram) (int64, *histogram.Histogram) {
	panic("a double was asked for as a histogram") // Next says which it is
}

func (l *floatList) AtFloatHistogram(*histogram.FloatHistogram) (int64, *histogram.FloatHistogram) {
	panic("a double was asked for as a histogram") // Next says which it is
}

// nativeList iterates over native histograms.
type nativeList struct {
	points []stored.NativePoint
	i      int
}

func (l *nativeList) kind() chunkenc.ValueType {
	switch {
	case l.i >= len(l.points):
		return chunkenc.ValNone
	case l.points[l.i].F != nil:
		return chunkenc.ValFloatHistogram
	}
	return chunkenc.ValHistogram
}

func (l *nativeList) Next() chunkenc.ValueType {
	l.i++
	return l.kind()
}

func (l *nativeList) Seek(t int64) chunkenc.ValueType {
	l.i = max(l.i, 0)
	rest := l.points[min(l.i, len(l.points)):]
	at, _ := slices.BinarySearchFunc(rest, t, func(p stored.NativePoint, t int64) int { return cmp.Compare(p.T, t) })
	l.i += at
	return l.kind()
}

func (l *nativeList) At() (int64, float64) {
	panic("a histogram was asked for as a double") // Next says which it is
}

func (l *nativeList) AtHistogram(h *histogram.Histogram) (int64, *histogram.Histogram) {
	p := &l.points[l.i]
	if h == nil {
		return p.T, p.H.Copy()
	}
	p.H.CopyTo(h)
	return p.T, h
}

func (l *nativeList) AtFloatHistogram(f *histogram.FloatHistogram) (int64, *histogram.FloatHistogram) {
	p := &l.points[l.i]
	switch {
	case p.F == nil:
		return p.T, p.H.ToFloat(f)
	case f == nil:
		return p.T, p.F.Copy()
	}
	p.F.CopyTo(f)
	return p.T, f
}

func (l *nativeList) AtT() int64  { return l.points[l.i].T }
func (l *nativeList) AtST() int64 { return 0 }
func (l *nativeList) Err() error  { return nil }
