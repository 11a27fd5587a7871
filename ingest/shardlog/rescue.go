package shardlog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"clew/ingest/shardlog/witness"
)

// A stream that comes back with less than it had gives positions out again. Those who append know within a second up to where the owner has read, and take no position below that for
// a success (guard.go). In that second NATS may acknowledge messages at positions that the owner has read already, with others in them: it would never look there again, and trim
// them. This file is how they are found and kept.
//
// When NATS took a message tells it from another at the same position. So a reader that begins a session compares its last message with the stream, and a trim does too. If they
// differ, the messages in which both agree are a beginning of both: what comes after it, up to what was read, is new. The owner seals what it has read, and those
// are appended again, above.

// readUpTo is the last message that was read of each shard, for trims.
type readUpTo struct {
	mu   sync.Mutex
	last map[int]moment
}

type moment struct {
	position Position
	nanos    int64
}

func (r *readUpTo) note(shard int, p Position, nanos int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil {
		r.last = map[int]moment{}
	}
	r.last[shard] = moment{p, nanos}
}

func (r *readUpTo) of(shard int) (m moment, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m, known = r.last[shard]
	return m, known
}

func (r *readUpTo) forget(shard int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.last, shard)
}

// TrimRead implements Log.
func (c *client) TrimRead(ctx context.Context, shard int, position Position) error {
	if last, known := c.lastRead.of(shard); known && c.timing.watch > 0 {
		s, err := c.link.wait(ctx)
		if err != nil {
			return err
		}
		info, err := s.info(ctx, s.pubJS, logStream(shard))
		if err != nil {
			return fmt.Errorf("trim shard %d to %d: %w", shard, position, asGone(err, shard))
		}
		same := last.position <= info.State.LastSeq
		if same && last.position >= firstOf(info.State) {
			same, err = s.tookAt(ctx, logStream(shard), last.position, last.nanos)
		}
		if err != nil || !same {
			return errors.Join(fmt.Errorf("trim shard %d to %d: message %d is not what was read there", shard, position, last.position), err)
		}
	}
	return c.Trim(ctx, shard, position)
}

// tookAt says whether a stream's message at a position, if it is there, is the one that NATS took then.
func (s *session) tookAt(ctx context.Context, stream string, p Position, nanos int64) (bool, error) {
	m, err := s.at(ctx, stream, p)
	return err == nil && (m == nil || m.Time.UnixNano() == nanos), err
}

// at returns the message at a position, nil if there is none.
func (s *session) at(ctx context.Context, stream string, p Position) (*jetstream.RawStreamMsg, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	st, err := s.subJS.Stream(ctx, stream)
	if err != nil {
		return nil, err
	}
	m, err := st.GetMsg(ctx, p)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	return m, err
}

// agreed is up to where the stream holds what was read, which is nearly always all of it. It looks back from there, as far as the witness remembers.
func (k *consumption) agreed(ctx context.Context, s *session, st jetstream.StreamState, read Position) (Position, error) {
	top, differs := min(read, st.LastSeq), Position(0)
	for p := top; p >= max(firstOf(st), 1) && p+rescueMessages > top; p-- {
		nanos, known := k.witness.When(p)
		if !known {
			continue // reading began after it, or nothing could be read there
		}
		same, err := s.tookAt(ctx, logStream(k.shard), p, nanos)
		if err != nil {
			return 0, err
		}
		if same {
			break
		}
		differs = p
	}
	if differs > 0 {
		return differs - 1, nil
	}
	return top, nil
}

// compare ends the reading with a *BeyondError if the stream holds other messages than those that were read.
func (k *consumption) compare(ctx context.Context, s *session, stream string, st jetstream.StreamState, read Position) error {
	same, err := k.agreed(ctx, s, st, read)
	if err != nil || same == read {
		return err
	}
	k.counts.anomaly(AnomalySteppedBack, 1)
	beyond := &BeyondError{Stream: stream, After: read, Last: st.LastSeq, Same: same}
	k.log.Error("the stream holds other messages at positions that were read: it had lost its end", "shard", k.shard, "error", beyond)
	return &stopError{beyond}
}

