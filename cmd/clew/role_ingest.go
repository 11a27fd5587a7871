package main

import (
	"context"
	"time"

	"clew/index/segment"
	"clew/ingest"
	"clew/internal/ledger"
)

// openIngest makes what owns shards.
func (p *process) openIngest(ctx context.Context, cache *segment.Cache) error {
	var err error
	if p.cfg.Ingest.Retention, err = retentionFor(p.cfg, p.cfg.Data); err != nil {
		return err
	}
	// Shards that were there before and are not now still hold records.
	p.cfg.Ingest.Shards = max(p.cfg.Shards, p.log.ShardsStored())
	senders := &busy{stats: p.log.Stats}
	deps := ingest.Deps{
		Log: p.log, Commits: p.log, Leases: p.log, Store: p.store, Catalog: p.catalog, Spool: p.ingestSpool(cache),
		Logger: p.logger.With("part", "ingest"), Registerer: p.registry, Selector: p.selector,
		Busy: func() string { return senders.why(time.Now()) }, OnRemoved: p.forget,
	}
	if p.board != nil {
		deps.Peers = peers{p.board, p.cluster}
	}
	p.ingest, err = ingest.New(p.cfg.Ingest, deps)
	if err != nil {
		return err
	}
	p.book.UseStored(func() (map[string]ledger.Stored, bool) { return p.ingest.SourceAccounts(ctx) })
	p.book.UseSampled(p.ingest.Sampled)
	return nil
}
