package main

import (
	"context"
	"fmt"
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
)

// restoreBook makes the book again from the heartbeats that are kept as log records, once all that was acknowledged can be found.
func (p *process) restoreBook(ctx context.Context) {
	for p.ready() != nil {
		select {
		case <-ctx.Done():
			return
		case <-time.After(bookWait):
		}
	}
	for _, tenant := range p.tenants() {
		n, err := p.restoreAgents(ctx, tenant, time.Now())
		if err != nil && ctx.Err() == nil {
			p.logger.Warn("not all agents' last heartbeats can be read: the ledger is incomplete until they come again", "tenant", tenant, "error", err)
		}
		if n > 0 {
			p.logger.Info("the ledger knows the agents that were heard of before the start", "tenant", tenant, "agents", n)
		}
	}
}

// tenants are those that have records, as far as this process sees them.
func (p *process) tenants() []string {
	if p.ingest != nil {
		return p.ingest.Tenants()
	}
	return p.catalog.Current().Tenants()
}

// restoreAgents does so for a tenant, and says how many agents that are.
func (p *process) restoreAgents(ctx context.Context, tenant string, now time.Time) (int, error) {
	query := &lang.Match{Field: "service", Op: lang.OpEqual, Value: lang.Value{Text: ledger.KeptService}}
	r := engine.Request{Tenant: tenant, Signal: telemetry.Logs, Query: query, From: now.Add(-bookBack).UnixNano()}
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
