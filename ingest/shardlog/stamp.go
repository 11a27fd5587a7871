package shardlog

import "encoding/binary"

// stamp is what the log writes on a message beside what it was given: who wrote it, the writer's own number for it in this shard, and receipts.
//
// JetStream numbers messages too, but its numbers cannot tell that one was lost that it had acknowledged: a server that comes back with less than it had gives the
// same numbers to other messages. A receipt can: it is the writer's word that its message Number was acknowledged at Position. A reader that met something else
// there knows that an acknowledged message is gone (witness.go). A number without a receipt proves nothing: its append may have been refused, or had no answer, and
// may come later than higher ones.
//
// Each message carries the receipts of the writer's latest acknowledged ones, so that most reach the reader even if the stream loses many at its end, receipts and all.
type stamp struct {
	Writer   uint64    // random, of one life of a process's log; 0: the message has no stamp (before version 3)
	Number   uint64    // ascending from 1 in each shard; it is used once, whatever becomes of the append
	Receipts []receipt // in the order of the acknowledgements
}

// receipt says that the log acknowledged the writer's message Number at Position.
type receipt struct {
	Number   uint64
	Position Position
}

// appendStamp appends s:
//
//	8        writer
//	uvarint  number
//	uvarint  k, receipts (at most 16)
//	k times  uvarint number, as how far it is below the message's; varint position, as how far it is above the one before (of the first: above 0)
func appendStamp(dst []byte, s *stamp) []byte {
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

// stamp reads what appendStamp wrote into s, whose memory is used again.
func (r *envelopeReader) stamp(s *stamp) {
	s.Writer = r.uint64()
	if s.Writer == 0 {
		r.fail("a stamp without a writer")
	}
	s.Number = r.uvarint(1<<64 - 1)
	if s.Number == 0 {
		r.fail("a stamp without a number")
	}
	n := int(r.uvarint(receiptsMax))
	before := Position(0)
	for range n {
		back := r.uvarint(1<<64 - 1)
		if back == 0 || back >= s.Number {
			r.fail("a receipt for a message that was not before")
		}
		before += Position(r.varint())
		s.Receipts = append(s.Receipts, receipt{s.Number - back, before})
	}
}
