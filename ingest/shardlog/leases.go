package shardlog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// A lease is the one message on its shard's subject: a commit's envelope with the owner's name as data, whose nonce tells
// this holding of the lease from all others. Taking the lease is a publish that expects the subject to be empty, renewing it a publish
// that expects the holder's last message; so there is one holder at most. The epoch is the sequence of the first message: it
// grows from holder to holder, also across restarts, because the stream keeps its last sequence.
//
// With a TTL (Config.LeaseTTL), the server deletes the message that long after it was stored. How its holder keeps it, and when it takes it for lost, is in
// lease_renew.go.
//
// Without a TTL only this process can hold leases: the server runs within it and listens to nobody, and the directory is locked.
// A lease then lasts until it is released or the log is closed, and needs no renewal. A lease found on the stream that is not
// among the process's own was held by a process that is gone (it had the lock), so it is taken over at once.

// holdings are the nonces of the leases that this process holds or is about to take.
type holdings struct {
	mu   sync.Mutex
	live map[uint64]struct{}
	// kept are those held that end when they are not renewed, by number.
	kept map[int]*lease
}

func (h *holdings) add() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.live == nil {
		h.live = map[uint64]struct{}{}
	}
	nonce := rand.Uint64()
	h.live[nonce] = struct{}{}
	return nonce
}

func (h *holdings) remove(nonce uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.live, nonce)
}

func (h *holdings) has(nonce uint64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, ok := h.live[nonce]
	return ok
}

// lease is one holding.
type lease struct {
	*client
	shard  int
	owner  string
	nonce  uint64
	packet []byte
	last   uint64    // the sequence of its last message
	since  time.Time // from when its TTL counts
	// renewed is since, for others than the holder's goroutine.
	renewed atomic.Pointer[time.Time]
}

var errLeaseTaken = errors.New("the lease is taken")

// Acquire implements Leases. held ends when the lease is lost or released or the log is closed; it does not end with ctx. release
// waits until others can take the lease, but not for long.
func (c *client) Acquire(ctx context.Context, shard int, owner string) (held context.Context, epoch uint64, release func(), err error) {
	if shard < 0 || shard >= leasesMax {
		return nil, 0, nil, fmt.Errorf("acquire lease: shard %d: want 0 to %d", shard, leasesMax-1)
	}
	l := &lease{client: c, shard: shard, owner: owner, nonce: c.holdings.add()}
	if l.packet, err = encodeCommit(l.nonce, []byte(owner)); err != nil {
		return nil, 0, nil, err
	}
	for {
		l.since = time.Now()
		l.last, err = l.take(ctx)
		if err == nil {
			held, release = l.hold()
			return held, l.last, release, nil
		}
		if !errors.Is(err, errLeaseTaken) {
			c.log.Debug("acquire lease: trying anew", "shard", shard, "error", err)
		}
		pause(ctx, c.timing.leasePoll)
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		if errors.Is(err, ErrClosed) || ctx.Err() != nil {
			c.holdings.remove(l.nonce)
			return nil, 0, nil, fmt.Errorf("acquire lease of shard %d: %w", shard, err)
		}
	}
}

// take tries once. An earlier try that got no answer may have succeeded.
func (l *lease) take(ctx context.Context) (uint64, error) {
	s, err := l.link.wait(ctx)
	if err != nil {
		return 0, err
	}
	seq, err := l.publish(ctx, s, 0)
	if !isWrongLast(err) {
		return seq, err
	}
	m, nonce, err := l.current(ctx, s)
	switch {
	case err != nil:
		return 0, err
	case m == nil:
		return 0, errLeaseTaken // until just now
	case nonce == l.nonce:
		// Its time counts from when it was stored, and that may be a while ago: it is renewed, and holds from now.
		l.since = time.Now()
		seq, err = l.publish(ctx, s, m.Sequence)
		if isWrongLast(err) {
			return 0, errLeaseTaken
		}
		return seq, err
	case l.cfg.LeaseTTL > 0 || l.holdings.has(nonce):
		return 0, errLeaseTaken
	}
	// Its holder is a process that is gone.
	seq, err = l.publish(ctx, s, m.Sequence)
	if isWrongLast(err) {
		return 0, errLeaseTaken
	}
	return seq, err
}

// publish writes the lease if the subject's last message is last.
func (l *lease) publish(ctx context.Context, s *session, last uint64) (uint64, error) {
	seq, err := s.publishAfter(ctx, leasesStream, leaseSubject(l.shard), last, l.packet)
	var stuck *streamFailedError
	if errors.Is(err, ErrUnknown) || errors.As(err, &stuck) {
		l.failed()
	}
	return seq, err
}

// current returns the message that is on the shard's subject, nil if there is none, and its nonce.
func (l *lease) current(ctx context.Context, s *session) (*jetstream.RawStreamMsg, uint64, error) {
	m, err := s.lastOf(ctx, leasesStream, leaseSubject(l.shard))
	if err != nil || m == nil {
		return nil, 0, err
	}
	if _, err := decodeCommit(m.Data); err != nil {
		// Unreadable, so it is not ours, and its TTL or the lack of one says what to do.
		return m, 0, nil
	}
	return m, binary.LittleEndian.Uint64(m.Data[envelopeHeadAt:]), nil
}

// release deletes the lease if it is still ours. If that fails, others wait for the TTL, or see that its holding has ended.
func (l *lease) release() {
	s, err := l.link.get()
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(l.ctx, releaseTimeout)
	defer cancel()
	err = s.purge(ctx, leasesStream, jetstream.WithPurgeSubject(leaseSubject(l.shard)), jetstream.WithPurgeSequence(l.last+1))
	if err != nil {
		l.log.Debug("release lease", "shard", l.shard, "error", err)
	}
}
