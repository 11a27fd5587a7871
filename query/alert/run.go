package alert

import (
	"context"
	"errors"
	"sync"
	"time"
)

// run is a group that is evaluated in the background.
type run struct {
	ruler *Ruler
	group *group

	cancel context.CancelFunc
	done   sync.WaitGroup
}

// start begins. It is called once, by the Ruler that runs.
func (g *run) start(ctx context.Context) {
	ctx, g.cancel = context.WithCancel(ctx)
	g.done.Go(func() { g.loop(ctx) })
}

// stop ends what start began, if it did, and waits for it.
func (g *run) stop() {
	if g.cancel != nil {
		g.cancel()
		g.done.Wait()
	}
}

// loop evaluates whenever this process holds the group's lease.
func (g *run) loop(ctx context.Context) {
	for ctx.Err() == nil {
		held, release := ctx, func() {}
		if leases := g.ruler.deps.Leases; leases != nil {
			stopWatching := g.watch(ctx)
			lease, give, err := leases.Acquire(ctx, g.group.of.Key())
			stopWatching()
			if err != nil {
				sleep(ctx, leaseRetry)
				continue
			}
			var cancel context.CancelFunc
			held, cancel = context.WithCancel(lease)
			stop := context.AfterFunc(ctx, cancel)
			release = func() { stop(); cancel(); give() }
		}
		g.group.hold(true)
		g.evaluate(held)
		g.group.hold(false)
		release()
	}
}

// watch shows what another process makes of the group while this one waits for its turn. What is returned ends that.
func (g *run) watch(ctx context.Context) (stop func()) {
	states, ok := g.ruler.deps.States.(Watched)
	if !ok {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		for sleep(ctx, watchEvery) {
			data, err := states.Peek(ctx, g.group.of.Key())
			if err != nil || data == nil {
				continue // it is looked at again soon, and nothing depends on it
			}
			if state, err := decodeState(data); err == nil && ctx.Err() == nil {
				g.group.observe(state)
			}
		}
	})
	return func() { cancel(); watching.Wait() }
}

func (g *group) hold(held bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = held
}

// sleep says whether the time has passed rather than ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// evaluate takes over the state and evaluates until ctx ends.
func (g *run) evaluate(ctx context.Context) {
	if !g.takeOver(ctx) {
		return
	}
	for ctx.Err() == nil {
		now := time.Now()
		last := g.group.slot(now)
		times, missed := dueTimes(g.group.lastEvaluated(), last, g.group.interval, catchUpMax)
		g.group.miss(missed, last)
		for _, ts := range times {
			if !g.at(ctx, ts) {
				return
			}
		}
		if !sleep(ctx, time.Until(last.Add(g.group.interval))) {
			return
		}
	}
}

// dueTimes are the times after the last evaluation up to now's slot, the newest of them if there are more than max; and how many are left out.
func dueTimes(evaluated, slot time.Time, interval time.Duration, most int) (times []time.Time, missed int) {
	if evaluated.IsZero() {
		return []time.Time{slot}, 0
	}
	for ts := slot; ts.After(evaluated) && len(times) < most; ts = ts.Add(-interval) {
		times = append(times, ts)
	}
	for i, j := 0, len(times)-1; i < j; i, j = i+1, j-1 {
		times[i], times[j] = times[j], times[i]
	}
	if len(times) == most {
		missed = int(times[0].Sub(evaluated)/interval) - 1
	}
	return times, max(0, missed)
}

// at evaluates at a time, makes what came of it durable, and tells.
func (g *run) at(ctx context.Context, ts time.Time) bool {
	if err := g.group.evaluate(ctx, ts, false); err != nil {
		if ctx.Err() != nil {
			return false
		}
		g.group.log.Warn("what rules gave cannot be written into the metrics", "error", err)
	}
	due := g.group.due(ts)
	// Durable first: whoever is told of an alert must be told of its end, by whatever process.
	if err := g.save(ctx, ts); ctx.Err() != nil || errors.Is(err, ErrFenced) {
		sleep(ctx, leaseRetry)
		return false
	}
	if !g.ruler.send(ctx, due) {
		g.group.unsent()
	}
	return ctx.Err() == nil
}

func (g *run) save(ctx context.Context, ts time.Time) error {
	state, err := g.group.encode(ts)
	if err == nil {
		err = g.ruler.deps.States.Save(ctx, g.group.of.Key(), state)
	}
	g.group.mu.Lock()
	defer g.group.mu.Unlock()
	if g.group.stateError = err; err != nil && ctx.Err() == nil {
		g.ruler.count.stateFailed.Inc()
		g.group.log.Error("the state of alerts cannot be written; after a restart some may be sent again", "error", err)
	}
	return err
}

// takeOver reads the state that the group's last evaluation left, by whatever process, and fills the gap that recording rules have since.
func (g *run) takeOver(ctx context.Context) bool {
	data, err := g.ruler.deps.States.Load(ctx, g.group.of.Key())
	var state *groupState
	if err == nil && data != nil {
		state, err = decodeState(data)
	}
	if err != nil {
		if ctx.Err() != nil {
			return false
		}
		g.ruler.count.stateFailed.Inc()
		if _, shared := g.ruler.deps.States.(Watched); shared && data == nil {
			// Alerts that begin anew would page twice, and the memory is away for a while only.
			g.group.log.Error("the shared state of alerts cannot be read; it is tried again before anything is evaluated", "error", err)
			sleep(ctx, leaseRetry)
			return false
		}
		g.group.log.Error("the state of alerts cannot be read; alerts begin anew", "error", err)
		return true
	}
	if state == nil {
		return true
	}
	now := time.Now()
	before := g.group.slot(now).Add(-g.group.interval)
	times, missed := dueTimes(state.Evaluated, before, g.group.interval, recordCatchUpMax)
	g.ruler.send(ctx, g.group.restore(state, now))
	if n := len(times) + missed; n > 0 {
		g.group.log.Info("evaluations were missed; recording rules make up for them, alerts go on from here", "missed", n, "made_up", len(times), "since", state.Evaluated)
		g.group.miss(n, before)
	}
	for _, ts := range times {
		if !g.group.records() {
			break
		}
		if err := g.group.evaluate(ctx, ts, true); err != nil && ctx.Err() != nil {
			return false
		}
	}
	g.group.mu.Lock()
	g.group.evaluated = before // alerts go on from here
	g.group.mu.Unlock()
	return true
}

// records says whether any rule records.
func (g *group) records() bool {
	for _, r := range g.rules {
		if r.rule.Record != "" {
			return true
		}
	}
	return false
}

func (g *group) lastEvaluated() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.evaluated
}

func (g *group) miss(n int, at time.Time) {
	if n <= 0 {
		return
	}
	g.count.missed.Add(float64(n))
	g.mu.Lock()
	defer g.mu.Unlock()
	g.missed += n
	g.lastMissed = at
}

// retire ends the alerts that a group's state has, and forgets it.
func (g *run) retire(ctx context.Context, key string) {
	data, err := g.ruler.deps.States.Load(ctx, key)
	if err != nil || data == nil {
		return
	}
	state, err := decodeState(data)
	if err != nil {
		return
	}
	now := time.Now()
	var gone []*Notification
	for _, r := range state.Rules {
		gone = append(gone, over(state.Tenant, r, now, g.group.links)...)
	}
	if g.ruler.send(ctx, gone) {
		if err := g.ruler.deps.States.Save(ctx, key, nil); err != nil {
			g.group.log.Error("the state of a group that is gone cannot be removed", "key", key, "error", err)
		}
	}
}
