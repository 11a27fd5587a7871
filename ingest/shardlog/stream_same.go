package shardlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
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
		if r.missing != nil {
			r.goneSince.Delete(r.shard)
		}
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
	var gone *GoneError
	if errors.As(err, &gone) {
		r.goneSince.Store(r.shard, r.beyond)
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

// Remake implements Log.
func (c *client) Remake(ctx context.Context, shard int, position Position) (made bool, err error) {
	if err := c.checkStored(shard); err != nil {
		return false, err
	}
	since := time.Now()
	if seen, known := c.goneSince.LoadAndDelete(shard); known && time.Since(seen.(time.Time)) < goneKept {
		since = seen.(time.Time) // the reader has just waited
	}
	for {
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
