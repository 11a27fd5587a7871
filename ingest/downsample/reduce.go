package downsample

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/ingest/series"
	"clew/internal/points"
	"clew/internal/telemetry"
)

// shape is what a series' rows say of the metric.
type shape struct {
	typ, temporality, name string
	monotonic              bool
	metadata               []byte
	metric                 pmetric.Metric // of the type, with the metadata, without points
}

func (in *input) shapeOf(s *one) (shape, error) {
	at := s.rows[0]
	g, row := &in.groups[at.part][at.rg], int(at.row)
	out := shape{
		typ: string(cell(g.typ, row)), temporality: string(cell(g.temporality, row)), name: string(cell(g.name, row)),
		monotonic: string(cell(g.monotonic, row)) == "true", metric: pmetric.NewMetric(),
	}
	if err := series.SetType(out.metric, out.typ, out.temporality, out.monotonic); err != nil {
		return out, err
	}
	found, err := points.Sections(cell(g.extra, row))
	if err != nil {
		return out, err
	}
	if out.metadata = found[points.SectionMetadata]; out.metadata != nil {
		err = telemetry.ParseMap(string(out.metadata), out.metric.Metadata())
	}
	return out, err
}

func (s *shape) mark(key string) string {
	if v, ok := s.metric.Metadata().Get(key); ok {
		return v.AsString()
	}
	return ""
}

// counted says whether clew counts the metric itself.
func (s *shape) counted() bool { _, ok := s.metric.Metadata().Get(points.MarkCounts); return ok }

func (s *shape) delta() bool { return s.temporality == "delta" }

// counter says whether the series only grows, but for resets. Of what Prometheus sends without saying what it is, the name tells.
func (s *shape) counter() bool {
	switch s.typ {
	case "gauge":
		typ := s.mark(points.MarkType)
		return typ != "" && typ != "gauge" && slices.ContainsFunc([]string{"_total", "_count", "_sum", "_bucket"}, func(suffix string) bool {
			return strings.HasSuffix(s.name, suffix)
		})
	case "sum":
		return s.monotonic
	}
	return !slices.Contains(strings.Fields(s.mark(points.MarkHistogram)), points.MarkedGauge)
}

// reduce makes the down-sampled rows of a series, and says of how many points.
func (in *input) reduce(s *one, width time.Duration) (out []row, samples int, err error) {
	of, err := in.shapeOf(s)
	if err != nil {
		return nil, 0, fmt.Errorf("metric %.80q: %w", of.name, err)
	}
	counts := true
	for _, at := range s.rows {
		g := &in.groups[at.part][at.rg]
		counts = counts && string(cell(g.kind, int(at.row))) == points.ChunkCounts
	}
	if counts {
		out, samples, err = in.reduceCounts(s, &of, width)
	} else {
		out, samples, err = in.reducePoints(s, &of, width)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("metric %.80q: %w", of.name, err)
	}
	return out, samples, nil
}

// rowOf is a row as it was read.
func (in *input) rowOf(at rowAt, typ string) series.Row {
	g, row := &in.groups[at.part][at.rg], int(at.row)
	samples, _ := strconv.Atoi(string(cell(g.samples, row))) // what is no number is refused with 0 points
	return series.Row{Type: typ, ChunkKind: string(cell(g.kind, row)), Samples: samples, Chunk: cell(g.chunk, row), Extra: cell(g.extra, row)}
}

