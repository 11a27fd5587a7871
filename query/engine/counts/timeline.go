package counts

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"clew/index"
	"clew/query/engine/match"
	"clew/query/engine/question"
	"clew/query/engine/rowset"
)

// Histogram is the matching records over time.
type Histogram struct {
	Start  int64 // of the first bucket, nanoseconds
	Step   time.Duration
	Series []Series // one without a field; else by count, descending
	Count  uint64
}

// Series is the counts of one value.
type Series struct {
	Value  string // of the field
	Absent bool   // the records without the field
	Other  bool   // the records of values beyond the top ones
	Count  uint64
	Counts []uint64 // a bucket each
}

// Timeline counts by time, and by a field's values, on several goroutines.
type Timeline struct {
	Field   *question.Field // nil: one series
	First   int64           // number of the first bucket: its start is First*Step
	Buckets int
	Step    int64 // nanoseconds; 0: a round one
	Cells   int   // the most buckets of all values together
	Matched *atomic.Int64

	mu    sync.Mutex
	byRun map[*match.Scan]*timelineRun
}

// timelineRun are one goroutine's. counts has a row of buckets per group; without a field group 0 is everything.
type timelineRun struct {
	keyer  *match.Keyer
	counts [][]uint64
	absent []uint64
	byCode []uint32
}

// Lay makes the buckets of the times from and to, both inclusive, at most most. Where there is no time between them it makes none.
func (h *Timeline) Lay(from, to int64, most int) error {
	if h.Step == 0 {
		h.Step = roundStep(from, to)
	}
	if from > to {
		return nil
	}
	h.First = floorDiv(from, h.Step)
	n := floorDiv(to, h.Step) - h.First + 1
	if n <= 0 || n > int64(most) {
		return &match.LimitError{What: "buckets", Max: most, Hint: "use a longer step or a shorter time range"}
	}
	h.Buckets = int(n)
	return nil
}

// End is the time after the last bucket.
func (h *Timeline) End() int64 { return (h.First+int64(h.Buckets)-1)*h.Step + h.Step }

// roundSteps are the widths that buckets take where none is asked for; past the last they double.
var roundSteps = []time.Duration{
	time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second,
	time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour,
}

// bucketsWanted is how many buckets a chart has about, where no step is given.
const bucketsWanted = 60

