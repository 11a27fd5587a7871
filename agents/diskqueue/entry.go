package diskqueue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Origin is where records come from.
type Origin struct {
	Kind string `json:"kind"` // file, journald, otlp, syslog, prometheus, host
	Name string `json:"name"` // which of that kind: a path, a scope; may be empty
}

// Tally is a number of records of an origin.
type Tally struct {
	Origin
	Records int
}

// Mark is what a source wants to find again exactly as it was when the entry was queued: it becomes durable with the entry or not at all. The last value of
// a key is the one that counts.
type Mark struct {
	Key   string
	Value []byte
}

// Entry is what is queued at once.
type Entry struct {
	// Payload is an OTLP export request's protobuf bytes. Requests are merged by putting them one behind the other, which protobuf allows.
	Payload []byte
	Tallies []Tally
	Marks   []Mark
	// Waits says that the source can be told to wait, and loses nothing by it.
	Waits bool
}

func (e *Entry) records() int {
	n := 0
	for _, t := range e.Tallies {
		n += t.Records
	}
	return n
}

// stored is an entry as it is in a lane's log:
//
//	byte     format version, 1
//	uint32   CRC32C of what follows, little endian
//	uvarint  seq, the batch's number
//	uvarint  bytes of the payload before compression
//	uvarint  n, then n tallies: kind, name (uvarint length, bytes), uvarint records
//	uvarint  n, then n marks: key, value (uvarint length, bytes)
//	rest     the payload, zstd
//
// The checksum is our own: the log's covers what a torn write leaves at the end, not what a disk changes later.
type stored struct {
	seq     uint64
	raw     int
	tallies []Tally
	marks   []Mark
	packed  []byte
}

const entryVersion = 1

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// DamagedError is an entry that is not what was written.
type DamagedError struct {
	Lane  string
	Index uint64
	Err   error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("damaged entry %d of the queue of %s: %v", e.Index, e.Lane, e.Err)
}

// Unwrap gives what is wrong with it.
func (e *DamagedError) Unwrap() error { return e.Err }

func appendText[T string | []byte](b []byte, s T) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// encode makes the log's bytes.
func (s *stored) encode() []byte {
	b := make([]byte, 5, 64+len(s.packed))
	b[0] = entryVersion
	b = binary.AppendUvarint(b, s.seq)
	b = binary.AppendUvarint(b, uint64(s.raw))
	b = binary.AppendUvarint(b, uint64(len(s.tallies)))
	for _, t := range s.tallies {
		b = appendText(b, t.Kind)
		b = appendText(b, t.Name)
		b = binary.AppendUvarint(b, uint64(t.Records))
	}
	b = binary.AppendUvarint(b, uint64(len(s.marks)))
	for _, m := range s.marks {
		b = appendText(b, m.Key)
		b = appendText(b, m.Value)
	}
	b = append(b, s.packed...)
	binary.LittleEndian.PutUint32(b[1:], crc32.Checksum(b[5:], castagnoli))
	return b
}

var errShort = errors.New("it ends early")

// decode reads what encode made. The result keeps parts of b.
func decode(b []byte) (*stored, error) {
	if len(b) < 5 {
		return nil, errShort
	}
	if b[0] != entryVersion {
		return nil, fmt.Errorf("format version %d, want %d", b[0], entryVersion)
	}
	if crc32.Checksum(b[5:], castagnoli) != binary.LittleEndian.Uint32(b[1:]) {
		return nil, errors.New("its checksum is another")
	}
	r := reader{b: b[5:]}
	s := &stored{seq: r.number(1 << 62), raw: int(r.number(entryBytesMax))}
	// A tally takes three bytes at least, a mark two: a claim beyond that must not size an allocation.
	for n := r.number(uint64(len(r.b))); n > 0 && r.err == nil; n-- {
		s.tallies = append(s.tallies, Tally{Origin{string(r.text()), string(r.text())}, int(r.number(1 << 31))})
	}
	for n := r.number(uint64(len(r.b))); n > 0 && r.err == nil; n-- {
		s.marks = append(s.marks, Mark{string(r.text()), r.text()})
	}
	s.packed = r.b
	return s, r.err
}

// reader reads a header; after an error it gives zeros.
type reader struct {
	b   []byte
	err error
}

func (r *reader) number(limit uint64) uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > limit {
		if r.err == nil {
			r.err = errShort
		}
		r.b = nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) text() []byte {
	n := r.number(nameBytesMax)
	if r.err == nil && n > uint64(len(r.b)) {
		r.err, r.b = errShort, nil
	}
	if r.err != nil {
		return nil
	}
	text := r.b[:n:n]
	r.b = r.b[n:]
	return text
}

// packer is one for the process: it keeps about a megabyte, and an agent has little.
var packer = sync.OnceValues(func() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(256<<10), zstd.WithLowerEncoderMem(true))
})

func pack(payload []byte) ([]byte, error) {
	z, err := packer()
	if err != nil {
		return nil, err
	}
	return z.EncodeAll(payload, make([]byte, 0, len(payload)/4)), nil
}
