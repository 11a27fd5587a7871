package telemetry

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"sync"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/klauspost/compress/s2"
)

// The wire form of a batch. Integers are little endian.
//
//	offset  bytes
//	 0      4      magic "CLWB"
//	 4      1      version, 1
//	 5      1      signal
//	 6      2      length of the tenant
//	 8      4      records
//	12      4      length of Sets, a table as encode_table.go describes it (0: none)
//	16      4      length of Rows, likewise
//	20      4      length of OTLP
//	24      4      length of the body, compressed
//	28      4      CRC32C of all other bytes
//	32             tenant
//	               body: Sets, Rows and OTLP, one S2 block
const (
	magic       = "CLWB"
	version     = 1
	headerBytes = 32
	crcOffset   = 28
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrVersion says that bytes are a batch of a version that this program does not know.
var ErrVersion = errors.New("unknown version of the batch format")

// Encode appends the batch's wire form (compressed, with a CRC32C of its own) to dst.
func Encode(dst []byte, b *Batch) ([]byte, error) {
	if err := CheckTenant(b.Tenant); err != nil {
		return dst, fmt.Errorf("encode batch: %w", err)
	}
	scratch := rawBuffers.Get().(*[]byte)
	defer func() {
		if cap(*scratch) <= keptBytesMax {
			rawBuffers.Put(scratch)
		}
	}()
	raw := (*scratch)[:0]
	var lengths [3]int
	for i, rec := range []arrow.Record{b.Sets, b.Rows} {
		before := len(raw)
		if rec != nil {
			var err error
			if raw, err = appendTable(raw, rec); err != nil {
				return dst, fmt.Errorf("encode batch: %w", err)
			}
		}
		lengths[i] = len(raw) - before
	}
	raw = append(raw, b.OTLP...)
	*scratch = raw
	lengths[2] = len(b.OTLP)
	if len(raw) > decodedBytesMax {
		return dst, fmt.Errorf("encode batch: %d bytes of %d records exceed the bound of %d", len(raw), b.Records, decodedBytesMax)
	}

	start := len(dst)
	dst = append(dst, magic...)
	dst = append(dst, version, byte(b.Signal))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(b.Tenant)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(b.Records))
	for _, n := range lengths {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(n))
	}
	dst = append(dst, make([]byte, headerBytes-24)...) // body length and CRC
	dst = append(dst, b.Tenant...)
	body := len(dst)
	dst = appendCompressed(dst, raw)
	binary.LittleEndian.PutUint32(dst[start+24:], uint32(len(dst)-body))
	binary.LittleEndian.PutUint32(dst[start+crcOffset:], checksum(dst[start:]))
	return dst, nil
}

// checksum is the CRC32C of an encoded batch but for the CRC itself.
func checksum(data []byte) uint32 {
	sum := crc32.Update(0, castagnoli, data[:crcOffset])
	return crc32.Update(sum, castagnoli, data[headerBytes:])
}

func appendCompressed(dst, raw []byte) []byte {
	most := s2.MaxEncodedLen(len(raw))
	if cap(dst)-len(dst) < most {
		grown := make([]byte, len(dst), len(dst)+most)
		copy(grown, dst)
		dst = grown
	}
	return dst[:len(dst)+len(s2.Encode(dst[len(dst):len(dst)+most], raw))]
}

// rawBuffers lends the buffers that batches are laid out in before they are compressed.
var rawBuffers = sync.Pool{New: func() any { return new([]byte) }}

// Decode reads what Encode wrote. The CRC is checked before anything else is read. Whatever data is, the result is an error or a batch that
// passes Check, so that reading its arrays cannot panic. The batch does not alias data.
func Decode(data []byte) (*Batch, error) {
	h, err := parseHeader(data)
	if err != nil {
		return nil, fmt.Errorf("decode batch: %w", err)
	}
	if have, want := checksum(data), binary.LittleEndian.Uint32(data[crcOffset:]); have != want {
		return nil, fmt.Errorf("decode batch: CRC is %08x, want %08x: damaged", have, want)
	}
	b := &Batch{Signal: h.signal, Tenant: string(data[headerBytes : headerBytes+h.tenant]), Records: h.records}
	if err := CheckTenant(b.Tenant); err != nil {
		return nil, fmt.Errorf("decode batch: %w", err)
	}
	raw, err := decompress(data[headerBytes+h.tenant:], h.sets+h.rows+h.otlp)
	if err != nil {
		return nil, fmt.Errorf("decode batch: %w", err)
	}
	if b.Sets, err = readTable(raw[:h.sets]); err != nil {
		return nil, fmt.Errorf("decode batch: sets: %w", err)
	}
	if b.Rows, err = readTable(raw[h.sets : h.sets+h.rows]); err != nil {
		return nil, fmt.Errorf("decode batch: rows: %w", err)
	}
	if h.otlp > 0 {
		b.OTLP = raw[h.sets+h.rows:]
	}
	if err := b.Check(); err != nil {
		return nil, fmt.Errorf("decode batch: %w", err)
	}
	return b, nil
}

// header is what the fixed part of the wire form says; lengths in bytes.
type header struct {
	signal           Signal
	tenant, records  int
	sets, rows, otlp int
}

func parseHeader(data []byte) (header, error) {
	var h header
	if len(data) < headerBytes || string(data[:4]) != magic {
		return h, fmt.Errorf("%d bytes do not begin with a batch's header", len(data))
	}
	if data[4] != version {
		return h, fmt.Errorf("%w: %d, want %d", ErrVersion, data[4], version)
	}
	h.signal = Signal(data[5])
	if h.signal < Spans || h.signal > Metrics {
		return h, fmt.Errorf("unknown signal %d", data[5])
	}
	at := func(i int) int { return int(binary.LittleEndian.Uint32(data[i:])) }
	h.tenant = int(binary.LittleEndian.Uint16(data[6:]))
	h.records, h.sets, h.rows, h.otlp = at(8), at(12), at(16), at(20)
	if n := h.sets + h.rows + h.otlp; n > decodedBytesMax {
		return h, fmt.Errorf("%d bytes of content exceed the bound of %d", n, decodedBytesMax)
	}
	if want := headerBytes + h.tenant + at(24); len(data) != want {
		return h, fmt.Errorf("%d bytes, want %d", len(data), want)
	}
	return h, nil
}

func decompress(block []byte, want int) ([]byte, error) {
	n, err := s2.DecodedLen(block)
	if err != nil {
		return nil, fmt.Errorf("s2: %w", err)
	}
	if n != want {
		return nil, fmt.Errorf("s2: block of %d bytes, want %d", n, want)
	}
	raw, err := s2.Decode(nil, block)
	if err != nil {
		return nil, fmt.Errorf("s2: %w", err)
	}
	return raw, nil
}
