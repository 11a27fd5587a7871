package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"clew/ingest"
	"clew/ingest/deletion"
	"clew/ingest/members"
	"clew/internal/clock"
	"clew/query/api"
	"clew/query/engine"
)

// selector gives a deletion the search's own predicates.
func (p *process) selector(d deletion.Request) (ingest.Selector, error) {
	r := engine.Request{Tenant: d.Tenant, Signal: d.Signal, From: d.From, To: d.To}
	return engine.NewSelector(d.Query, r, d.Requested, p.logger.With("part", "ingest"))
}

// deletions is api.Deletions by ingest.
type deletions struct {
	ingest *ingest.Ingest
	board  *members.Board // nil: there are no other owners
}

// alone says that no other process owns shards: a deletion is carried out by the process that owns all of them.
func (d deletions) alone(now time.Time) bool {
	if d.board == nil {
		return true
	}
	others, known := d.board.Others(now)
	return known && !slices.ContainsFunc(others, func(m members.Member) bool { return slices.Contains(m.Roles, roleIngest) })
}

// Request implements api.Deletions.
func (d deletions) Request(ctx context.Context, r engine.Request, query, by string) (api.Deletion, error) {
	if !d.alone(time.Now()) {
		return api.Deletion{}, &api.RefusedError{What: "several processes own shards, and none of them can delete from all: leave one process with the ingest role while records are deleted"}
	}
	job, err := d.ingest.Delete(ctx, deletion.Request{Tenant: r.Tenant, Signal: r.Signal, Query: query, From: r.From, To: r.To, By: by}, clock.Now())
	var refused *deletion.RefusedError
	if errors.As(err, &refused) {
		return api.Deletion{}, &api.RefusedError{What: refused.Error()}
	}
	if err != nil {
		return api.Deletion{}, err
	}
	return wireDeletion(deletion.State{Request: job}), nil
}

// List implements api.Deletions.
func (d deletions) List(ctx context.Context, waiting bool, limit int) ([]api.Deletion, error) {
	states, err := d.ingest.Deletions(ctx, waiting, limit)
	if err != nil {
		return nil, err
	}
	list := make([]api.Deletion, len(states))
	for i, s := range states {
		list[i] = wireDeletion(s)
	}
	return list, nil
}

func wireDeletion(s deletion.State) api.Deletion {
	d := api.Deletion{
		ID: s.ID, Tenant: s.Tenant, Signal: s.Signal.String(), Query: s.Query, End: wireTime(time.Unix(0, s.To)), Requested: wireTime(s.Requested), By: s.By,
		State: "waiting", Records: s.Records, Error: s.Error,
	}
	if s.From != 0 {
		d.Start = wireTime(time.Unix(0, s.From))
	}
	if s.Outcome != nil {
		d.State, d.Finished, d.Damaged = "done", wireTime(s.Outcome.Finished), s.Outcome.Damaged
	}
	return d
}

func wireTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
