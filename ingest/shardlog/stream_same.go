package shardlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"clew/ingest/shardlog/witness"
)

// A stream may stop being what its reader began with: somebody deletes it, a process of an older version makes it anew, NATS comes back with less than it had.
// Positions mean other messages then. This file is how that is noticed, and what an owner does about a stream that is gone.

// same checks that a stream, nil if it is not there, is the one that was read before, and ends where it was read or later. The first notice is said at once; the error
// stops the reading only when it has stayed so: a server that has just become the stream's leader may not have applied everything.
func (r *reader) same(s *session, info *jetstream.StreamInfo) error {
	var err error
	switch {
	case info == nil && r.missing == nil:
		return fmt.Errorf("stream %s: %w", r.stream, jetstream.ErrStreamNotFound)
	case info == nil:
		err = &GoneError{Stream: r.stream, Shard: r.shard}
	case !r.made.IsZero() && !info.Created.Equal(r.made):
		err = &RemadeError{Stream: r.stream, Was: r.made, Now: info.Created}
	case r.after > info.State.LastSeq:
		err = &BeyondError{Stream: r.stream, After: r.after, Last: info.State.LastSeq}
	default:
		r.beyond, r.made = time.Time{}, info.Created
		return nil
	}
	if r.beyond.IsZero() {
		r.beyond = time.Now()
		r.counts.anomaly(anomalyOf(err), 1)
		r.log.Error("a stream is not what it was", "stream", r.stream, "read_up_to", r.after, "error", err)
	}
	var remade *RemadeError
	if time.Since(r.beyond) < s.timing.beyond && !errors.As(err, &remade) {
		return err
	}
	return &stopError{err}
}

// watch ends the reading of a stream that is not the same any more: its consumer may live on a server that has not heard.
func (r *reader) watch(ctx context.Context, s *session, made time.Time, end context.CancelFunc) {
	if s.timing.watch == 0 {
		return
	}
	tick := time.NewTicker(s.timing.watch)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		info, err := s.info(ctx, s.subJS, r.stream)
		if errors.Is(err, jetstream.ErrStreamNotFound) || err == nil && !info.Created.Equal(made) {
			end()
			return
		}
	}
}

// rescue appends the message of a receipt again if it is at its position, under the same stamp and sources: an owner takes it once.
func (c *client) rescue(ctx context.Context, shard int, writer uint64, r witness.Receipt) bool {
	for range rescueTries {
		found, err := c.tryRescue(ctx, shard, writer, r)
		if err == nil || ctx.Err() != nil {
			return found
		}
		c.log.Warn("a message that was not met where it should be is looked for", "shard", shard, "position", r.Position, "error", err)
		pause(ctx, reconnectWait)
	}
	return false
}

func (c *client) tryRescue(ctx context.Context, shard int, writer uint64, r witness.Receipt) (found bool, err error) {
	s, err := c.link.wait(ctx)
	if err != nil {
		return false, err
	}
	asking, cancel := s.bounded(ctx)
	defer cancel()
	st, err := s.subJS.Stream(asking, logStream(shard))
	if err != nil {
		return false, err
	}
	m, err := st.GetMsg(asking, r.Position)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var of witness.Stamp
	if _, err := decodeMessage(m.Data, &of); err != nil || of.Writer != writer || of.Number != r.Number {
		return false, nil // another one is there
	}
	_, err = c.append(ctx, shard, m.Data)
	return err == nil, err
}

// Remake implements Log.
func (c *client) Remake(ctx context.Context, shard int, position Position) (made bool, err error) {
	if err := c.checkStored(shard); err != nil {
		return false, err
	}
	for since := time.Now(); ; {
		s, err := c.link.wait(ctx)
		if err != nil {
			return false, err
		}
		_, err = s.info(ctx, s.pubJS, logStream(shard))
		switch {
		case err == nil:
			return false, nil
		case !errors.Is(err, jetstream.ErrStreamNotFound):
			since = time.Now() // not an answer
		case time.Since(since) >= s.timing.beyond:
			return true, c.remake(ctx, s, shard, position)
		}
		pause(ctx, reconnectWait)
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
	}
}

func (c *client) remake(ctx context.Context, s *session, shard int, position Position) error {
	cfg := c.cfg
	cfg.Shards = c.ShardsStored()
	replicas := 1
	if cfg.Servers.Given() {
		replicas = cfg.Servers.Replicas
	}
	want := streamConfigs(cfg.Shards, replicas, cfg.LogBytesMax, cfg.LeaseTTL)[shard]
	want.FirstSeq = position + 1
	ctx, cancel := context.WithTimeout(ctx, clusterCreateTimeout)
	defer cancel()
	if _, err := s.pubJS.CreateStream(ctx, want); err != nil {
		return fmt.Errorf("make stream %s anew: %w", want.Name, err)
	}
	c.log.Error("a stream that was gone is made anew: what it held and no owner had read is lost", "stream", want.Name, "first", want.FirstSeq)
	return nil
}