// reducePoints is reduce for points that OTLP can tell.
func (in *input) reducePoints(s *one, of *shape, width time.Duration) (out []row, samples int, err error) {
	all := pmetric.NewMetric()
	if err := series.SetType(all, of.typ, of.temporality, of.monotonic); err != nil {
		return nil, 0, err
	}
	stats := !of.delta() && (of.typ == "gauge" || of.typ == "sum")
	var windows map[int64]*points.Window
	if stats {
		windows = map[int64]*points.Window{}
	}
	var plain []int // points of rows that are not down-sampled yet
	for _, at := range s.rows {
		r := in.rowOf(at, of.typ)
		before := sequenceOf(all).len()
		if err := r.AppendPoints(all); err != nil {
			return nil, 0, err
		}
		samples += r.Samples
		if !stats {
			continue
		}
		windowed, err := merge(windows, &r, width)
		if err != nil {
			return nil, 0, err
		}
		for i := before; i < before+r.Samples && !windowed; i++ {
			plain = append(plain, i)
		}
	}
	seq := sequenceOf(all)
	if stats {
		seen, err := in.moments(s, of)
		if err != nil {
			return nil, 0, err
		}
		fill(windows, seq, plain, width, seen)
	}
	var kept *list
	if of.delta() {
		if seq, kept, err = summed(seq, of, width); err != nil {
			return nil, 0, err
		}
	} else {
		kept = chosen(seq, width, of.counter())
	}
	out, err = kept.rows(of, seq, width, stats && !of.counter(), windows)
	return out, samples, err
}

// merge adds the windows of a row that is down-sampled already.
func merge(windows map[int64]*points.Window, r *series.Row, width time.Duration) (windowed bool, err error) {
	found, err := points.Sections(r.Extra)
	if err != nil {
		return false, err
	}
	finer, _, own, err := found.Windows(nil)
	for i := range own {
		windowAt(windows, own[i].End, width).Merge(&own[i])
	}
	return finer > 0, err
}

// windowAt is the window that a moment is in.
func windowAt(windows map[int64]*points.Window, ms int64, width time.Duration) *points.Window {
	end := points.WindowEnd(ms, width)
	w := windows[end]
	if w == nil {
		w = &points.Window{End: end}
		windows[end] = w
	}
	return w
}

// moments are the milliseconds of a series' points that are in windows already.
func (in *input) moments(s *one, of *shape) (map[int64]struct{}, error) {
	if len(s.before) == 0 {
		return nil, nil
	}
	all := pmetric.NewMetric()
	if err := series.SetType(all, of.typ, of.temporality, of.monotonic); err != nil {
		return nil, err
	}
	for _, at := range s.before {
		r := in.rowOf(at, of.typ)
		if err := r.AppendPoints(all); err != nil {
			return nil, err
		}
	}
	seq, out := sequenceOf(all), map[int64]struct{}{}
	for i := range seq.len() {
		out[millis(seq.time(i))] = struct{}{}
	}
	return out, nil
}

// fill adds points to the windows, but those of moments that have been seen. Of several of one millisecond the first counts, as when it is asked for.
func fill(windows map[int64]*points.Window, seq sequence, numbers []int, width time.Duration, seen map[int64]struct{}) {
	last := int64(math.MinInt64)
	for _, i := range byTime(seq, numbers) {
		ms := millis(seq.time(i))
		if _, again := seen[ms]; ms != last && !again && !seq.stale(i) {
			windowAt(windows, ms, width).Add(seq.value(i))
		}
		last = ms
	}
}

const nanosPerMilli = 1_000_000

// millis is the millisecond that a time is in.
func millis(nanos int64) int64 {
	ms := nanos / nanosPerMilli
	if nanos%nanosPerMilli < 0 {
		ms--
	}
	return ms
}

// byTime are the numbers of points in the order of time; those of the same time stay in theirs.
func byTime(seq sequence, numbers []int) []int {
	earlier := func(a, b int) int { return cmp.Compare(seq.time(a), seq.time(b)) }
	if !slices.IsSortedFunc(numbers, earlier) {
		numbers = slices.Clone(numbers)
		slices.SortStableFunc(numbers, earlier)
	}
	return numbers
}

// numbersTo are 0 to n-1.
func numbersTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// list is what stays of a series' points: those of each window, by time.
type list struct {
	width   time.Duration
	windows []window
}

// window is what stays of one.
type window struct {
	end      int64 // milliseconds
	points   []int // of the sequence
	exemplar int   // the point whose last exemplar stays; -1: there is none
}

