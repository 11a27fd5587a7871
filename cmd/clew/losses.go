package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"clew/index/catalog"
	"clew/query/api"
)

// acceptedLosses are losses of the log that were accepted here, until their owners have written it down.
type acceptedLosses struct {
	mu sync.Mutex
	by map[string]string // who, by id
}

func (a *acceptedLosses) add(ids []string, by string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.by == nil {
		a.by = map[string]string{}
	}
	for _, id := range ids {
		a.by[id] = by
	}
}

func (a *acceptedLosses) remove(ids []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range ids {
		delete(a.by, id)
	}
}

// byWhom is what the others are told; nil: nothing.
func (a *acceptedLosses) byWhom() map[string][]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.by) == 0 {
		return nil
	}
	told := map[string][]string{}
	for _, id := range slices.Sorted(maps.Keys(a.by)) {
		told[a.by[id]] = append(told[a.by[id]], id)
	}
	return told
}

// acceptLosses is /api/v1/admin/losses/accept. The owners of the shards hear of it with the heartbeats while this waits, and write it down.
func (p *process) acceptLosses(ctx context.Context, ids []string, by string) error {
	open, accepted := lossIDs(p.catalog.Current())
	for _, id := range ids {
		if !open[id] && !accepted[id] {
			return &api.RefusedError{What: fmt.Sprintf("there is no loss %q: clew cluster losses lists them", id)}
		}
	}
	p.accepted.add(ids, by)
	defer p.accepted.remove(ids)
	if p.ingest != nil {
		p.ingest.AcceptLosses(ids, by)
	}
	var left []string
	err := p.catalog.Wait(ctx, func(v *catalog.Version) bool {
		open, _ := lossIDs(v)
		left = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !open[id] })
		return len(left) == 0
	})
	if err != nil {
		return fmt.Errorf("not written down: %v; is there an owner of each shard, and no process of an older version (clew cluster status)? Ask again: %w", left, err)
	}
	p.logger.Info("losses of the log are accepted", "losses", ids, "by", by)
	return nil
}

// lossIDs are the losses that nobody has accepted, and the others.
func lossIDs(v *catalog.Version) (open, accepted map[string]bool) {
	open, accepted = map[string]bool{}, map[string]bool{}
	for _, shard := range v.Shards() {
		for _, l := range v.Shard(shard).Lost {
			if l.Accepted.IsZero() {
				open[l.ID(shard)] = true
			} else {
				accepted[l.ID(shard)] = true
			}
		}
	}
	return open, accepted
}

// hearOfAccepted gives ingest what others have accepted, until ctx ends.
func (p *process) hearOfAccepted(ctx context.Context) {
	tick := time.NewTicker(toldEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		others, _ := p.board.Others(time.Now())
		for i := range others {
			for by, ids := range others[i].Accepted {
				p.ingest.AcceptLosses(ids, by)
			}
		}
	}
}

func wireLoss(shard int, l *catalog.Loss) api.ClusterLoss {
	w := api.ClusterLoss{ID: l.ID(shard), From: l.From, To: l.To, Reason: l.Reason, Since: l.Since, Until: l.Until, Noticed: l.Noticed, By: l.By}
	if !l.Accepted.IsZero() {
		w.Accepted = &l.Accepted
	}
	return w
}
