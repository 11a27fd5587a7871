package ingest

import (
	"context"
	"errors"
	"time"

	"clew/ingest/pace"
)

// errPreempted ends a merge for something more urgent; it begins anew later.
var errPreempted = errors.New("something more urgent is to be done")

// pressure says why background work should wait, or "".
func (in *Ingest) pressure(ctx context.Context) string {
	if !in.Ready() {
		return "replay"
	}
	if _, frozen := in.room.get(); frozen > in.cfg.FrozenBytes/2 {
		return "seal"
	}
	for _, o := range in.allOwners() {
		state, err := in.shardLog.State(ctx, o.shard)
		if err != nil || state.Last > o.read.Load()+lagMax {
			return "lag"
		}
	}
	if in.busy != nil {
		return in.busy()
	}
	return ""
}

// waitCalm waits while there is pressure, and counts how long.
func (in *Ingest) waitCalm(ctx context.Context) error {
	for {
		if in.rewriter.urgent() {
			return errPreempted
		}
		why := in.pressure(ctx)
		if why == "" {
			return ctx.Err()
		}
		in.rewriter.state.Store("waiting: " + why)
		began := time.Now()
		err := pace.Sleep(ctx, pauseStep)
		in.metrics.rewritePaused.WithLabelValues(why).Add(time.Since(began).Seconds())
		if err != nil {
			return err
		}
	}
}