// at is the last window, if it is the one that ends then, or a new one.
func (l *list) at(end int64) *window {
	if n := len(l.windows); n == 0 || l.windows[n-1].end != end {
		l.windows = append(l.windows, window{end: end, exemplar: -1})
	}
	return &l.windows[len(l.windows)-1]
}

// keep adds a point, which is not before any other that stays, to its window, of which there is one.
func (l *list) keep(seq sequence, i int) {
	end := points.WindowEnd(millis(seq.time(i)), l.width)
	for k := len(l.windows) - 1; k >= 0; k-- {
		w := &l.windows[k]
		if w.end != end {
			continue
		}
		if n := len(w.points); n == 0 || w.points[n-1] != i {
			w.points = append(w.points, i)
		}
		return
	}
}

// chosen says which points stay of a series that is no delta. Of several points of a millisecond the first counts, as when it is asked for.
func chosen(seq sequence, width time.Duration, counter bool) *list {
	out := &list{width: width}
	last, real := -1, -1 // the last point, and the last one that is no marker
	end := int64(math.MinInt64)
	// close keeps the last point of the window that ends now, and the marker behind it.
	finish := func() {
		if real >= 0 && points.WindowEnd(millis(seq.time(real)), width) == end {
			out.keep(seq, real)
		}
		if last >= 0 && seq.stale(last) {
			out.keep(seq, last)
		}
	}
	for _, i := range byTime(seq, numbersTo(seq.len())) {
		ms := millis(seq.time(i))
		if last >= 0 && millis(seq.time(last)) == ms {
			continue
		}
		if next := points.WindowEnd(ms, width); next != end {
			finish()
			end = next
		}
		w := out.at(end)
		if seq.exemplars(i).Len() > 0 {
			w.exemplar = i
		}
		last = i
		if seq.stale(i) {
			continue
		}
		if counter && (real < 0 || seq.falls(real, i)) {
			if real >= 0 {
				out.keep(seq, real)
			}
			out.keep(seq, i)
		}
		real = i
	}
	finish()
	return out
}

// rows makes rows of what stays.
func (l *list) rows(of *shape, seq sequence, width time.Duration, stats bool, windows map[int64]*points.Window) ([]row, error) {
	var out []row
	var own []points.Window
	if windows != nil {
		own = []points.Window{}
	}
	m := pmetric.NewMetric()
	flush := func() error {
		if m.Type() != pmetric.MetricTypeEmpty {
			made, err := series.Encode(m)
			if err != nil {
				return err
			}
			for i, e := range made {
				r := row{Encoded: e}
				if i > 0 {
					own = nil // only numbers have windows, and are one row
				} else if len(own) > 0 {
					r.end = own[len(own)-1].End * nanosPerMilli
				}
				r.Extra = withSections(r.Extra, of.metadata, width, stats, own)
				out = append(out, r)
			}
		}
		if windows != nil {
			own = []points.Window{}
		}
		return series.SetType(m, of.typ, of.temporality, of.monotonic)
	}
	for i := range l.windows {
		w := &l.windows[i]
		if len(w.points) == 0 {
			continue
		}
		if m.Type() == pmetric.MetricTypeEmpty || sequenceOf(m).len()+len(w.points) > rowPoints || w.end-l.windows[i-1].end > rowGap.Milliseconds() {
			if err := flush(); err != nil {
				return nil, err
			}
		}
		for _, p := range w.points {
			seq.copyTo(p, m)
			to := sequenceOf(m)
			es := to.exemplars(to.len() - 1)
			es.RemoveIf(func(pmetric.Exemplar) bool { return true })
			if from := w.exemplar; from >= 0 && p == w.points[len(w.points)-1] {
				all := seq.exemplars(from)
				all.At(all.Len() - 1).CopyTo(es.AppendEmpty())
			}
		}
		if x := windows[w.end]; x != nil {
			own = append(own, *x)
		}
	}
	if sequenceOf(m) == nil {
		return nil, nil
	}
	if err := flush(); err != nil {
		return nil, err
	}
	return out, nil
}
