package shardlog

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrClosed says that the log has been closed.
	ErrClosed = errors.New("shard log is closed")
	// ErrInUse says that another process has the log's directory open.
	ErrInUse = errors.New("another process has it open")
	// ErrTooLarge says that a message or commit exceeds what the log takes: nothing was written.
	ErrTooLarge = errors.New("larger than the log takes")
	// ErrUnknown says that the log did not answer: what was sent may or may not be in it.
	ErrUnknown = errors.New("no answer from the log: outcome unknown")
)

// DamagedMessageError says that what the log holds at a position is not what was written there, or that it holds nothing there.
type DamagedMessageError struct {
	Shard    int
	Position Position
	Missing  uint64 // if above 0: so many messages, up to and including Position, are gone
	Offset   int    // where in the message, if it is there
	Cause    string
}

func (e *DamagedMessageError) Error() string {
	if e.Missing > 0 {
		return fmt.Sprintf("messages %d to %d of shard %d: %s", e.Position-e.Missing+1, e.Position, e.Shard, e.Cause)
	}
	return fmt.Sprintf("message %d of shard %d is damaged at byte %d: %s", e.Position, e.Shard, e.Offset, e.Cause)
}

// LostMessageError says that the log acknowledged a message at a position where another one is, or none.
type LostMessageError struct {
	Shard    int
	Position Position
	Writer   uint64 // identity of the log that appended it, of one life of a process
	Number   uint64 // its own number for the message
}

func (e *LostMessageError) Error() string {
	return fmt.Sprintf("message %d of shard %d, number %d of writer %016x, was acknowledged and is not in the log", e.Position, e.Shard, e.Number, e.Writer)
}

// GoneError says that a shard's stream does not exist any more: somebody has deleted it, or NATS has lost it. See [Log.Remake].
type GoneError struct {
	Stream string
	Shard  int
}

func (e *GoneError) Error() string { return "NATS has no stream " + e.Stream + " any more" }

// RemadeError says that a stream is another than the reader began with: it was deleted and made anew, and its positions mean other messages.
type RemadeError struct {
	Stream   string
	Was, Now time.Time // when they were made
}

func (e *RemadeError) Error() string {
	return fmt.Sprintf("stream %s of %s was replaced by one of %s", e.Stream, e.Was.UTC().Format(time.RFC3339Nano), e.Now.UTC().Format(time.RFC3339Nano))
}

// UnknownVersionError says that a message is whole, and of a format that this program does not know (a newer one wrote it).
type UnknownVersionError struct {
	Shard    int
	Position Position
	Version  byte
	Known    byte
}

func (e *UnknownVersionError) Error() string {
	return fmt.Sprintf("message %d of shard %d has format version %d, this program knows %d", e.Position, e.Shard, e.Version, e.Known)
}

// TrimmedError says that a reader asked for entries that have been trimmed or purged: it has to start from what replaced
// them (a commit's position, a snapshot).
type TrimmedError struct {
	Stream string
	After  Position // where the reader wanted to go on
	Next   Position // the first entry that is still there
}

func (e *TrimmedError) Error() string {
	return fmt.Sprintf("%s: entries %d to %d are gone (trimmed)", e.Stream, e.After+1, e.Next-1)
}

// BeyondError says that a reader's position is above the last entry, or that other messages than it has read are at positions up to there: the log has lost its end, or is not the
// log that the position came from. See [Embedded.Trim] and [Log.Rescue].
type BeyondError struct {
	Stream string
	After  Position
	Last   Position
	Same   Position // up to here the stream holds what was read
}

func (e *BeyondError) Error() string {
	if e.After <= e.Last {
		return fmt.Sprintf("%s: messages %d to %d are others than those that were read there", e.Stream, e.Same+1, e.After)
	}
	return fmt.Sprintf("%s: position %d is beyond the last entry %d", e.Stream, e.After, e.Last)
}
