package main

import (
	"context"
	"slices"
	"time"

	"clew/internal/ledger"
)

// shareBook makes the book one of several, where there are other processes that hear of agents or are asked about them.
func (p *process) shareBook() {
	if !p.sharesBook() {
		return
	}
	p.book.Share(ledger.Sharing{Life: p.lifeTold(), Started: p.started, Collects: p.cfg.Roles.has(roleCollector), Collectors: p.otherCollectors})
	if p.flight == nil || p.flight.coordinator == nil {
		return
	}
	p.book.UseStored(p.storedInCluster)
	p.book.UseSampled(func(tenant string) map[string]uint64 {
		ctx, cancel := context.WithTimeout(context.Background(), accountsWithin)
		defer cancel()
		sum := p.flight.coordinator.SampledElsewhere(ctx, tenant)
		if p.ingest != nil {
			for policy, n := range p.ingest.Sampled(tenant) {
				sum[policy] += n
			}
		}
		return sum
	})
}

// accountsWithin bounds what it takes to ask the owners of shards: a process that is there and hangs says that it is at work.
const accountsWithin = 5 * time.Second

// sharesBook says whether this process tells of agents, or is asked about them.
func (p *process) sharesBook() bool {
	return p.board != nil && (p.cfg.Roles.has(roleCollector) || p.cfg.Roles.has(roleQuery))
}

// otherCollectors are the lives of the other processes with the collector role.
func (p *process) otherCollectors() []string {
	var lives []string
	others, _ := p.board.Others(time.Now())
	for i := range others {
		if slices.Contains(others[i].Roles, roleCollector) {
			lives = append(lives, others[i].ID)
		}
	}
	return lives
}

// storedInCluster sums what came of agents' batches over all shards. Of a shard whose owner does not answer it is what its last commit says, and the whole is not whole.
func (p *process) storedInCluster() (accounts map[string]ledger.Stored, whole bool) {
	ctx, cancel := context.WithTimeout(context.Background(), accountsWithin)
	defer cancel()
	shards := p.flight.coordinator.StoredElsewhere(ctx)
	if p.ingest != nil {
		for _, own := range p.ingest.ShardAccounts(ctx) {
			if !slices.ContainsFunc(shards, func(s ledger.ShardStored) bool { return s.Shard == own.Shard }) { // another has taken it
				shards = append(shards, own)
			}
		}
	}
	accounts, whole = map[string]ledger.Stored{}, true
	version := p.catalog.Current()
	for shard := range p.log.ShardsStored() {
		i := slices.IndexFunc(shards, func(s ledger.ShardStored) bool { return s.Shard == shard })
		if i >= 0 {
			whole = whole && shards[i].Whole
			shards[i].AddTo(accounts)
			continue
		}
		whole = false
		committed := ledger.ShardStored{Shard: shard, Accounts: map[string]ledger.Stored{}}
		for _, s := range version.Shard(shard).Sources {
			committed.Accounts[s.ID] = ledger.Stored{First: s.First, Last: s.Seq, Records: s.Stored, Repeated: s.Repeated}
		}
		committed.AddTo(accounts)
	}
	return accounts, whole
}