func roundStep(from, to int64) int64 {
	span := max(0, float64(to)-float64(from)) // as a float: the difference of two times may not fit
	for _, d := range roundSteps {
		if span/float64(d) <= bucketsWanted {
			return int64(d)
		}
	}
	step := int64(roundSteps[len(roundSteps)-1])
	for span/float64(step) > bucketsWanted {
		step *= 2
	}
	return step
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func (h *Timeline) of(s *match.Scan) *timelineRun {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.byRun == nil {
		h.byRun = map[*match.Scan]*timelineRun{}
	}
	c := h.byRun[s]
	if c == nil {
		c = &timelineRun{absent: make([]uint64, h.Buckets)}
		if h.Field != nil {
			c.keyer = match.NewKeyer(*h.Field, nil, max(1, h.Cells/max(1, h.Buckets)))
		} else {
			c.counts = [][]uint64{make([]uint64, h.Buckets)}
		}
		h.byRun[s] = c
	}
	return c
}

// Visit counts the matching rows of a row group. It is called by several goroutines, each with a scan of its own.
func (h *Timeline) Visit(ctx context.Context, t match.Task, s *match.Scan) error {
	g := t.Bound.Groups[t.Group]
	c := h.of(s)
	low, high := floorDiv(g.MinTime, h.Step)-h.First, floorDiv(g.MaxTime, h.Step)-h.First
	inOne := low == high && low >= 0 && high < int64(h.Buckets)
	if inOne && h.Field == nil {
		if n, ok := s.CountByHistogram(); ok {
			c.counts[0][low] += uint64(n)
			h.Matched.Add(int64(n))
			return nil
		}
	}
	rows, err := s.RowsMatching(ctx)
	if err != nil || rows.Empty() {
		return err
	}
	h.Matched.Add(int64(rows.Count(s.Rows)))
	if inOne && h.Field == nil {
		c.counts[0][low] += uint64(rows.Count(s.Rows))
		return nil
	}
	if rows.Kind == rowset.KindAll && h.Field != nil {
		if done, err := h.visitAll(ctx, t, c, inOne, low); done || err != nil {
			return err
		}
	}
	times, err := t.Bound.Times(ctx, t.Group)
	if err != nil {
		return err
	}
	var ids []int32
	if c.keyer != nil {
		if ids, err = c.keyer.RowGroups(ctx, t.Bound, t.Group, rows); err != nil {
			return err
		}
		c.grow(h.Buckets)
	}
	h.count(c, s, rows, times, ids)
	return nil
}

// visitAll counts a row group all of whose rows match and whose values are one column of codes: from the histogram alone where the row group lies
// in one bucket, else by a loop over times and codes.
func (h *Timeline) visitAll(ctx context.Context, t match.Task, c *timelineRun, inOne bool, low int64) (bool, error) {
	if inOne {
		return c.keyer.FromHistogram(ctx, t.Bound, t.Group, func(id int32, n uint64) {
			c.grow(h.Buckets)
			c.line(id)[low] += n
		})
	}
	col, ok := c.keyer.Sole(t.Bound)
	if !ok || col < 0 {
		return false, nil
	}
	hist, ok, err := t.Bound.Part.Histogram(ctx, col, t.Group)
	if err != nil || !ok {
		return false, err
	}
	codes, err := t.Bound.Part.Codes(ctx, col, t.Group)
	if err != nil {
		return false, err
	}
	times, err := t.Bound.Times(ctx, t.Group)
	if err != nil {
		return false, err
	}
	known, err := c.keyer.KnownAll(ctx, t.Bound, col, hist.Codes)
	if err != nil {
		return false, err
	}
	if len(times) != len(codes) {
		return false, fmt.Errorf("part %s: column %v has %d codes for %d times", t.Bound.Info.ID, t.Bound.Columns[col].Column, len(codes), len(times))
	}
	c.grow(h.Buckets)
	h.countCodes(c, times, codes, known)
	return true, nil
}

// countCodes adds rows by their codes. Rows of a row group change buckets seldom, so each bucket's stretch is counted by code first.
func (h *Timeline) countCodes(c *timelineRun, times []int64, codes []uint32, known []int32) {
	c.byCode = slices.Grow(c.byCode[:0], len(known)+1)[:len(known)+1]
	for at := 0; at < len(times); {
		bucket := floorDiv(times[at], h.Step) - h.First
		start, step := (bucket+h.First)*h.Step, uint64(h.Step)
		end := at + 1
		for end < len(times) && uint64(times[end]-start) < step {
			end++
		}
		if bucket >= 0 && bucket < int64(h.Buckets) { // outside the parts' stated times: cannot be
			h.addStretch(c, bucket, codes[at:end], known)
		}
		at = end
	}
}

// shortStretch is how many rows are added one by one, rather than by way of a count per code.
const shortStretch = 256

func (h *Timeline) addStretch(c *timelineRun, bucket int64, codes []uint32, known []int32) {
	if len(codes) < shortStretch || len(known) > len(codes) {
		for _, code := range codes {
			id := match.NoGroup
			if code != index.NullCode {
				id = known[code]
			}
			c.line(id)[bucket]++
		}
		return
	}
	counts := c.byCode
	clear(counts)
	for _, code := range codes {
		counts[min(code, uint32(len(counts)-1))]++ // the last is NullCode's
	}
	for code, n := range counts[:len(known)] {
		if n > 0 {
			c.line(known[code])[bucket] += uint64(n)
		}
	}
	c.absent[bucket] += uint64(counts[len(known)])
}

// grow makes room for the groups that the keyer has by now.
func (c *timelineRun) grow(buckets int) {
	for len(c.counts) < len(c.keyer.Texts) {
		c.counts = append(c.counts, make([]uint64, buckets))
	}
}

// line is a group's buckets.
func (c *timelineRun) line(id int32) []uint64 {
	if id < 0 {
		return c.absent
	}
	return c.counts[id]
}

// count adds the rows. Neighbours are near in time, so the bucket of the row before is tried before dividing.
func (h *Timeline) count(c *timelineRun, s *match.Scan, rows rowset.Set, times []int64, ids []int32) {
	bucket, start, end := int64(-1), int64(0), int64(0)
	line := c.absent
	if ids == nil {
		line = c.counts[0]
	}
	rows.Each(s.Rows, func(i int) bool {
		t := times[i]
		if t < start || t >= end || bucket < 0 {
			bucket = floorDiv(t, h.Step) - h.First
			start = (bucket + h.First) * h.Step
			end = start + h.Step
		}
		if bucket < 0 || bucket >= int64(h.Buckets) {
			return true // outside the parts' stated times: cannot be
		}
		if ids != nil {
			line = c.line(ids[i])
		}
		line[bucket]++
		return true
	})
}

// Result is what was counted, with the top values; 0: all.
func (h *Timeline) Result(top int) *Histogram {
	sums := map[string][]uint64{}
	absent := make([]uint64, h.Buckets)
	for _, c := range h.byRun {
		addCounts(absent, c.absent)
		for id, counts := range c.counts {
			value := ""
			if c.keyer != nil {
				value = c.keyer.Texts[id]
			}
			if sums[value] == nil {
				sums[value] = make([]uint64, h.Buckets)
			}
			addCounts(sums[value], counts)
		}
	}
	return h.Histogram(sums, absent, top)
}

// Histogram makes the answer of what was counted of each value, and of the records without one.
func (h *Timeline) Histogram(sums map[string][]uint64, absent []uint64, top int) *Histogram {
	out := &Histogram{Start: h.First * h.Step, Step: time.Duration(h.Step)}
	if h.Field == nil && len(sums) == 0 {
		sums[""] = make([]uint64, h.Buckets)
	}
	for value, counts := range sums {
		out.Series = append(out.Series, newSeries(Series{Value: value}, counts))
	}
	slices.SortFunc(out.Series, func(a, b Series) int {
		if a.Count != b.Count {
			if a.Count > b.Count {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Value, b.Value)
	})
	if top > 0 && len(out.Series) > top {
		other := make([]uint64, h.Buckets)
		for _, s := range out.Series[top:] {
			addCounts(other, s.Counts)
		}
		out.Series = append(out.Series[:top], newSeries(Series{Other: true}, other))
	}
	if s := newSeries(Series{Absent: true}, absent); s.Count > 0 {
		out.Series = append(out.Series, s)
	}
	for _, s := range out.Series {
		out.Count += s.Count
	}
	return out
}

func newSeries(s Series, counts []uint64) Series {
	s.Counts = counts
	for _, n := range counts {
		s.Count += n
	}
	return s
}

func addCounts(into, from []uint64) {
	for i, n := range from {
		into[i] += n
	}
}
