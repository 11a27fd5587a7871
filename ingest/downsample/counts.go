package downsample

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/ingest/series"
	"clew/internal/points"
)

// tally is what was counted in one wide bucket.
type tally struct {
	points.Count
	buckets  map[int32]uint64
	exemplar []byte // points.ReadExemplars
}

// reduceCounts is reduce for chunks of counts: buckets of ten seconds become buckets of a window each.
func (in *input) reduceCounts(s *one, of *shape, width time.Duration) (out []row, samples int, err error) {
	wide := map[int64]*tally{}
	histograms, scale := false, 0
	for _, at := range s.rows {
		r := in.rowOf(at, of.typ)
		samples += r.Samples
		found, err := points.Sections(r.Extra)
		if err != nil {
			return nil, 0, err
		}
		exemplars := map[int][]byte{}
		if err := found.EachExemplars(r.Samples, func(point int, data []byte) { exemplars[point] = data }); err != nil {
			return nil, 0, err
		}
		number := 0
		if histograms, scale, err = points.ReadCounts(r.Chunk, r.Samples, func(c *points.Count) {
			end := points.WindowEnd(c.End, width)
			w := wide[end]
			if w == nil {
				w = &tally{Count: points.Count{End: end}, buckets: map[int32]uint64{}}
				wide[end] = w
			}
			w.add(c)
			if es := exemplars[number]; es != nil {
				w.exemplar = es
			}
			number++
		}); err != nil {
			return nil, 0, err
		}
	}
	all := slices.SortedFunc(maps.Values(wide), func(a, b *tally) int { return cmp.Compare(a.End, b.End) })
	for len(all) > 0 {
		n := 1
		for n < len(all) && n < rowPoints && all[n].End-all[n-1].End <= rowGap.Milliseconds() {
			n++
		}
		row, err := countsRow(all[:n], of, width, histograms, scale)
		if err != nil {
			return nil, 0, err
		}
		out = append(out, row)
		all = all[n:]
	}
	return out, samples, nil
}

func (w *tally) add(c *points.Count) {
	w.Count.Count += c.Count
	w.Zero += c.Zero
	w.Sum += c.Sum
	for _, b := range c.Buckets {
		w.buckets[b.Index] += b.Count
	}
}

func countsRow(all []*tally, of *shape, width time.Duration, histograms bool, scale int) (row, error) {
	ms := width.Milliseconds()
	r := row{Encoded: series.Encoded{
		ChunkKind: points.ChunkCounts, First: all[0].End * nanosPerMilli, Last: all[len(all)-1].End * nanosPerMilli, Samples: len(all),
		Chunk: points.CountsHeader(ms, histograms, scale),
	}}
	var exemplars []series.ReadyExemplars
	last := int64(0)
	for i, w := range all {
		for _, index := range slices.Sorted(maps.Keys(w.buckets)) {
			w.Buckets = append(w.Buckets, points.CountBucket{Index: index, Count: w.buckets[index]})
		}
		r.Chunk = points.AppendCount(r.Chunk, &w.Count, w.End/ms, last, histograms)
		last = w.End / ms
		if w.exemplar != nil {
			es := pmetric.NewExemplarSlice()
			if err := points.ReadExemplars(w.exemplar, es); err != nil {
				return row{}, err
			}
			exemplars = append(exemplars, series.ReadyExemplars{Point: i, Exemplars: es})
		}
	}
	r.Extra = withSections(series.AppendExemplars(nil, exemplars), of.metadata, width, false, nil)
	return r, nil
}
