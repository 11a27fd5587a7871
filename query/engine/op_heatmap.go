package engine

import (
	"context"
	"fmt"
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
	Stats   Stats
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

// Heatmap counts the matching spans by time, in steps, and by duration. r's Signal is not used.
func (e *Engine) Heatmap(ctx context.Context, r Request, step time.Duration) (*Heatmap, error) {
	if step < 0 {
		return nil, fmt.Errorf("heatmap step %v: want more than 0, or 0 for a round one", step)
	}
	r.Signal = telemetry.Spans
	if e.spreads(&r) {
		return e.heatmapAll(ctx, r, step)
	}
	ctx, q, err := e.begin(ctx, r)
	if err != nil {
		return nil, err
	}
	defer q.end()
	bounds, err := q.bindAll(ctx)
	if err != nil {
		return nil, err
	}
	line := &timeline{q: q, step: int64(step)}
	if err := line.span(r, bounds); err != nil {
		return nil, err
	}
	if err := line.roomForDurations(e.limits.Cells); err != nil {
		return nil, err
	}
	h := &heat{line: line, byRun: map[*match.Scan]*heatCounts{}}
	if err := q.each(ctx, match.TasksOf(bounds), nil, h.visit); err != nil {
		return nil, err
	}
	out := h.result()
	out.Stats = q.stats()
	return out, nil
}

// roomForDurations says that there are not too many steps for a line of all durations each.
func (h *timeline) roomForDurations(most int) error {
	if h.buckets*len(durationBounds) > most {
		return &LimitError{What: "cells", Max: most, Hint: "use a longer step or a shorter time range"}
	}
	return nil
}

// heat counts on several goroutines.
type heat struct {
	line *timeline // the steps

	mu    sync.Mutex
	byRun map[*match.Scan]*heatCounts
}

// heatCounts are one goroutine's: a line of all durationBounds for each step.
type heatCounts struct {
	all    []uint64
	failed []uint64
	reader *match.ColumnReader
	isErr  []bool
}

func (h *heat) of(s *match.Scan) *heatCounts {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.byRun[s]
	if c == nil {
		n := h.line.buckets * len(durationBounds)
		c = &heatCounts{all: make([]uint64, n), failed: make([]uint64, n), reader: match.NewColumnReader()}
		h.byRun[s] = c
	}
	return c
}

func (h *heat) visit(ctx context.Context, t match.Task, s *match.Scan) error {
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
	step, first, buckets := h.line.step, h.line.first, int64(h.line.buckets)
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
		h.line.q.tally.matched.Add(int64(len(list)))
	}
	return err
}

func (h *heat) result() *Heatmap {
	rows := len(durationBounds)
	all, failed := make([]uint64, h.line.buckets*rows), make([]uint64, h.line.buckets*rows)
	for _, c := range h.byRun {
		addCounts(all, c.all)
		addCounts(failed, c.failed)
	}
	return h.line.heatmap(all, failed)
}

// heatmap makes the answer of the counts of all durations in each step.
func (h *timeline) heatmap(all, failed []uint64) *Heatmap {
	out := &Heatmap{Start: h.first * h.step, Step: time.Duration(h.step), Columns: make([]HeatmapColumn, h.buckets)}
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
