package shardlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/semaphore"

	"clew/ingest/shardlog/witness"
)

// client implements Log, Commits and Leases over a link to any NATS server.
type client struct {
	cfg    Config
	link   *link
	disk   *disk // nil when the disk is not ours to watch
	log    *slog.Logger
	counts counters
	timing timing
	// window bounds the bytes in flight.
	window *semaphore.Weighted
	// shards is how many Append takes, stored how many have a stream: as many, or more.
	shards, stored atomic.Int64
	// messageBytes is how large a message may be.
	messageBytes int
	// commitBytes is how large a commit may be, by the servers' max_payload; 0: as large as commits are made.
	commitBytes int
	// ctx ends with the log: what the leases' contexts derive from.
	ctx      context.Context
	cancel   context.CancelFunc
	holdings holdings
	// kick tells Run that a write has failed.
	kick chan struct{}
	// numbers stamps messages, if the processes that read them know stamps.
	numbers *witness.Numbers
	stamped atomic.Bool
	guard   guard
	// lastRead is what readers of this process have read last.
	lastRead readUpTo
	// goneSince is since when the stream of a shard is known not to exist, time.Time by number, of those whose reading ended for that.
	goneSince sync.Map
	// buffers holds *encoding.
	buffers sync.Pool
}

// encoding is the memory of a message being appended.
type encoding struct {
	bytes []byte
	stamp witness.Stamp
}

func newClient(cfg Config, timing timing) *client {
	c := &client{
		cfg: cfg, log: cfg.Logger, timing: timing, messageBytes: messageBytesMax,
		window: semaphore.NewWeighted(appendsBytesInFlight),
		kick:   make(chan struct{}, 1), numbers: witness.NewNumbers(),
	}
	c.buffers.New = func() any { return &encoding{} }
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// MessageBytesMax implements Log.
func (c *client) MessageBytesMax() int { return c.messageBytes }

// Shards is the number of shards that records are spread over.
func (c *client) Shards() int { return int(c.shards.Load()) }

// ShardsStored is the number of shards that have a stream: Shards, or more when it was larger once. The owners drain all.
func (c *client) ShardsStored() int { return int(c.stored.Load()) }

// shardsOpen is how many shards take appends. In a cluster those that are no more do too: processes learn of a smaller count one after the other, and
// all streams are drained.
func (c *client) shardsOpen() int {
	if c.cfg.Servers.Given() {
		return c.ShardsStored()
	}
	return c.Shards()
}

// Append implements Log.
func (c *client) Append(ctx context.Context, shard int, m *Message) (Position, error) {
	start := time.Now()
	if n := c.shardsOpen(); shard < 0 || shard >= n {
		return 0, fmt.Errorf("append: shard %d of %d", shard, n)
	}
	buf := c.buffers.Get().(*encoding)
	b, stamp, err := c.encode(buf, shard, m)
	if err != nil {
		c.buffers.Put(buf)
		return 0, err
	}
	p, err := c.append(ctx, shard, b)
	switch full := (*FullError)(nil); {
	case err == nil:
		c.counts.appended(len(b), time.Since(start))
		if stamp != nil {
			c.numbers.Acknowledged(shard, stamp.Number, p)
		}
		buf.bytes = b
		c.buffers.Put(buf)
		return p, nil
	case errors.As(err, &full):
		c.counts.refused(full.Reason)
	case errors.Is(err, ErrUnknown):
		c.counts.unknown.Add(1)
		c.failed()
	}
	return 0, fmt.Errorf("append to shard %d: %w", shard, err)
}

// encode makes a message's bytes in buf, stamped (nil: not) if all readers know stamps. Where receipts have no room they are left for the next message.
func (c *client) encode(buf *encoding, shard int, m *Message) ([]byte, *witness.Stamp, error) {
	if !c.stamped.Load() {
		b, err := encodeMessage(buf.bytes[:0], m, nil, c.messageBytes)
		return b, nil, err
	}
	c.numbers.Next(shard, &buf.stamp)
	b, err := encodeMessage(buf.bytes[:0], m, &buf.stamp, c.messageBytes)
	if errors.Is(err, ErrTooLarge) && len(buf.stamp.Receipts) > 0 {
		buf.stamp.Receipts = buf.stamp.Receipts[:0]
		b, err = encodeMessage(buf.bytes[:0], m, &buf.stamp, c.messageBytes)
	}
	return b, &buf.stamp, err
}

func (c *client) append(ctx context.Context, shard int, b []byte) (Position, error) {
	n := int64(len(b))
	if err := c.window.Acquire(ctx, n); err != nil {
		return 0, err
	}
	defer c.window.Release(n)
	if c.disk != nil {
		if err := c.disk.admit(n); err != nil {
			return 0, err
		}
		defer c.disk.release(n)
	}
	s, err := c.link.get()
	if err != nil {
		return 0, err
	}
	told, err := c.admit(ctx, shard)
	if err != nil {
		return 0, err
	}
	p, err := s.publish(ctx, logStream(shard), &nats.Msg{Subject: logSubject(shard), Data: b})
	if err != nil {
		return 0, c.asFull(err)
	}
	return p, c.judge(shard, p, told)
}

// asFull turns what says that nothing was written for want of space into a *FullError.
func (c *client) asFull(err error) error {
	if errors.Is(err, ErrUnknown) {
		return err
	}
	var stuck *streamFailedError
	if errors.As(err, &stuck) {
		c.failed()
		return &FullError{Reason: ReasonDisk, RetryAfter: retryAfterRestart, Detail: stuck.Error()}
	}
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		return err
	}
	switch api.ErrorCode {
	case errCodeStoreFailed: // the only reason that is answered: MaxBytes
		return &FullError{Reason: ReasonBytes, RetryAfter: retryAfterBytes, Detail: api.Description}
	case errCodeTooManyRequests, errCodeInsufficientResources, errCodeStorageExceeded:
		return &FullError{Reason: ReasonDisk, RetryAfter: retryAfterBytes, Detail: api.Description}
	}
	return err
}

