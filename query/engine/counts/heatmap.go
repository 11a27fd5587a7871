package counts

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"clew/internal/telemetry"
	"clew/query/engine/match"
)

// Heatmap is the matching spans over time and duration.
type Heatmap struct {
	Start int64 // of the first column, nanoseconds
	Step  time.Duration
	// Bounds are the rows: row i holds the durations above Bounds[i-1] up to and with Bounds[i], in nanoseconds. They are of one scale for
	// all answers, and only those between the shortest and the longest duration that occurs are here. The first row also holds what is shorter.
	Bounds  []int64
	Columns []HeatmapColumn // a step each
	Count   uint64
}

// HeatmapColumn is the spans that begin within a step, a row each.
type HeatmapColumn struct {
	Counts []uint64
	Errors []uint64 // of them with status error
}

const (
	// durationsPerDecade is how fine the scale of durations is: a row reaches 78 % further than the one before.
	durationsPerDecade = 4
	// durationFirst is the first bound: what is shorter than a microsecond is not told apart.
	durationFirst = 1000
)

// durationBounds are all bounds, up to what an int64 holds.
var durationBounds = func() (bounds []int64) {
	for i := 0; ; i++ {
		v := math.Round(durationFirst * math.Pow(10, float64(i)/durationsPerDecade))
		if v >= math.MaxInt64 {
			return append(bounds, math.MaxInt64)
		}
		bounds = append(bounds, int64(v))
	}
}()

// durationRow is the first bound that is not below d.
func durationRow(d int64) int {
	i, _ := slices.BinarySearch(durationBounds, d)
	return i
}

// RoomForDurations says that there are not too many steps for a line of all durations each.
func (h *Timeline) RoomForDurations(most int) error {
	if h.Buckets*len(durationBounds) > most {
		return &match.LimitError{What: "cells", Max: most, Hint: "use a longer step or a shorter time range"}
	}
	return nil
}

// Heat counts by time and duration, on several goroutines.
type Heat struct {
	Line *Timeline // the steps

	mu    sync.Mutex
	byRun map[*match.Scan]*heatRun
}

// heatRun are one goroutine's: a line of all durationBounds for each step.
type heatRun struct {
	all    []uint64
	failed []uint64
	reader *match.ColumnReader
	isErr  []bool
}

func (h *Heat) of(s *match.Scan) *heatRun {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.byRun == nil {
		h.byRun = map[*match.Scan]*heatRun{}
	}
	c := h.byRun[s]
	if c == nil {
		n := h.Line.Buckets * len(durationBounds)
		c = &heatRun{all: make([]uint64, n), failed: make([]uint64, n), reader: match.NewColumnReader()}
		h.byRun[s] = c
	}
	return c
}

// Visit counts the matching rows of a row group. It is called by several goroutines, each with a scan of its own.
func (h *Heat) Visit(ctx context.Context, t match.Task, s *match.Scan) error {
	rows, err := s.RowsMatching(ctx)
	if err != nil || rows.Empty() {
		return err
	}
	times, err := t.Bound.Times(ctx, t.Group)
	if err != nil {
		return err
	}
	c := h.of(s)
	list := match.RowList(rows, s.Rows)
	if n := len(list); cap(c.isErr) < n {
		c.isErr = make([]bool, n)
	}
	failed := c.isErr[:len(list)]
	clear(failed)
	err = c.reader.Text(ctx, t.Bound, telemetry.LevelField, telemetry.FieldStatus, t.Group, list, func(i int, v string) { failed[i] = v == "error" })
	if err != nil {
		return err
	}
	step, first, buckets := h.Line.Step, h.Line.First, int64(h.Line.Buckets)
	err = c.reader.Int(ctx, t.Bound, telemetry.FieldDuration, t.Group, list, func(i int, d int64) {
		at := floorDiv(times[list[i]], step) - first
		if at < 0 || at >= buckets {
			return // outside the parts' stated times: cannot be
		}
		cell := int(at)*len(durationBounds) + durationRow(d)
		c.all[cell]++
		if failed[i] {
			c.failed[cell]++
		}
	})
	if err == nil {
		h.Line.Matched.Add(int64(len(list)))
	}
	return err
}

// Result is what was counted.
func (h *Heat) Result() *Heatmap {
	rows := len(durationBounds)
	all, failed := make([]uint64, h.Line.Buckets*rows), make([]uint64, h.Line.Buckets*rows)
	for _, c := range h.byRun {
		addCounts(all, c.all)
		addCounts(failed, c.failed)
	}
	return h.Line.Heatmap(all, failed)
}

// Heatmap makes the answer of the counts of all durations in each step.
func (h *Timeline) Heatmap(all, failed []uint64) *Heatmap {
	out := &Heatmap{Start: h.First * h.Step, Step: time.Duration(h.Step), Columns: make([]HeatmapColumn, h.Buckets)}
	rows := len(durationBounds)
	low, high := rows, 0
	for cell, n := range all {
		if n > 0 {
			out.Count += n
			low, high = min(low, cell%rows), max(high, cell%rows+1)
		}
	}
	if low < high {
		out.Bounds = durationBounds[low:high:high]
	}
	for i := range out.Columns {
		from, to := i*rows+min(low, high), i*rows+high
		out.Columns[i] = HeatmapColumn{Counts: all[from:to:to], Errors: failed[from:to:to]}
	}
	return out
}

// AddHeatmap adds what another one counted in steps of the same width, to the counts of all durations in each step.
func (h *Timeline) AddHeatmap(all, failed []uint64, of *Heatmap) {
	if len(of.Bounds) == 0 {
		return
	}
	rows := len(durationBounds)
	low, first := durationRow(of.Bounds[0]), of.Start/h.Step-h.First
	for i, c := range of.Columns {
		at := first + int64(i)
		if at < 0 || at >= int64(h.Buckets) || low+len(c.Counts) > rows || len(c.Errors) != len(c.Counts) {
			continue // of no version of this: cannot be
		}
		addCounts(all[int(at)*rows+low:], c.Counts)
		addCounts(failed[int(at)*rows+low:], c.Errors)
	}
}

// Durations is memory for the counts of all durations in each step.
func (h *Timeline) Durations() []uint64 { return make([]uint64, h.Buckets*len(durationBounds)) }
