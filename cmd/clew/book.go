package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"clew/internal/ledger"
	"clew/internal/telemetry"
	"clew/query/engine"
	"clew/query/lang"
)

const (
	// bookBack is how far back agents' kept heartbeats are looked for at the start: a host that was silent for longer is not known until it comes back.
	bookBack = 30 * 24 * time.Hour
	// bookWait paces the look whether the log has been read: the last heartbeats are in it.
	bookWait = 50 * time.Millisecond
	// bookEvery paces the look for what collectors of an earlier version keep, and bookAgain is how far it goes: a few of its records.
	bookEvery = 20 * time.Second
	bookAgain = 10 * time.Minute
	// bookRetry paces a process that cannot listen to the others.
	bookRetry = time.Second
)

// runBook tells the others what this process hears of agents, and hears them, until ctx ends.
func (p *process) runBook(ctx context.Context) {
	for {
		err := p.book.Run(ctx, p.cluster, p.logger.With("part", "ledger"))
		if err == nil {
			return
		}
		p.logger.Debug("the ledger does not hear the others", "error", err)
		select {
		case <-time.After(bookRetry):
		case <-ctx.Done():
			return
		}
	}
}

// restoreBook makes the book again from the heartbeats that are kept as log records, once all that was acknowledged can be found. In a cluster it goes on with that for as
// long as there are collectors that do not tell of agents.
func (p *process) restoreBook(ctx context.Context) {
	for p.ready() != nil {
		select {
		case <-ctx.Done():
			return
		case <-time.After(bookWait):
		}
	}
	p.restoreTenants(ctx, bookBack, true)
	if p.board == nil {
		return
	}
	p.book.TellAll()
	tick := time.NewTicker(bookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if !p.book.Sharp() {
				p.restoreTenants(ctx, bookAgain, false)
			}
		case <-ctx.Done():
			return
		}
	}
}

// restoreTenants takes what was kept of all tenants' agents not longer than back ago; first: since the start.
func (p *process) restoreTenants(ctx context.Context, back time.Duration, first bool) {
	for _, tenant := range p.tenants(ctx) {
		n, err := p.restoreAgents(ctx, tenant, back, time.Now())
		if err != nil && ctx.Err() == nil {
			p.logger.Warn("not all agents' last heartbeats can be read: the ledger is incomplete until they come again", "tenant", tenant, "error", err)
		}
		if n > 0 && first {
			p.logger.Info("the ledger knows the agents that were heard of before the start", "tenant", tenant, "agents", n)
		}
	}
}

// tenants are those that have records, here or at the owners of shards.
func (p *process) tenants(ctx context.Context) []string {
	tenants := p.catalog.Current().Tenants()
	if p.ingest != nil {
		tenants = p.ingest.Tenants()
	}
	if p.flight != nil && p.flight.coordinator != nil {
		tenants = append(tenants, p.flight.coordinator.TenantsElsewhere(ctx)...)
		slices.Sort(tenants)
		tenants = slices.Compact(tenants)
	}
	return tenants
}

// restoreAgents does so for a tenant, and says how many agents that are.
func (p *process) restoreAgents(ctx context.Context, tenant string, back time.Duration, now time.Time) (int, error) {
	query := &lang.Match{Field: "service", Op: lang.OpEqual, Value: lang.Value{Text: ledger.KeptService}}
	r := engine.Request{Tenant: tenant, Signal: telemetry.Logs, Query: query, From: now.Add(-back).UnixNano()}
	found, err := p.engine.Latest(ctx, r, engine.LatestBy{Field: ledger.KeptInstanceAttribute, Since: now.UnixNano(), Facts: []string{ledger.KeptAttribute}})
	if err != nil {
		return 0, err
	}
	restored := 0
	for _, row := range found.Rows {
		if err := p.book.Restore(tenant, row.Facts[ledger.KeptAttribute]); err != nil {
			return restored, fmt.Errorf("agent %s: %w", row.Value, err)
		}
		restored++
	}
	if len(found.Stats.Partial) > 0 {
		return restored, fmt.Errorf("%s", found.Stats.Partial[0])
	}
	return restored, nil
}
