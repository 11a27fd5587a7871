package shardlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Cluster is a log on NATS servers that run elsewhere, and that other processes share. It implements Log, Commits and Leases, and says what
// all processes have to agree on: the count of shards, and how long leases last.
//
// What it asks of the servers: JetStream, three of them or more, and sync_interval: always in their configuration. A client cannot see the last (no
// answer of the server names it), so it is for whoever runs them: see docs/cluster.md.
type Cluster struct {
	*client
	changed chan struct{} // the count of shards may have changed
	server  string        // version of the server that was met first
	// leaseless says that the stream of leases was not there at the last look, by Run.
	leaseless bool
}

var (
	_ Log     = (*Cluster)(nil)
	_ Commits = (*Cluster)(nil)
	_ Leases  = (*Cluster)(nil)
)

// Connect reaches cfg.Servers and makes the streams that are not there. Errors: *MismatchError names what of a stream that is there is not right.
//
// The count of shards is cfg.Shards only for whoever comes first. Run follows it afterwards.
func Connect(ctx context.Context, cfg Config) (*Cluster, error) {
	if !cfg.Servers.Given() {
		return nil, errNoServers
	}
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	c := &Cluster{client: newClient(cfg.withDefaults(), clusterTiming), changed: make(chan struct{}, 1)}
	if err := c.connect(ctx); err != nil {
		c.cancel()
		return nil, fmt.Errorf("connect to NATS at %v: %w", cfg.Servers.URLs, err)
	}
	return c, nil
}

func (c *Cluster) connect(ctx context.Context) error {
	opts, err := c.cfg.Servers.options()
	if err != nil {
		return err
	}
	opts = append(opts,
		nats.Name("clew"),
		nats.Timeout(clusterConnectTimeout),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectWait, reconnectWait),
		// A server that hangs is as gone as one that has ended.
		nats.PingInterval(clusterPing),
		nats.MaxPingsOutstanding(clusterPingsOut),
		nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				c.log.Warn("NATS: connection lost, trying others", "error", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) { c.log.Info("NATS: connected again", "server", nc.ConnectedServerName()) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { c.log.Warn("NATS client", "error", err) }),
	)
	s, err := connect(opts, c.timing, func(string) error { return nil })
	if err != nil {
		return err
	}
	c.server = s.pub.ConnectedServerVersion()
	c.messageBytes = min(messageBytesMax, int(s.pub.MaxPayload())-payloadReserve)
	c.commitBytes = int(s.pub.MaxPayload()) - payloadReserve
	if c.messageBytes < clusterMessageBytesMin {
		s.end()
		return fmt.Errorf("max_payload of the servers is %d, want at least %d", s.pub.MaxPayload(), clusterMessageBytesMin+payloadReserve)
	}
	if err := c.prepare(ctx, s); err != nil {
		s.end()
		return err
	}
	c.link = newLink(s)
	return nil
}

// prepare sees to the streams and learns what all processes agree on. Servers that have just started have no leaders yet: it is patient.
func (c *Cluster) prepare(ctx context.Context, s *session) error {
	ctx, cancel := context.WithTimeout(ctx, clusterPrepareTimeout)
	defer cancel()
	began, told := time.Now(), false
	for {
		err := c.agree(ctx, s)
		var mismatch *MismatchError
		if err == nil || errors.As(err, &mismatch) {
			return err
		}
		if errors.Is(err, nats.ErrNoResponders) {
			err = fmt.Errorf("%w (is JetStream on? jetstream {...} in the servers' configuration, and in that of the account)", err)
		}
		if !told && time.Since(began) > clusterPrepareQuiet {
			told = true
			c.log.Warn("NATS does not have the streams ready yet; tried anew", "for", clusterPrepareTimeout, "error", err)
		}
		pause(ctx, clusterLeasePoll)
		if ctx.Err() != nil {
			return fmt.Errorf("the streams are not ready after %s: %w", clusterPrepareTimeout, err)
		}
	}
}

