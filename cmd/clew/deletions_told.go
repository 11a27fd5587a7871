package main

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"clew/ingest/members"
)

const (
	// toldFor is for how long the others are told of a deletion that was asked of this process: they hear it a hundred times over, and look into the store once. Who hears of
	// none looks there once a minute.
	toldFor = time.Minute
	// toldEvery is how often what the others tell is looked at.
	toldEvery = 500 * time.Millisecond
	// failureBytesMax bounds what the others are told of why a deletion fails: all of it goes into each heartbeat.
	failureBytesMax = 300
)

// askedDeletions are the deletions that were asked of this process lately.
type askedDeletions struct {
	mu sync.Mutex
	at map[string]time.Time
}

func (a *askedDeletions) add(id string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.at == nil {
		a.at = map[string]time.Time{}
	}
	a.at[id] = now
}

// lately are those that the others are still told of.
func (a *askedDeletions) lately(now time.Time) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.DeleteFunc(a.at, func(_ string, at time.Time) bool { return now.Sub(at) > toldFor })
	return slices.Sorted(maps.Keys(a.at))
}

// toldDeletions is what the others are told of deletions.
func (p *process) toldDeletions(now time.Time) *members.Deletions {
	d := members.Deletions{Requested: p.asked.lately(now)}
	if p.ingest != nil {
		d.Failing = p.ingest.FailingDeletions()
		for id, why := range d.Failing {
			d.Failing[id] = why[:min(len(why), failureBytesMax)]
		}
	}
	if len(d.Requested) == 0 && len(d.Failing) == 0 {
		return nil
	}
	return &d
}

// hearOfDeletions makes ingest look for the deletions that others tell of, until ctx ends.
func (p *process) hearOfDeletions(ctx context.Context) {
	known := map[string]bool{}
	tick := time.NewTicker(toldEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		told := map[string]bool{}
		others, _ := p.board.Others(time.Now())
		for i := range others {
			if d := others[i].Deletions; d != nil {
				for _, id := range d.Requested {
					told[id] = true
				}
			}
		}
		for id := range told {
			if !known[id] {
				p.ingest.LookForDeletions()
			}
		}
		known = told
	}
}
