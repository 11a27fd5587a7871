package shardlog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"clew/ingest/shardlog/witness"
	"clew/internal/telemetry"
)

// The envelope is how a Message lies in the log. Integers are little endian, uvarint is encoding/binary's.
//
//	offset  size      field
//	0       4         magic "CLWM"
//	4       1         format version, 2 or 3
//	5       4         CRC32C of bytes 0-4 and of everything from byte 9 on
//	9       1         signal: 1 spans, 2 logs, 3 metrics
//	10      uvarint   t, length of the tenant (1 to 150)
//	        t         tenant
//	        uvarint   records
//	        uvarint   n, number of sources
//	        n times   uvarint length of the id (1 to 256), id, uvarint seq, uvarint count, uvarint first
//	                  the writer's stamp (package witness), some 60 bytes
//	        rest      payload (telemetry.Encode's form)
//
// Version 2 has no stamp, and is written while a process is there that reads no newer one. Version 1, which is read only, has no first either: it is 0.
//
// Magic, version and CRC keep their places in every version. So the CRC is checked first, and a whole message of a newer version is told
// from a damaged one.
//
// The envelope of a commit is
//
//	0       4         magic "CLWC"
//	4       1         format version, now 1
//	5       4         CRC32C as above
//	9       8         nonce: tells this commit from another with the same data
//	17      rest      data
const (
	messageMagic  = "CLWM"
	commitMagic   = "CLWC"
	commitVersion = 1

	messageVersion        = 3 // the newest
	messageVersionPlain   = 2 // without a stamp
	messageVersionStamped = 3

	crcAt          = 5
	envelopeHeadAt = 9
	commitDataAt   = envelopeHeadAt + 8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encodeMessage appends m's envelope to dst, with a stamp if there is one. Errors: m breaks a bound; ErrTooLarge.
func encodeMessage(dst []byte, m *Message, s *witness.Stamp, bytesMax int) ([]byte, error) {
	if err := telemetry.CheckTenant(m.Tenant); err != nil {
		return nil, err
	}
	if m.Signal < telemetry.Spans || m.Signal > telemetry.Metrics {
		return nil, fmt.Errorf("encode message: %s: want spans, logs or metrics", m.Signal)
	}
	if m.Records < 0 || m.Records > recordsMax {
		return nil, fmt.Errorf("encode message: %d records: want 0 to %d", m.Records, recordsMax)
	}
	if len(m.Sources) > sourcesMax {
		return nil, fmt.Errorf("encode message: %d sources: want at most %d", len(m.Sources), sourcesMax)
	}
	start := len(dst)
	version := byte(messageVersionPlain)
	if s != nil {
		version = messageVersionStamped
	}
	dst = appendHead(dst, messageMagic, version)
	dst = append(dst, byte(m.Signal))
	dst = binary.AppendUvarint(dst, uint64(len(m.Tenant)))
	dst = append(dst, m.Tenant...)
	dst = binary.AppendUvarint(dst, uint64(m.Records))
	dst = binary.AppendUvarint(dst, uint64(len(m.Sources)))
	for i := range m.Sources {
		src := &m.Sources[i]
		if src.ID == "" || len(src.ID) > sourceIDBytesMax {
			return nil, fmt.Errorf("encode message: source %.40q: want an id of 1 to %d bytes", src.ID, sourceIDBytesMax)
		}
		dst = binary.AppendUvarint(dst, uint64(len(src.ID)))
		dst = append(dst, src.ID...)
		dst = binary.AppendUvarint(dst, src.Seq)
		dst = binary.AppendUvarint(dst, uint64(src.Count))
		dst = binary.AppendUvarint(dst, uint64(src.First))
	}
	if s != nil {
		dst = s.Append(dst)
	}
	if n := len(dst) - start + len(m.Batch); n > bytesMax {
		return nil, fmt.Errorf("encode message: %d bytes, at most %d: %w", n, bytesMax, ErrTooLarge)
	}
	dst = append(dst, m.Batch...)
	seal(dst[start:])
	return dst, nil
}

// appendHead appends magic, version and room for the CRC.
func appendHead(dst []byte, magic string, version byte) []byte {
	dst = append(dst, magic...)
	return append(dst, version, 0, 0, 0, 0)
}

func seal(b []byte) {
	binary.LittleEndian.PutUint32(b[crcAt:], envelopeCRC(b))
}

func envelopeCRC(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:crcAt], castagnoli), castagnoli, b[envelopeHeadAt:])
}

