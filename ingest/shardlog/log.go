// Package shardlog is the durable log between collectors and ingest: one NATS JetStream stream per shard, plus the streams of
// commits and the leases of shard owners. A successful Append means that the message has been fsynced (one node) or accepted by a
// quorum (cluster).
//
// [Embedded] runs the NATS server within the process, on a directory that is locked, with every write fsynced. What it adds to JetStream:
//
//   - an envelope with a checksum around every message and commit, checked when it is read (envelope.go);
//   - refusal before the disk is full, and a restart of the server if it fills up nevertheless (disk.go, Embedded.Run);
//   - readers that keep their own position and outlast restarts; that report what is damaged or missing and go on;
//   - commits whose outcome is always known, by sending the same one again under the same expectation (commits.go);
//   - leases that a crash does not leave behind (leases.go).
//
// What it cannot mend: after a crash, JetStream cuts a block (8 MB) off at the first record that fails its checksum. A disk that
// has changed fsynced bytes can so take more than the record that it changed, and at the very end of the log nothing tells that there
// was more. JetStream does not fsync the directory when it creates a block's file; ext4, xfs and btrfs make the name durable with
// the file's own fsync.
package shardlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clew/internal/telemetry"
)

// Position is a message's sequence in its shard's stream. Positions start at 1; 0 is before the first.
type Position = uint64

// SourceSeq says that a message's next Count records are records First to First+Count of a source's batch Seq, as far as the batch is for this
// shard. The owner drops what it has seen: batches before the last one consumed from this source, and of that one the records
// before the last consumed. So a batch may be spread over several messages, cut anywhere, and be sent again, cut elsewhere, after a crash in between.
type SourceSeq struct {
	ID    string // unique to one life of the source
	Seq   uint64 // ascending within ID
	Count uint32 // records
	First uint32 // records of the batch that are in earlier messages
}

// Message is one entry of the log.
type Message struct {
	Tenant  string
	Signal  telemetry.Signal
	Sources []SourceSeq
	Records int    // records in Batch
	Batch   []byte // telemetry.Encode's form
}

// Log appends to, reads and trims the shards' streams. Safe for concurrent use.
type Log interface {
	// MessageBytesMax is how large an encoded Message may be.
	MessageBytesMax() int
	// Append returns once m is durable. *FullError: refused before anything was written. Any other error: unknown, m may
	// or may not be in the log (repeat it with the same sources). m is not kept.
	Append(ctx context.Context, shard int, m *Message) (Position, error)
	// Consume calls f with every message after position, in order, and waits for more, until ctx ends or f fails. A message that
	// is damaged is given as a *DamagedMessageError in e.Damage, with Message empty; consuming goes on. Messages that are missing come as
	// one Entry at the last position of the gap, and each that was acknowledged and has another one in its place as one with a *LostMessageError, at the position
	// read last. A position before what has been trimmed is a *TrimmedError, one above the last position a *BeyondError. A stream that does not exist any more is a
	// *GoneError, one that was made anew meanwhile a *RemadeError.
	Consume(ctx context.Context, shard int, after Position, f func(e Entry) error) error
	// Trim removes messages up to and including position. A position above the last one moves the last one up to it, so
	// that an owner who trims to its committed position before it consumes never meets a committed position again.
	Trim(ctx context.Context, shard int, position Position) error
	// TrimRead is Trim by an owner that reads. It fails, and removes nothing, if the stream does not hold what was read last: messages that nobody has read may be below.
	TrimRead(ctx context.Context, shard int, position Position) error
	// Rescue is for the owner of a shard whose reading ended with a *BeyondError, once all that it had read is in segments. It trims to position, and appends the messages after
	// same, up to there, again: they were acknowledged, and nobody has read them.
	Rescue(ctx context.Context, shard int, same, position Position) (rescued int, err error)
	// State is the stream's first and last position and its size. *GoneError: there is none.
	State(ctx context.Context, shard int) (State, error)
	// Remake makes the shard's stream anew if it stays away, so that what is appended comes after position. It is for the shard's owner alone, who
	// says up to where positions have had a meaning. made says that it did; the stream may have come back.
	Remake(ctx context.Context, shard int, position Position) (made bool, err error)
}

// Entry is a message read back.
type Entry struct {
	Position Position
	Time     time.Time // when the log accepted it, or the first message after what is missing
	Message  Message   // Batch aliases memory that f may keep
	Damage   error
	Since    time.Time // of what is missing: when the log accepted the message before it; zero: not known
}

// State describes a shard's stream. First is Last+1 when empty.
type State struct {
	First, Last Position
	Bytes       int64
	BytesMax    int64
}

// FullError says why the log refuses: nothing was written, try again after RetryAfter.
type FullError struct {
	Reason     string // "disk", "bytes"
	RetryAfter time.Duration
	Detail     string
}

func (e *FullError) Error() string {
	return fmt.Sprintf("shard log is full (%s): %s", e.Reason, e.Detail)
}

// ErrFenced says that another owner has committed since: this owner must stop.
var ErrFenced = errors.New("fenced: the shard has another owner")

// Commits is the stream of each shard's commits. Data is opaque here (index/catalog gives it meaning).
type Commits interface {
	// Commit publishes data if last is still the shard's latest commit (0: none yet); else ErrFenced. It returns the new commit's sequence.
	// A commit whose outcome is unknown is resolved by reading back before Commit returns.
	Commit(ctx context.Context, shard int, last uint64, data []byte) (seq uint64, err error)
	// Follow calls f with every commit of every shard after sequence, in order, and waits for more. caughtUp is called once when
	// all that existed at the call has been given.
	Follow(ctx context.Context, after uint64, f func(seq uint64, shard int, data []byte) error, caughtUp func()) error
	// Purge forgets commits up to and including sequence (a snapshot holds them).
	Purge(ctx context.Context, upTo uint64) error
}

// Leases elect the owner of each shard.
type Leases interface {
	// Acquire waits until the shard's lease is ours and returns a context that ends when it is lost, with the lease's epoch.
	Acquire(ctx context.Context, shard int, owner string) (held context.Context, epoch uint64, release func(), err error)
	// Unrenewed is how long ago the shard's lease, held by this process, was renewed; 0: it is not held here, or needs no renewal. Beyond what leases last
	// another process may have taken the shard, without this one having heard of it.
	Unrenewed(shard int, now time.Time) time.Duration
}
