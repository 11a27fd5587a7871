package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"

	"clew/index/segment"
	"clew/ingest/members"
	"clew/query/engine"
	"clew/query/fanout"
	"clew/query/parts"
)

// flight is how this process answers questions of the cluster's others, and asks them.
type flight struct {
	listener    net.Listener
	address     string // as the others are told it
	server      *fanout.Server
	options     []grpc.ServerOption
	coordinator *fanout.Coordinator // nil: this process does not ask
	own         *engine.Engine      // of a process without the query role
}

// openFlight makes it, where there are other processes. The roles' parts are made already.
func (p *process) openFlight(cache *segment.Cache) error {
	if p.board == nil {
		return nil
	}
	f := &flight{}
	var err error
	if f.listener, err = net.Listen("tcp", p.cfg.Cluster.Flight); err != nil {
		return fmt.Errorf("listen for other processes' questions (cluster.flight): %w", err)
	}
	p.flight = f
	if f.address, err = reachable(p.cfg.Cluster.Flight, f.listener.Addr()); err != nil {
		return err
	}
	between, logger := &p.cfg.Cluster.TLS, p.logger.With("part", "fanout")
	dial, err := between.Dial(logger)
	if err != nil {
		return fmt.Errorf("cluster.tls: %w", err)
	}
	if f.options, err = between.Server(logger); err != nil {
		return fmt.Errorf("cluster.tls: %w", err)
	}
	if !between.On() && !isLoopback(f.address) {
		logger.Warn("whoever reaches cluster.flight reads the records of all tenants: give the processes certificates (cluster.tls)", "address", f.address)
	}
	e, source := p.engine, p.segments
	if e == nil {
		source = parts.NewSegments(p.catalog, p.store, cache, p.heads(), logger)
		e = engine.New(source, p.engineLimits(), logger)
		f.own = e
	} else {
		f.coordinator = fanout.NewCoordinator(e, source, &clusterMembers{p: p, missing: map[int]time.Time{}}, logger, dial...)
		p.registry.MustRegister(f.coordinator)
	}
	f.server = fanout.NewServer(e, p.heads(), logger)
	if p.ingest != nil {
		f.server.UseAccounts(p.ingest)
	}
	if p.promql != nil {
		p.promql.Storage().UseReaders(f.coordinator)
		f.server.UseMetrics(p.promql.Storage())
	}
	p.registry.MustRegister(f.server)
	return nil
}

// reachable is the address that others are told: that of the listener, with this host's name where it listens on all of its addresses.
func reachable(configured string, at net.Addr) (string, error) {
	host, _, err := net.SplitHostPort(configured)
	if err != nil {
		return "", fmt.Errorf("cluster.flight: %w", err)
	}
	_, port, err := net.SplitHostPort(at.String())
	if err != nil {
		return "", fmt.Errorf("cluster.flight: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		if host, err = os.Hostname(); err != nil {
			return "", fmt.Errorf("cluster.flight: %w", err)
		}
	}
	return net.JoinHostPort(host, port), nil
}

func (f *flight) run(ctx context.Context) error { return f.server.Run(ctx, f.listener, f.options...) }

// close is called when nothing asks any more.
func (f *flight) close() {
	_ = f.listener.Close()
	if f.coordinator != nil {
		f.coordinator.Close()
	}
	if f.own != nil {
		f.own.Close()
	}
}

// clusterMembers is the board as queries need it: who reads segments, and whose shards are whose.
type clusterMembers struct {
	p *process

	mu      sync.Mutex
	missing map[int]time.Time // shards without an owner, and since when
}

// Members implements fanout.Members.
func (m *clusterMembers) Members() fanout.Membership {
	now := time.Now()
	out := fanout.Membership{Self: m.p.called, Members: []fanout.Member{{Name: m.p.called, Query: true}}}
	if m.p.ingest != nil {
		for _, o := range m.p.ingest.Owned() {
			out.Shards = append(out.Shards, fanout.ShardOwner{Shard: o.Shard, Owner: m.p.called, Epoch: o.Epoch})
		}
	}
	others, _ := m.p.board.Others(now)
	// Of two lives of a process the later one counts.
	slices.SortFunc(others, func(a, b members.Member) int { return b.Started.Compare(a.Started) })
	for i := range others {
		o := &others[i]
		address := o.Addresses["flight"]
		if address == "" || slices.ContainsFunc(out.Members, func(x fanout.Member) bool { return x.Name == o.Name }) {
			continue
		}
		out.Members = append(out.Members, fanout.Member{Name: o.Name, Address: address, Query: slices.Contains(o.Roles, roleQuery)})
		for _, s := range o.Shards {
			out.Shards = append(out.Shards, fanout.ShardOwner{Shard: s.Shard, Owner: o.Name, Epoch: s.Epoch})
		}
	}
	m.addMissing(&out, now)
	return out
}

// addMissing adds the shards that nobody owns.
func (m *clusterMembers) addMissing(out *fanout.Membership, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for shard := range m.p.log.ShardsStored() {
		if slices.ContainsFunc(out.Shards, func(o fanout.ShardOwner) bool { return o.Shard == shard }) {
			delete(m.missing, shard)
			continue
		}
		since, known := m.missing[shard]
		if !known {
			since = now
			m.missing[shard] = since
		}
		out.Shards = append(out.Shards, fanout.ShardOwner{Shard: shard, Since: since})
	}
}