// checkHead checks magic, CRC and version of b, in this order; known is the newest version. Shard and Position are for the caller to fill in.
func checkHead(b []byte, magic string, known byte) error {
	if len(b) < envelopeHeadAt {
		return &DamagedMessageError{Offset: len(b), Cause: fmt.Sprintf("%d bytes are too few for an envelope", len(b))}
	}
	if string(b[:4]) != magic {
		return &DamagedMessageError{Offset: 0, Cause: fmt.Sprintf("magic is %q, want %q", b[:4], magic)}
	}
	if have, want := envelopeCRC(b), binary.LittleEndian.Uint32(b[crcAt:]); have != want {
		return &DamagedMessageError{Offset: crcAt, Cause: fmt.Sprintf("checksum is %08x, want %08x", have, want)}
	}
	if b[4] < 1 || b[4] > known {
		return &UnknownVersionError{Version: b[4], Known: known}
	}
	return nil
}

// decodeMessage is the inverse of encodeMessage. Batch aliases b; s gets the stamp, zero if there is none. Errors: *DamagedMessageError, *UnknownVersionError.
func decodeMessage(b []byte, s *witness.Stamp) (Message, error) {
	*s = witness.Stamp{Receipts: s.Receipts[:0]}
	if err := checkHead(b, messageMagic, messageVersion); err != nil {
		return Message{}, err
	}
	r := envelopeReader{b: b, at: envelopeHeadAt}
	m := Message{Signal: telemetry.Signal(r.byte())}
	if m.Signal < telemetry.Spans || m.Signal > telemetry.Metrics {
		r.fail("unknown signal")
	}
	m.Tenant = r.string(1 << 10)
	if r.err == nil {
		if err := telemetry.CheckTenant(m.Tenant); err != nil {
			r.fail(err.Error())
		}
	}
	m.Records = int(r.uvarint(recordsMax))
	// A source takes three bytes at least: a claim beyond that must not size an allocation.
	n := r.uvarint(uint64(min(sourcesMax, (len(b)-min(r.at, len(b)))/3)))
	if n > 0 && r.err == nil {
		m.Sources = make([]SourceSeq, n)
		for i := range m.Sources {
			m.Sources[i] = SourceSeq{
				ID:    r.string(sourceIDBytesMax),
				Seq:   r.uvarint(1<<64 - 1),
				Count: uint32(r.uvarint(1<<32 - 1)),
			}
			if b[4] >= 2 {
				m.Sources[i].First = uint32(r.uvarint(1<<32 - 1))
			}
		}
	}
	if b[4] >= messageVersionStamped {
		r.stamp(s)
	}
	if r.err != nil {
		return Message{}, r.err
	}
	m.Batch = b[r.at:len(b):len(b)]
	return m, nil
}

// envelopeReader reads fields until the first error, after which it returns zeros.
type envelopeReader struct {
	b   []byte
	at  int
	err error
}

func (r *envelopeReader) fail(cause string) {
	if r.err == nil {
		r.err = &DamagedMessageError{Offset: r.at, Cause: cause}
	}
}

func (r *envelopeReader) byte() byte {
	if r.err != nil || r.at >= len(r.b) {
		r.fail("ends too early")
		return 0
	}
	r.at++
	return r.b[r.at-1]
}

func (r *envelopeReader) stamp(s *witness.Stamp) {
	if r.err != nil {
		return
	}
	n, cause := s.Read(r.b[r.at:])
	r.at += n
	if cause != "" {
		r.fail(cause)
	}
}

func (r *envelopeReader) uvarint(most uint64) uint64 {
	if r.err != nil {
		return 0
	}
	v, n := binary.Uvarint(r.b[r.at:])
	if n <= 0 {
		r.fail("bad number")
		return 0
	}
	if v > most {
		r.fail(fmt.Sprintf("%d where at most %d is possible", v, most))
		return 0
	}
	r.at += n
	return v
}

// string reads a string of 1 to most bytes.
func (r *envelopeReader) string(most int) string {
	n := int(r.uvarint(uint64(most)))
	if r.err != nil {
		return ""
	}
	if n == 0 || n > len(r.b)-r.at {
		r.fail(fmt.Sprintf("a name of %d bytes", n))
		return ""
	}
	r.at += n
	return string(r.b[r.at-n : r.at])
}

// encodeCommit returns the envelope of a commit.
func encodeCommit(nonce uint64, data []byte) ([]byte, error) {
	if n := commitDataAt + len(data); n > commitBytesMax {
		return nil, fmt.Errorf("encode commit: %d bytes, at most %d: %w", n, commitBytesMax, ErrTooLarge)
	}
	b := make([]byte, 0, commitDataAt+len(data))
	b = appendHead(b, commitMagic, commitVersion)
	b = binary.LittleEndian.AppendUint64(b, nonce)
	b = append(b, data...)
	seal(b)
	return b, nil
}

// decodeCommit returns a commit's data, which aliases b.
func decodeCommit(b []byte) ([]byte, error) {
	if err := checkHead(b, commitMagic, commitVersion); err != nil {
		return nil, err
	}
	if len(b) < commitDataAt {
		return nil, &DamagedMessageError{Offset: len(b), Cause: "ends too early"}
	}
	return b[commitDataAt:len(b):len(b)], nil
}
