package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"clew/index/catalog"
	"clew/ingest"
	"clew/ingest/members"
	"clew/ingest/shardlog"
	"clew/ingest/share"
)

// openBoard makes what hears of the other processes.
func (p *process) openBoard() error {
	var life [8]byte
	rand.Read(life[:]) // never fails: crypto/rand ends the process instead
	p.life = hex.EncodeToString(life[:])
	var err error
	if p.called, err = p.name(); err != nil {
		return err
	}
	if p.cluster != nil {
		p.formats.agreement = members.NewAgreement(formatsRead(), false)
		p.board = members.NewBoard(p.self, p.cluster, p.logger.With("part", "cluster"))
		p.registry.MustRegister(&clusterCollector{p})
	}
	return nil
}

// self is what the others are told of this process.
func (p *process) self() members.Member {
	m := members.Member{
		ID: p.lifeTold(), Name: p.called, Roles: p.cfg.Roles, Version: version, Started: p.started.UTC(), Ready: p.ready() == nil, Shards: []members.Shard{},
		Addresses: map[string]string{"http": p.cfg.HTTP},
		Reads:     formatsRead(), Writes: p.formats.written(),
	}
	if p.collector != nil {
		m.Addresses["otlp_grpc"], m.Addresses["otlp_http"] = p.cfg.Collector.OTLP.GRPC.Endpoint, p.cfg.Collector.OTLP.HTTP.Endpoint
	}
	if p.flight != nil {
		m.Addresses["flight"] = p.flight.address
	}
	if p.catalog != nil {
		m.Sequence = p.catalog.Current().Sequence()
	}
	m.Deletions = p.toldDeletions(time.Now())
	m.Accepted = p.accepted.byWhom()
	if p.ingest != nil {
		m.Able = p.ingest.Able(time.Now())
		for _, o := range p.ingest.Owned() {
			m.Shards = append(m.Shards, members.Shard(o))
		}
	}
	return m
}

// lifeTold is what the others know this life of the process by.
func (p *process) lifeTold() string {
	if p.ingest != nil {
		return p.ingest.Name()
	}
	return p.life
}

// peers tells ingest of the others that own shards, or would.
type peers struct {
	board   *members.Board
	cluster *shardlog.Cluster
}

var _ ingest.Peers = peers{}

// Peers implements ingest.Peers.
func (p peers) Peers(now time.Time) (list []share.Peer, known bool) {
	others, known := p.board.Others(now)
	for i := range others {
		m := &others[i]
		if !slices.Contains(m.Roles, roleIngest) {
			continue
		}
		peer := share.Peer{ID: m.ID, Able: m.Able}
		for _, s := range m.Shards {
			peer.Shards = append(peer.Shards, s.Shard)
		}
		list = append(list, peer)
	}
	return list, known
}

// Shards implements ingest.Peers.
func (p peers) Shards(ctx context.Context) (int, error) { return p.cluster.CountStored(ctx) }

// runCluster tells the others of this process, and follows the count of shards, until ctx ends.
func (p *process) runCluster(ctx context.Context) error {
	go func() {
		for {
			select {
			case <-p.cluster.ShardsChanged():
			case <-ctx.Done():
				return
			}
			// First who reads, then who writes.
			if p.ingest != nil {
				p.ingest.SetShards(p.cluster.ShardsStored())
			}
			if p.collector != nil {
				p.collector.SetShards(p.cluster.Shards())
			}
		}
	}()
	go p.agreeFormats(ctx)
	if p.sharesBook() {
		go p.runBook(ctx)
	}
	if p.ingest != nil {
		go p.hearOfDeletions(ctx)
		go p.hearOfAccepted(ctx)
	}
	return p.board.Run(ctx)
}

// formatsRead are the newest versions that this program reads.
func formatsRead() members.Formats {
	return members.Formats{members.FormatMessage: shardlog.MessageVersion, members.FormatCommit: catalog.CommitVersion}
}

// formats is what this process writes, so that all that are there can read it.
type formats struct {
	agreement *members.Agreement // nil: alone
	writes    atomic.Pointer[members.Formats]
}

func (f *formats) written() members.Formats {
	if w := f.writes.Load(); w != nil {
		return *w
	}
	return nil
}

// agreeFormats keeps what is written in versions that all processes read, until ctx ends.
func (p *process) agreeFormats(ctx context.Context) {
	tick := time.NewTicker(formatsEvery)
	defer tick.Stop()
	for {
		now := time.Now()
		others, _ := p.board.Others(now)
		next, before := p.formats.agreement.Update(now, others, p.board.Hearing(now)), p.formats.written()
		if !maps.Equal(next, before) {
			p.logger.Debug("formats that all processes read", "message", next[members.FormatMessage], "commit", next[members.FormatCommit])
		}
		for i := range others {
			for _, s := range others[i].Shards {
				p.cluster.Told(s.Shard, max(s.Floor, s.Consumed))
			}
		}
		p.formats.writes.Store(&next)
		p.cluster.SetWrites(next[members.FormatMessage])
		if p.ingest != nil {
			p.ingest.SetCommitVersion(next[members.FormatCommit])
		}
		select {
		case <-tick.C:
		case <-p.board.Changed():
		case <-ctx.Done():
			return
		}
	}
}

// formatsEvery paces the look at who reads what.
const formatsEvery = 500 * time.Millisecond
