package engine

import (
	"context"
	"fmt"
	"time"

	"clew/internal/telemetry"
	"clew/query/engine/counts"
	"clew/query/engine/match"
)

// Heatmap is the matching spans over time and duration.
type Heatmap struct {
	counts.Heatmap
	Stats Stats
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
	line := e.timeline(r, step, "")
	line.Matched = &q.tally.matched
	if err := q.span(line, r, bounds); err != nil {
		return nil, err
	}
	if err := line.RoomForDurations(e.limits.Cells); err != nil {
		return nil, err
	}
	h := &counts.Heat{Line: line}
	if err := q.each(ctx, match.TasksOf(bounds), nil, h.Visit); err != nil {
		return nil, err
	}
	return &Heatmap{Heatmap: *h.Result(), Stats: q.stats()}, nil
}