// failed tells Run to look for streams that take no more writes.
func (c *client) failed() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// Trim implements Log. A position above the last one moves the last one up to it: what is appended next comes after position.
// An owner calls it with its committed position before it consumes: if the log has lost its end (a disk that lied about
// an fsync), positions that the commits know must not be given to other messages.
func (c *client) Trim(ctx context.Context, shard int, position Position) error {
	if err := c.checkStored(shard); err != nil {
		return err
	}
	s, err := c.link.wait(ctx)
	if err != nil {
		return err
	}
	if err := s.purge(ctx, logStream(shard), jetstream.WithPurgeSequence(position+1)); err != nil {
		return fmt.Errorf("trim shard %d to %d: %w", shard, position, asGone(err, shard))
	}
	c.Told(shard, position)
	return nil
}

// State implements Log.
func (c *client) State(ctx context.Context, shard int) (State, error) {
	if err := c.checkStored(shard); err != nil {
		return State{}, err
	}
	s, err := c.link.wait(ctx)
	if err != nil {
		return State{}, err
	}
	info, err := s.info(ctx, s.pubJS, logStream(shard))
	if err != nil {
		return State{}, fmt.Errorf("state of shard %d: %w", shard, asGone(err, shard))
	}
	return State{
		First: firstOf(info.State), Last: info.State.LastSeq,
		Bytes: int64(info.State.Bytes), BytesMax: info.Config.MaxBytes,
	}, nil
}

func (c *client) checkStored(shard int) error {
	if n := c.ShardsStored(); shard < 0 || shard >= n {
		return fmt.Errorf("shard %d of %d", shard, n)
	}
	return nil
}

// asGone names the error of a shard's stream that does not exist.
func asGone(err error, shard int) error {
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return &GoneError{Stream: logStream(shard), Shard: shard}
	}
	return err
}

// firstOf is the first sequence of a stream, LastSeq+1 when it is empty (JetStream says 0 for one that never held anything).
func firstOf(st jetstream.StreamState) uint64 {
	if st.Msgs == 0 {
		return st.LastSeq + 1
	}
	return st.FirstSeq
}
