package engine

import (
	"context"
	"errors"
	"fmt"

	"clew/query/engine/match"
	"clew/query/engine/sched"
)

// Every query begins in the light lane: it takes a turn there, rewrites its plan for each part, and then knows about how many bytes of columns
// it may have to look at. With few it goes on; else it moves to the heavy lane, where fewer run and others wait. So a look at a trace
// never waits for queries that read for seconds, whoever asks them; and in both lanes tenants take turns.
type lane struct {
	name  string
	turns *sched.Fair // running queries
	slots *sched.Fair // row groups being worked on
}

// newLanes makes the two lanes.
func newLanes(l Limits) (light, heavy *lane) {
	half := max(1, l.Queries/2)
	light = &lane{"light", sched.NewFair(lightShare*l.Queries, lightShare*half), sched.NewFair(l.Workers, l.Workers)}
	heavy = &lane{"heavy", sched.NewFair(l.Queries, half), sched.NewFair(l.Workers, l.Workers)}
	return light, heavy
}

// enter takes a turn in a lane, and waits for it as long as a query may.
func (q *query) enter(ctx context.Context, l *lane) error {
	wait, cancel := context.WithTimeout(ctx, q.engine.limits.Wait)
	defer cancel()
	if err := l.turns.Acquire(wait, q.tenant); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%w (waited %v)", ErrBusy, q.engine.limits.Wait)
	}
	q.lane = l
	return nil
}

// leave gives the query's turn back.
func (q *query) leave() {
	if q.lane != nil {
		q.lane.turns.Release(q.tenant)
		q.lane = nil
	}
}

// weigh chooses the lane of a query by what it may have to look at, and refuses what is more than may be asked.
func (q *query) weigh(ctx context.Context, bounds []*match.Bound) error {
	cost, most := int64(0), q.engine.limits.ScanBytes
	for _, t := range match.TasksOf(bounds) {
		if g := t.Bound.Groups[t.Group]; g.MaxTime >= q.from && g.MinTime <= q.to {
			cost += t.Bound.ScanBytes(t.Group)
		}
	}
	if cost > most {
		return &LimitError{What: "bytes of columns to look at", Max: int(most), Hint: "narrow the time range, or name a service or a field"}
	}
	if cost <= q.engine.limits.LightBytes {
		return nil
	}
	q.leave()
	return q.enter(ctx, q.engine.heavy)
}

// lend takes memory for a piece of work. It waits for what other queries, or other pieces of this one, give back.
func (q *query) lend(ctx context.Context, bytes int64) error {
	wait, cancel := context.WithTimeout(ctx, q.engine.limits.Wait)
	defer cancel()
	return memoryError(ctx, q.account.Lend(wait, bytes))
}

// keep takes memory until the query ends.
func (q *query) keep(bytes int64) error {
	return memoryError(context.Background(), q.account.Keep(bytes))
}

// memoryError is what an account said, as queries know it.
func memoryError(ctx context.Context, err error) error {
	var over *sched.OverError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &over):
		return &LimitError{What: "bytes of memory", Max: int(over.Max), Hint: "narrow the time range or the query, or ask for fewer records"}
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return fmt.Errorf("%w: no memory left for this one", ErrBusy)
}