// sameOf is agreed for a stream that ends before what was read. Where NATS does not say, all of it counts as the same.
func (k *consumption) sameOf(ctx context.Context, beyond *BeyondError) Position {
	s, err := k.link.wait(ctx)
	if err != nil {
		return beyond.Last
	}
	info, err := s.info(ctx, s.subJS, beyond.Stream)
	if err != nil {
		return beyond.Last
	}
	same, err := k.agreed(ctx, s, info.State, beyond.After)
	if err != nil {
		return beyond.Last
	}
	return same
}

// Rescue implements Log.
func (c *client) Rescue(ctx context.Context, shard int, same, position Position) (rescued int, err error) {
	list, err := c.unread(ctx, shard, same, position)
	if err != nil {
		return 0, fmt.Errorf("rescue messages %d to %d of shard %d: %w", same+1, position, shard, err)
	}
	if err := c.Trim(ctx, shard, position); err != nil {
		return 0, err
	}
	for i := range list {
		for tries := 1; ; tries++ {
			_, err := c.Append(ctx, shard, &list[i])
			if err == nil {
				rescued++
				c.counts.anomaly(AnomalyRescued, 1)
				break
			}
			if tries == rescueTries || ctx.Err() != nil {
				return rescued, fmt.Errorf("rescue: %d messages are not appended again: %w", len(list)-i, err)
			}
			pause(ctx, retryAfterBack/4)
		}
	}
	return rescued, nil
}

// unread are the messages after same, up to position, as they are to be appended again.
func (c *client) unread(ctx context.Context, shard int, same, position Position) (list []Message, err error) {
	s, err := c.link.wait(ctx)
	if err != nil {
		return nil, err
	}
	info, err := s.info(ctx, s.subJS, logStream(shard))
	if err != nil {
		return nil, err
	}
	bytes := 0
	for p := max(same+1, firstOf(info.State)); p <= min(position, info.State.LastSeq); p++ {
		m, err := s.at(ctx, logStream(shard), p)
		if err != nil {
			return nil, err
		}
		if m == nil {
			continue
		}
		if bytes += len(m.Data); bytes > rescueBytes {
			return nil, fmt.Errorf("from %d on they are more than %d bytes", p, rescueBytes)
		}
		var of witness.Stamp
		again, err := decodeMessage(m.Data, &of)
		if err != nil {
			c.counts.anomaly(anomalyOf(err), 1)
			c.log.Error("a message that would be appended again can't be read", "shard", shard, "position", p, "error", err)
			continue
		}
		list = append(list, copyOf(again, of, m.Time))
	}
	return list, nil
}

// copyOf is a message as it is appended again. Its records get a source of their own: those of later batches of their sources may have been taken already, and whoever tells
// repetitions by their order would drop them. The source is the same however often the message is appended again, so that it is taken once.
func copyOf(m Message, of witness.Stamp, took time.Time) Message {
	id := fmt.Sprintf("rescued/%016x/%d", of.Writer, of.Number)
	if of.Writer == 0 {
		id = fmt.Sprintf("rescued/%d", took.UnixNano())
	}
	m.Sources = []SourceSeq{{ID: id, Seq: 1, Count: uint32(m.Records)}}
	return m
}

// rescue appends the message of a receipt again if it is at its position.
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
	m, err := s.at(ctx, logStream(shard), r.Position)
	if err != nil || m == nil {
		return false, err
	}
	var of witness.Stamp
	again, err := decodeMessage(m.Data, &of)
	if err != nil || of.Writer != writer || of.Number != r.Number {
		return false, nil // another one is there
	}
	again = copyOf(again, of, m.Time)
	_, err = c.Append(ctx, shard, &again)
	return err == nil, err
}