func (c *Cluster) agree(ctx context.Context, s *session) error {
	streams := clusterStreams(c.cfg)
	settings := streams[len(streams)-1]
	if _, err := s.ensureStream(ctx, settings); err != nil {
		return err
	}
	shards, err := s.agreedShards(ctx, c.cfg.Shards)
	if err != nil {
		return err
	}
	cfg := c.cfg
	cfg.Shards = shards
	gone, err := c.committedAndGone(ctx, s, shards)
	if err != nil {
		return err
	}
	for i, want := range clusterStreams(cfg) {
		if i < shards && gone[i] {
			continue
		}
		have, err := s.ensureStream(ctx, want)
		if err != nil {
			return err
		}
		if want.Name == leasesStream {
			c.cfg.LeaseTTL = have.MaxAge
		}
	}
	stored, err := s.storedShards(ctx, shards)
	if err != nil {
		return err
	}
	c.shards.Store(int64(shards))
	c.stored.Store(int64(stored))
	return nil
}

// committedAndGone are the shards that have commits and no stream: NATS has lost it, or somebody has deleted it. Their owners make it anew, with positions above all that
// had a meaning; made anew here it would give out positions that nobody reads. What commits say of positions is noted on the way.
func (c *Cluster) committedAndGone(ctx context.Context, s *session, shards int) (map[int]bool, error) {
	gone := map[int]bool{}
	if _, err := s.info(ctx, s.pubJS, commitsStream); errors.Is(err, jetstream.ErrStreamNotFound) {
		return gone, nil
	}
	for shard := range shards {
		m, err := s.lastOf(ctx, commitsStream, commitSubject(shard))
		if err != nil {
			return nil, fmt.Errorf("last commit of shard %d: %w", shard, err)
		}
		if m == nil {
			continue
		}
		if data, err := decodeCommit(m.Data); err == nil && c.cfg.FloorOf != nil {
			if floor, err := c.cfg.FloorOf(data); err == nil { // else whoever reads commits says what is wrong with it
				c.Told(shard, floor)
			}
		}
		if _, err = s.info(ctx, s.pubJS, logStream(shard)); errors.Is(err, jetstream.ErrStreamNotFound) {
			gone[shard] = true
			c.counts.anomaly(AnomalyGone, 1)
			c.log.Error("a stream of the shard log is gone from NATS; its shard's owner makes it anew", "stream", logStream(shard))
		} else if err != nil {
			return nil, fmt.Errorf("stream of shard %d: %w", shard, err)
		}
	}
	return gone, nil
}

// Close ends all calls and leases, and the connections.
func (c *Cluster) Close() error {
	if c.link.close() {
		c.cancel()
	}
	return nil
}

// Stats returns this process's counters. Of the servers' disks nothing is known here.
func (c *Cluster) Stats() Stats {
	s := c.counts.stats()
	if session, err := c.link.get(); err != nil || !session.pub.IsConnected() {
		s.Stuck = true
	}
	return s
}

// LeaseTTL is how long a lease lasts whose holder has vanished.
func (c *Cluster) LeaseTTL() time.Duration { return c.cfg.LeaseTTL }

// ServerVersion is the version of the NATS server that was met at the start.
func (c *Cluster) ServerVersion() string { return c.server }

// Run follows the count of shards until ctx ends or the log is closed.
func (c *Cluster) Run(ctx context.Context) error {
	tick := time.NewTicker(settingsEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-c.kick: // a write without an answer: nothing to do about it here
			continue
		case <-ctx.Done():
			return ctx.Err()
		case <-c.ctx.Done():
			return nil
		}
		if err := c.keepLeases(ctx); err != nil && ctx.Err() == nil {
			c.log.Debug("look at the stream of leases", "error", err)
		}
		if err := c.look(ctx); err != nil && ctx.Err() == nil {
			c.log.Debug("look at the count of shards", "error", err)
		}
	}
}
