package shardlog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"clew/ingest/shardlog/witness"
)

// Consume implements Log. Errors besides f's and ctx's: *TrimmedError, *BeyondError, *GoneError, *RemadeError, ErrClosed.
//
// A message of a newer format is given like a damaged one, with an *UnknownVersionError in Damage. Messages that the stream has lost are
// given as one Entry at the position of the last of them, with a *DamagedMessageError that says how many.
func (c *client) Consume(ctx context.Context, shard int, after Position, f func(e Entry) error) error {
	if err := c.checkStored(shard); err != nil {
		return err
	}
	k := &consumption{client: c, ctx: ctx, shard: shard, f: f, witness: witness.New(after)}
	c.lastRead.forget(shard)
	r := reader{client: c, stream: logStream(shard), shard: shard, after: after, each: k.each, missing: k.missing}
	if c.timing.watch > 0 { // somebody else runs the servers
		r.compare = k.compare
	}
	err := r.run(ctx)
	var beyond *BeyondError
	if errors.As(err, &beyond) && beyond.Same == 0 {
		beyond.Same = k.sameOf(ctx, beyond)
	}
	return err
}

// consumption is the reading of a shard's log.
type consumption struct {
	*client
	ctx     context.Context // of the call
	shard   int
	f       func(e Entry) error
	witness *witness.Witness
	stamp   witness.Stamp // of the message at hand; its memory is used again
	lost    []witness.Receipt
}

func (k *consumption) each(m delivery) error {
	k.counts.consumed.Add(1)
	k.counts.consumedBytes.Add(uint64(len(m.data)))
	e := Entry{Position: m.seq, Time: m.time}
	k.lastRead.note(k.shard, m.seq, m.time.UnixNano())
	e.Message, e.Damage = decodeMessage(m.data, &k.stamp)
	if e.Damage != nil {
		k.witness.Took(m.seq, m.time)
		k.counts.damaged.Add(1)
		k.counts.anomaly(anomalyOf(e.Damage), 1)
		e.Damage = locate(e.Damage, k.shard, m.seq)
		k.witness.Unreadable(m.seq, m.seq)
		return k.f(e)
	}
	k.lost = k.lost[:0]
	switch k.witness.Meet(m.seq, m.time, binary.LittleEndian.Uint32(m.data[crcAt:]), &k.stamp, func(r witness.Receipt) { k.lost = append(k.lost, r) }) {
	case witness.Repeated:
		k.counts.anomaly(AnomalyRepeated, 1)
	case witness.Conflicting:
		k.counts.anomaly(AnomalyConflicting, 1)
		k.log.Error("two messages of the shard log have one number and are not the same", "shard", k.shard, "position", m.seq, "writer", writerName(k.stamp.Writer), "number", k.stamp.Number)
	}
	for _, r := range k.lost {
		if err := k.notFound(m.seq, r); err != nil {
			return err
		}
	}
	return k.f(e)
}

// notFound deals with an acknowledged message that was not met where it should be. It may be there after all: if the stream had lost its end, its positions were given anew, and
// the reader was past them already. Then it is appended again.
func (k *consumption) notFound(read Position, r witness.Receipt) error {
	about := []any{"shard", k.shard, "position", r.Position, "writer", writerName(k.stamp.Writer), "number", r.Number, "noticed_at", read}
	if k.rescue(k.ctx, k.shard, k.stamp.Writer, r) {
		k.counts.anomaly(AnomalyRescued, 1)
		k.log.Warn("a message of the shard log has a position that was read before, with another message: the stream had lost its end; it is appended again", about...)
		return nil
	}
	k.counts.anomaly(AnomalyLost, 1)
	since, at := k.witness.Near(r.Position, read)
	k.log.Error("a message that the shard log had acknowledged is not in it", append(about, "after", since, "before", at)...)
	return k.f(Entry{Position: read - 1, Time: at, Since: since, Damage: &LostMessageError{
		Shard: k.shard, Position: r.Position, Writer: k.stamp.Writer, Number: r.Number,
	}})
}

func (k *consumption) missing(n, last uint64, t time.Time) error {
	k.counts.damaged.Add(n)
	k.counts.anomaly(AnomalyMissing, n)
	k.witness.Unreadable(last-n+1, last)
	since, _ := k.witness.Near(last-n+1, last)
	return k.f(Entry{Position: last, Time: t, Since: since, Damage: &DamagedMessageError{
		Shard: k.shard, Position: last, Missing: n, Cause: "missing from the log",
	}})
}

// writerName is a writer as people are told it.
func writerName(writer uint64) string { return fmt.Sprintf("%016x", writer) }

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
	shard  int // of a log's stream
	after  uint64
	each   func(m delivery) error
	// missing is told of n messages, up to the sequence last, that the stream should have and has not; nil: a gap is a *TrimmedError.
	missing func(n, last uint64, t time.Time) error
	// compare looks whether the stream still holds what was read, at the beginning of a session; nil: nobody asks.
	compare func(ctx context.Context, s *session, stream string, st jetstream.StreamState, read uint64) error
	// caughtUp, if not nil, is called once, when what the stream held at the start has been given.
	caughtUp func()
	target   uint64 // the last sequence of the stream at the start
	targeted bool
	beyond   time.Time // since when the stream seems to end before after, or not to be there; zero: it is as it should be
	made     time.Time // the stream; zero: not known yet
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
	if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	if err := r.same(s, info); err != nil {
		return err
	}
	first, last := firstOf(info.State), info.State.LastSeq
	if r.missing != nil && r.after+1 < first {
		r.counts.anomaly(AnomalyTrimmed, 1)
		return &stopError{&TrimmedError{Stream: r.stream, After: r.after, Next: first}}
	}
	if r.compare != nil {
		if err := r.compare(ctx, s, r.stream, info.State, r.after); err != nil {
			return err
		}
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
	ctx, end := context.WithCancel(ctx)
	defer end()
	var watching sync.WaitGroup
	defer watching.Wait()
	watching.Go(func() { r.watch(ctx, s, r.made, end) })
	defer end()
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
		r.counts.anomaly(AnomalyTrimmed, 1)
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
