package shardlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Commit implements Commits. Errors: ErrFenced; ErrTooLarge; *FullError when nothing was written because the log is being restarted;
// ErrUnknown only when ctx ended before the outcome could be found out.
//
// The server compares last and writes in one step. So the same commit can be sent again when an answer is missing: either it takes its
// place now, or the place is taken, by this very commit (its bytes say so: they hold a nonce) or by another owner's.
func (c *client) Commit(ctx context.Context, shard int, last uint64, data []byte) (uint64, error) {
	if shard < 0 || shard >= shardsMax {
		return 0, fmt.Errorf("commit: shard %d: want 0 to %d", shard, shardsMax-1)
	}
	b, err := encodeCommit(rand.Uint64(), data)
	if err != nil {
		return 0, err
	}
	if c.commitBytes > 0 && len(b) > c.commitBytes {
		return 0, fmt.Errorf("commit to shard %d: %d bytes, and the servers' max_payload takes %d: %w", shard, len(b), c.commitBytes, ErrTooLarge)
	}
	seq, err := c.commit(ctx, shard, last, b)
	switch {
	case err == nil:
		c.counts.commits.Add(1)
		return seq, nil
	case errors.Is(err, ErrFenced):
		c.counts.fenced.Add(1)
	}
	return 0, fmt.Errorf("commit to shard %d after %d: %w", shard, last, err)
}

func (c *client) commit(ctx context.Context, shard int, last uint64, b []byte) (uint64, error) {
	s, err := c.link.get()
	if err != nil {
		return 0, err
	}
	seq, err := s.publishAfter(ctx, commitsStream, commitSubject(shard), last, b)
	if err := c.asFull(err); !errors.Is(err, ErrUnknown) {
		if isWrongLast(err) {
			return 0, ErrFenced
		}
		return seq, err
	}
	unknown := err
	for ctx.Err() == nil {
		c.failed()
		seq, err := c.resolve(ctx, shard, last, b)
		if err == nil || errors.Is(err, ErrFenced) || errors.Is(err, ErrClosed) {
			return seq, err
		}
		c.log.Debug("commit: finding out what became of it", "shard", shard, "error", err)
		pause(ctx, reconnectWait)
	}
	return 0, unknown
}

// resolve sends a commit again, and looks whose commit is there if it is refused.
func (c *client) resolve(ctx context.Context, shard int, last uint64, b []byte) (uint64, error) {
	s, err := c.link.wait(ctx)
	if err != nil {
		return 0, err
	}
	seq, err := s.publishAfter(ctx, commitsStream, commitSubject(shard), last, b)
	if !isWrongLast(err) {
		return seq, err
	}
	m, err := s.lastOf(ctx, commitsStream, commitSubject(shard))
	if err != nil {
		return 0, err
	}
	if m != nil && bytes.Equal(m.Data, b) {
		return m.Sequence, nil
	}
	return 0, ErrFenced
}

// publishAfter publishes if the subject's last message is last (0: there is none).
func (s *session) publishAfter(ctx context.Context, stream, subject string, last uint64, b []byte) (uint64, error) {
	return s.publish(ctx, stream, &nats.Msg{Subject: subject, Data: b}, jetstream.WithExpectLastSequencePerSubject(last))
}

func isWrongLast(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) &&
		(api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// Follow implements Commits. Errors besides f's and ctx's: *TrimmedError (commits after sequence have been purged: start from a snapshot),
// *BeyondError, *DamagedMessageError, *UnknownVersionError, ErrClosed.
func (c *client) Follow(ctx context.Context, after uint64, f func(seq uint64, shard int, data []byte) error, caughtUp func()) error {
	r := reader{
		client: c, stream: commitsStream, after: after, caughtUp: caughtUp,
		each: func(m delivery) error {
			shard, err := strconv.Atoi(strings.TrimPrefix(m.subject, commitSubjectPrefix))
			if err != nil {
				return fmt.Errorf("commit %d: subject %q names no shard", m.seq, m.subject)
			}
			data, err := decodeCommit(m.data)
			if err != nil {
				return fmt.Errorf("commit %d: %w", m.seq, locate(err, shard, m.seq))
			}
			return f(m.seq, shard, data)
		},
	}
	return r.run(ctx)
}

// Purge implements Commits. The last commit of every shard stays, whatever upTo says: the fence compares with it. A follower that
// lags behind upTo notices the gap.
func (c *client) Purge(ctx context.Context, upTo uint64) error {
	s, err := c.link.wait(ctx)
	if err != nil {
		return err
	}
	if err := c.purgeCommits(ctx, s, upTo); err != nil {
		return fmt.Errorf("purge commits up to %d: %w", upTo, err)
	}
	return nil
}

func (c *client) purgeCommits(ctx context.Context, s *session, upTo uint64) error {
	st, err := s.pubJS.Stream(ctx, commitsStream)
	if err != nil {
		return err
	}
	info, err := st.Info(ctx, jetstream.WithSubjectFilter(commitSubjectPrefix+"*"))
	if err != nil {
		return err
	}
	for subject := range info.State.Subjects {
		last, err := s.lastOf(ctx, commitsStream, subject)
		if err != nil {
			return err
		}
		if last == nil {
			continue
		}
		// What is below the sequence goes; 1 would mean nothing, and 0 everything.
		below := min(upTo+1, last.Sequence)
		if below <= 1 {
			continue
		}
		if err := st.Purge(ctx, jetstream.WithPurgeSubject(subject), jetstream.WithPurgeSequence(below)); err != nil {
			return err
		}
	}
	return nil
}
