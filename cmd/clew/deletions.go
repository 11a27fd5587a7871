package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clew/ingest"
	"clew/ingest/deletion"
	"clew/internal/clock"
	"clew/query/api"
	"clew/query/engine"
)

// selector gives a deletion the search's own predicates.
func (p *process) selector(d deletion.Request) (ingest.Selector, error) {
	r := engine.Request{Tenant: d.Tenant, Signal: d.Signal, From: d.From, To: d.To}
	return engine.NewSelector(d.Query, r, d.Requested, p.logger.With("part", "ingest"))
}

// deletions is api.Deletions of a process that has the store: requests are written there, and carried out by whoever owns shards.
type deletions struct{ p *process }

// Request implements api.Deletions.
func (d deletions) Request(ctx context.Context, r engine.Request, query, by string) (api.Deletion, error) {
	job, err := d.p.requestDeletion(ctx, deletion.Request{Tenant: r.Tenant, Signal: r.Signal, Query: query, From: r.From, To: r.To, By: by})
	var refused *deletion.RefusedError
	if errors.As(err, &refused) {
		return api.Deletion{}, &api.RefusedError{What: refused.Error()}
	}
	if err != nil {
		return api.Deletion{}, err
	}
	return d.wire(deletion.State{Request: job}), nil
}

// requestDeletion writes a request down, and lets those know who own shards.
func (p *process) requestDeletion(ctx context.Context, r deletion.Request) (job deletion.Request, err error) {
	if p.ingest != nil {
		job, err = p.ingest.Delete(ctx, r, clock.Now())
	} else {
		r.Shards = p.log.ShardsStored()
		job, err = deletion.Ask(ctx, p.store, r, clock.Now(), func(r deletion.Request) error {
			_, err := p.selector(r)
			return err
		})
	}
	if p.board != nil && job.ID != "" { // after a failure too: it may be there all the same
		p.asked.add(job.ID, time.Now())
	}
	return job, err
}

// List implements api.Deletions.
func (d deletions) List(ctx context.Context, waiting bool, limit int) ([]api.Deletion, error) {
	states, err := deletion.List(ctx, d.p.store, waiting, limit)
	if err != nil {
		return nil, err
	}
	list := make([]api.Deletion, len(states))
	for i, s := range states {
		list[i] = d.wire(s)
	}
	return list, nil
}

// Get implements api.Deletions.
func (d deletions) Get(ctx context.Context, id string) (api.Deletion, bool, error) {
	s, found, err := deletion.Get(ctx, d.p.store, id)
	if err != nil || !found {
		return api.Deletion{}, false, err
	}
	return d.wire(s), true, nil
}

// wire is a deletion as the API tells it.
func (d deletions) wire(s deletion.State) api.Deletion {
	w := api.Deletion{
		ID: s.ID, Tenant: s.Tenant, Signal: s.Signal.String(), Query: s.Query, End: wireTime(time.Unix(0, s.To)), Requested: wireTime(s.Requested), By: s.By,
		State: "waiting", Records: s.Records, Shards: s.Shards,
	}
	if s.From != 0 {
		w.Start = wireTime(time.Unix(0, s.From))
	}
	if s.Outcome != nil {
		w.State, w.Finished, w.Damaged = "done", wireTime(s.Outcome.Finished), s.Outcome.Damaged
		return w
	}
	w.Records = d.p.catalog.Current().Deleted(s.ID)
	if d.p.ingest != nil {
		w.Error = d.p.ingest.FailingDeletions()[s.ID]
	}
	if d.p.board != nil {
		w.Left = d.left(&s)
	}
	return w
}

// left says which shards a deletion is not done in, and who is to do it.
func (d deletions) left(s *deletion.State) []api.DeletionShard {
	all, _ := d.p.board.All(time.Now())
	var left []api.DeletionShard
	for _, shard := range s.Left(d.p.log.ShardsStored()) {
		l := api.DeletionShard{Shard: shard, Error: "it has no owner"}
		var epoch uint64
		for i := range all {
			m := &all[i]
			for _, owned := range m.Shards {
				if owned.Shard != shard || owned.Epoch < epoch {
					continue
				}
				epoch, l.Owner, l.Error = owned.Epoch, m.Name, ""
				if m.Deletions != nil {
					l.Error = m.Deletions.Failing[s.ID]
				}
			}
		}
		left = append(left, l)
	}
	return left
}

func wireTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// errNoStore answers requests for deletions in a process that has no store.
var errNoStore = fmt.Errorf("this process only takes telemetry in: ask one with the role %s or %s", roleQuery, roleIngest)

// noDeletions is api.Deletions where there is no store.
type noDeletions struct{}

// Request implements api.Deletions.
func (noDeletions) Request(context.Context, engine.Request, string, string) (api.Deletion, error) {
	return api.Deletion{}, &api.RefusedError{What: errNoStore.Error()}
}

// List implements api.Deletions.
func (noDeletions) List(context.Context, bool, int) ([]api.Deletion, error) { return nil, errNoStore }

// Get implements api.Deletions.
func (noDeletions) Get(context.Context, string) (api.Deletion, bool, error) {
	return api.Deletion{}, false, errNoStore
}

var (
	_ api.Deletions = deletions{}
	_ api.Deletions = noDeletions{}
)
