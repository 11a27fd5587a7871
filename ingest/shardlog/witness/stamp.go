// Package witness is how a log is held to its word. A writer stamps its messages (Numbers, Stamp) with numbers of its own, and with receipts for what the log has
// acknowledged; a reader compares what it meets with them (Witness). It knows nothing of how messages travel.
package witness

import "encoding/binary"

// Position is a message's place in its shard's log, from 1.
type Position = uint64

// Stamp is what the log writes on a message beside what it was given: who wrote it, the writer's own number for it in this shard, and receipts.
//
// JetStream numbers messages too, but its numbers cannot tell that one was lost that it had acknowledged: a server that comes back with less than it had gives the
// same numbers to other messages. A receipt can: it is the writer's word that its message Number was acknowledged at Position. A reader that met something else
// there knows that an acknowledged message is gone (witness.go). A number without a receipt proves nothing: its append may have been refused, or had no answer, and
// may come later than higher ones.
//
// Each message carries the receipts of the writer's latest acknowledged ones, so that most reach the reader even if the stream loses many at its end, receipts and all.
type Stamp struct {
	Writer   uint64    // random, of one life of a process's log; 0: the message has no stamp (before version 3)
	Number   uint64    // ascending from 1 in each shard; it is used once, whatever becomes of the append
	Receipts []Receipt // in the order of the acknowledgements
}

// Receipt says that the log acknowledged the writer's message Number at Position.
type Receipt struct {
	Number   uint64
	Position Position
}

// Append appends s to dst:
//
//	8        writer
//	uvarint  number
//	uvarint  k, receipts (at most 16)
//	k times  uvarint number, as how far it is below the message's; varint position, as how far it is above the one before (of the first: above 0)
func (s *Stamp) Append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, s.Writer)
	dst = binary.AppendUvarint(dst, s.Number)
	dst = binary.AppendUvarint(dst, uint64(len(s.Receipts)))
	before := Position(0)
	for _, r := range s.Receipts {
		dst = binary.AppendUvarint(dst, s.Number-r.Number)
		dst = binary.AppendVarint(dst, int64(r.Position-before))
		before = r.Position
	}
	return dst
}

// Read reads what Append wrote at the beginning of b into s, whose memory is used again. It returns how many bytes that was; where it fails, how far it came and what is wrong.
func (s *Stamp) Read(b []byte) (n int, cause string) {
	if len(b) < 8 {
		return 0, "ends too early"
	}
	at := 8
	uvarint := func(most uint64) uint64 {
		if cause != "" {
			return 0
		}
		v, k := binary.Uvarint(b[at:])
		if k <= 0 || v > most {
			cause = "bad number in a stamp"
			return 0
		}
		at += k
		return v
	}
	s.Writer, s.Number = binary.LittleEndian.Uint64(b), uvarint(1<<64-1)
	receipts := int(uvarint(ReceiptsMax))
	if cause == "" && (s.Writer == 0 || s.Number == 0) {
		return at, "a stamp without a writer or a number"
	}
	before := Position(0)
	for range receipts {
		back := uvarint(1<<64 - 1)
		if cause == "" && (back == 0 || back >= s.Number) {
			return at, "a receipt for a message that was not before"
		}
		above, k := binary.Varint(b[at:])
		if cause == "" && k <= 0 {
			cause = "bad position in a stamp"
		}
		if cause != "" {
			return at, cause
		}
		at += k
		before += Position(above)
		s.Receipts = append(s.Receipts, Receipt{s.Number - back, before})
	}
	return at, cause
}
