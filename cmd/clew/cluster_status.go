package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clew/index/catalog"
	"clew/ingest/members"
	"clew/query/api"
)

// clusterStatus is the answer of /api/v1/cluster: who there is, and who has which shard.
func (p *process) clusterStatus(ctx context.Context) (*api.Cluster, error) {
	now := time.Now()
	all, known := []members.Member{p.self()}, true
	c := &api.Cluster{Log: "embedded", Shards: p.log.Shards()}
	if p.board != nil {
		all, known = p.board.All(now)
		c.Log, c.LeaseSeconds = "NATS "+p.cluster.ServerVersion(), p.cluster.LeaseTTL().Seconds()
		c.Disconnected = p.log.Stats().Stuck
	}
	c.Known, c.Members = known, make([]api.ClusterMember, 0, len(all))
	for i := range all {
		m := &all[i]
		owned := make([]int, 0, len(m.Shards))
		for _, s := range m.Shards {
			owned = append(owned, s.Shard)
		}
		c.Members = append(c.Members, api.ClusterMember{
			Name: m.Name, Roles: m.Roles, Version: m.Version, Started: m.Started, Addresses: m.Addresses, Ready: m.Ready, Shards: owned, Sequence: m.Sequence, Writes: m.Writes,
		})
	}
	c.List = make([]api.ClusterShard, 0, p.log.ShardsStored())
	for shard := range p.log.ShardsStored() {
		c.List = append(c.List, p.clusterShard(ctx, shard, all))
	}
	return c, ctx.Err()
}

// clusterShard is a shard by its log, the catalog, and what those say who own it.
func (p *process) clusterShard(ctx context.Context, shard int, all []members.Member) api.ClusterShard {
	s := api.ClusterShard{Shard: shard, Draining: shard >= p.log.Shards()}
	ctx, cancel := context.WithTimeout(ctx, clusterShardTimeout)
	defer cancel()
	state, err := p.log.State(ctx, shard)
	if err != nil {
		s.Error = err.Error()
		if p.cluster != nil && p.log.Stats().Stuck {
			s.Error = "NATS is away" // the client's own words are of its buffers
		}
	}
	s.First, s.Last, s.LogBytes, s.LogBytesMax = state.First, state.Last, state.Bytes, state.BytesMax
	var known catalog.Shard
	if p.catalog != nil {
		known = p.catalog.Current().Shard(shard)
	}
	s.Floor, s.Epoch = known.Floor, known.Epoch
	for _, l := range known.Lost {
		s.Lost = append(s.Lost, wireLoss(shard, &l))
	}
	for i := range all {
		for _, owned := range all[i].Shards {
			// Of two that claim it the later epoch is right: the other has not noticed yet.
			if owned.Shard == shard && (s.Owner == "" || owned.Epoch > s.Epoch) {
				s.Owner, s.Epoch, s.CaughtUp = all[i].Name, owned.Epoch, owned.CaughtUp
				s.Floor, s.Consumed, s.BehindSeconds = max(s.Floor, owned.Floor), owned.Consumed, owned.BehindSeconds
			}
		}
	}
	s.Lag = s.Last - min(s.Last, max(s.Consumed, s.Floor))
	return s
}

// clusterShardTimeout bounds the question for a shard's log.
const clusterShardTimeout = 2 * time.Second

// changeShards is /api/v1/admin/shards.
func (p *process) changeShards(ctx context.Context, n int) error {
	if p.cluster == nil {
		return &api.RefusedError{What: "the log is within this process: its count of shards is the key shards of the configuration, and changes with a restart"}
	}
	if n < 1 || n > shardsMax {
		return &api.RefusedError{What: fmt.Sprintf("%d shards: want 1 to %d", n, shardsMax)}
	}
	if known, ok := p.board.Others(time.Now()); !ok {
		return errors.New("this process does not know the others yet")
	} else if len(known) > 0 {
		p.logger.Info("the count of shards is changed", "from", p.cluster.Shards(), "to", n)
	}
	return p.cluster.SetShards(ctx, n)
}
