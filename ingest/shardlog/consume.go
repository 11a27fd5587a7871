package shardlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Consume implements Log. Errors besides f's and ctx's: *TrimmedError, *BeyondError, ErrClosed.
//
// A message of a newer format is given like a damaged one, with an *UnknownVersionError in Damage. Messages that the stream has lost are
// given as one Entry at the position of the last of them, with a *DamagedMessageError that says how many.
func (c *client) Consume(ctx context.Context, shard int, after Position, f func(e Entry) error) error {
	if err := c.checkStored(shard); err != nil {
		return err
	}
	r := reader{
		client: c, stream: logStream(shard), after: after,
		each: func(m delivery) error {
			c.counts.consumed.Add(1)
			c.counts.consumedBytes.Add(uint64(len(m.data)))
			e := Entry{Position: m.seq, Time: m.time}
			e.Message, e.Damage = decodeMessage(m.data)
			if e.Damage != nil {
				c.counts.damaged.Add(1)
				e.Damage = locate(e.Damage, shard, m.seq)
			}
			return f(e)
		},
		missing: func(n, last uint64, t time.Time) error {
			c.counts.damaged.Add(n)
			return f(Entry{Position: last, Time: t, Damage: &DamagedMessageError{
				Shard: shard, Position: last, Missing: n, Cause: "missing from the log",
			}})
		},
	}
	return r.run(ctx)
}

// locate fills in where a decoding error was met.
func locate(err error, shard int, p Position) error {
	var damaged *DamagedMessageError
	var newer *UnknownVersionError
	switch {
	case errors.As(err, &damaged):
		damaged.Shard, damaged.Position = shard, p
	case errors.As(err, &newer):
		newer.Shard, newer.Position = shard, p
	}
	return err
}

// reader gives the messages of a stream in order, each once, across sessions.
type reader struct {
	*client
	stream string
	after  uint64
	each   func(m delivery) error
	// missing is told of n messages, up to the sequence last, that the stream should have and has not; nil: a gap is a *TrimmedError.
	missing func(n, last uint64, t time.Time) error
	// caughtUp, if not nil, is called once, when what the stream held at the start has been given.
	caughtUp func()
	target   uint64 // the last sequence of the stream at the start
	targeted bool
	beyond   time.Time // since when the stream seems to end before after; zero: it does not
}

// delivery is one message of a stream. data belongs to whoever gets it.
type delivery struct {
	seq     uint64
	subject string
	time    time.Time
	data    []byte
}

// stopError carries an error that ends the reading, in contrast to those after which reader tries anew.
type stopError struct{ err error }

func (e *stopError) Error() string { return e.err.Error() }

func (r *reader) run(ctx context.Context) error {
	for {
		s, err := r.link.wait(ctx)
		if err != nil {
			return err
		}
		err = r.session(ctx, s)
		var stop *stopError
		if errors.As(err, &stop) {
			return stop.err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		select {
		case <-s.ended: // expected
		default:
			r.log.Debug("reading a stream: trying anew", "stream", r.stream, "after", r.after, "error", err)
		}
		pause(ctx, reconnectWait)
	}
}

// session reads until something fails. The consumer lives in the server's memory: positions are kept by the commits, not by NATS.
func (r *reader) session(ctx context.Context, s *session) error {
	info, err := s.info(ctx, s.subJS, r.stream)
	if err != nil {
		return err
	}
	first, last := firstOf(info.State), info.State.LastSeq
	if r.after > last {
		err := &BeyondError{Stream: r.stream, After: r.after, Last: last}
		if r.beyond.IsZero() {
			r.beyond = time.Now()
		}
		if time.Since(r.beyond) < s.timing.beyond {
			return err
		}
		return &stopError{err}
	}
	r.beyond = time.Time{}
	if r.missing != nil && r.after+1 < first {
		return &stopError{&TrimmedError{Stream: r.stream, After: r.after, Next: first}}
	}
	if !r.targeted {
		r.targeted, r.target = true, last
	}
	r.checkCaughtUp()

	creating, cancel := s.bounded(ctx)
	cons, err := s.subJS.CreateConsumer(creating, r.stream, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: r.after + 1,
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: consumerIdle,
	})
	cancel()
	if err != nil {
		return fmt.Errorf("create consumer: %w", err)
	}
	defer func() {
		// Best effort: the server forgets it by itself.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = s.subJS.DeleteConsumer(ctx, r.stream, cons.CachedInfo().Name)
	}()
	it, err := cons.Messages(jetstream.PullMaxMessagesWithBytesLimit(prefetchMessages, prefetchBytes), jetstream.PullExpiry(pullExpiry), jetstream.PullHeartbeat(s.timing.beat))
	if err != nil {
		return err
	}
	defer it.Stop()
	return r.drain(ctx, s, it)
}

func (r *reader) drain(ctx context.Context, s *session, it jetstream.MessagesContext) error {
	var delivered uint64
	for {
		m, err := it.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		if meta.Sequence.Consumer != delivered+1 {
			return fmt.Errorf("delivery %d after %d: some got lost on the way", meta.Sequence.Consumer, delivered)
		}
		delivered++
		d := delivery{seq: meta.Sequence.Stream, subject: m.Subject(), time: meta.Timestamp, data: m.Data()}
		if err := r.give(ctx, s, d); err != nil {
			return err
		}
	}
}

// give passes d on, after what is missing before it.
func (r *reader) give(ctx context.Context, s *session, d delivery) error {
	if d.seq <= r.after {
		return fmt.Errorf("sequence %d after %d", d.seq, r.after)
	}
	if d.seq > r.after+1 {
		if err := r.gap(ctx, s, d); err != nil {
			return err
		}
	}
	if err := r.each(d); err != nil {
		return &stopError{err}
	}
	r.after = d.seq
	r.checkCaughtUp()
	return nil
}

func (r *reader) gap(ctx context.Context, s *session, d delivery) error {
	if r.missing == nil {
		return &stopError{&TrimmedError{Stream: r.stream, After: r.after, Next: d.seq}}
	}
	info, err := s.info(ctx, s.subJS, r.stream)
	if err != nil {
		return err
	}
	if first := firstOf(info.State); first > r.after+1 {
		return &stopError{&TrimmedError{Stream: r.stream, After: r.after, Next: first}}
	}
	if err := r.missing(d.seq-1-r.after, d.seq-1, d.time); err != nil {
		return &stopError{err}
	}
	r.after = d.seq - 1
	return nil
}

func (r *reader) checkCaughtUp() {
	if r.caughtUp != nil && r.after >= r.target {
		r.caughtUp()
		r.caughtUp = nil
	}
}
