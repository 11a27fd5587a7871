package traceindex

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sort"
)

// A run is a file, little endian:
//
//	buckets    2^bits of them, one after the other; an empty one takes no bytes
//	           entries: rest (1 to 4 bytes), segment's number (2 bytes); ascending by rest
//	           CRC32C of the bucket's number (8 bytes) and its entries (4 bytes)
//	metadata   bits (1 byte); entries (8); segments (4), each: entries (4), length of the id (1), id
//	           directory: where each bucket begins, and where the last one ends (4 bytes each)
//	trailer    magic (8), offset (8) and length (4) of the metadata, CRC32C of it and of the trailer so far (4)
//
// The upper `bits` of the 32 bits of a trace's hash are its bucket's number; the others are the rest, in as many bytes as they need.
const (
	runMagic     = "clewtri1"
	trailerBytes = 8 + 8 + 4 + 4
	runSuffix    = ".run"
	tempSuffix   = ".tmp"

	numberBytes   = 2
	checksumBytes = 4
	hashBits      = 32
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// hashOf is what is kept of vocabulary.Hash of a trace's id.
func hashOf(trace uint64) uint32 { return uint32(trace >> hashBits) }

// runSegment is a segment of a run; entries' numbers are places in the list of them.
type runSegment struct {
	id      string
	entries uint32
}

// run is an open run. It does not change.
type run struct {
	file      *os.File
	bits      int
	entries   int64
	bytes     int64
	segments  []runSegment
	directory []uint32 // where buckets begin; one more than there are buckets
}

// restBytes is how many bytes are left of a hash below so many bits.
func restBytes(bits int) int { return (hashBits - bits + 7) / 8 }

// bucketBits is how many bits name a bucket in a run of so many entries.
func bucketBits(entries int64) int {
	bits := 0
	for bits < bucketBitsMax && entries>>bits > bucketEntries {
		bits++
	}
	return bits
}

func (r *run) entryBytes() int { return restBytes(r.bits) + numberBytes }

func (r *run) bucketOf(hash uint32) int { return int(uint64(hash) >> (hashBits - r.bits)) }

func (r *run) memory() int64 {
	const perSegment = 24 + 60 + 60 // the struct, the id, and its place among the covered
	return int64(4*len(r.directory) + perSegment*len(r.segments))
}

// remove closes the run and deletes its file. Nobody may be reading it, but for a merge, whose result is discarded then.
func (r *run) remove() error {
	return errors.Join(r.file.Close(), os.Remove(r.file.Name()))
}

// damageError says that a run is not what was written.
type damageError struct{ what string }

func (e *damageError) Error() string { return "damaged: " + e.what }

// openRun reads a run's metadata.
func openRun(name string) (_ *run, err error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close())
		}
	}()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	r := &run{file: file, bytes: info.Size()}
	if r.bytes < trailerBytes {
		return nil, &damageError{"too short"}
	}
	trailer := make([]byte, trailerBytes)
	if _, err := file.ReadAt(trailer, r.bytes-trailerBytes); err != nil {
		return nil, err
	}
	if string(trailer[:8]) != runMagic {
		return nil, &damageError{"trailer, or another version's"}
	}
	at, length := binary.LittleEndian.Uint64(trailer[8:]), binary.LittleEndian.Uint32(trailer[16:])
	if at+uint64(length)+trailerBytes != uint64(r.bytes) || at > uint64(r.bytes) {
		return nil, &damageError{"length"}
	}
	meta := make([]byte, length)
	if _, err := file.ReadAt(meta, int64(at)); err != nil {
		return nil, err
	}
	if crc32.Update(crc32.Checksum(meta, castagnoli), castagnoli, trailer[:20]) != binary.LittleEndian.Uint32(trailer[20:]) {
		return nil, &damageError{"checksum of the metadata"}
	}
	if !r.parse(meta, at) {
		return nil, &damageError{"metadata does not follow its format"}
	}
	return r, nil
}

// parse reads metadata. buckets end at end.
func (r *run) parse(b []byte, end uint64) bool {
	if len(b) < 1+8+4 {
		return false
	}
	r.bits, r.entries = int(b[0]), int64(binary.LittleEndian.Uint64(b[1:]))
	n := int(binary.LittleEndian.Uint32(b[9:]))
	if b = b[13:]; r.bits > bucketBitsMax || n > runSegmentsMax {
		return false
	}
	total := int64(0)
	for range n {
		if len(b) < 5 || len(b) < 5+int(b[4]) {
			return false
		}
		s := runSegment{id: string(b[5 : 5+int(b[4])]), entries: binary.LittleEndian.Uint32(b)}
		r.segments = append(r.segments, s)
		total += int64(s.entries)
		b = b[5+len(s.id):]
	}
	if len(b) != 4*(1<<r.bits+1) || total != r.entries {
		return false
	}
	r.directory = make([]uint32, 1<<r.bits+1)
	for i := range r.directory {
		r.directory[i] = binary.LittleEndian.Uint32(b[4*i:])
		if i > 0 && r.directory[i] < r.directory[i-1] {
			return false
		}
	}
	return r.directory[0] == 0 && uint64(r.directory[len(r.directory)-1]) == end
}

// bucket reads a bucket's entries into buf and checks them.
func (r *run) bucket(n int, buf []byte) ([]byte, error) {
	from, to := r.directory[n], r.directory[n+1]
	if from == to {
		return buf[:0], nil
	}
	size := int(to - from)
	if size < checksumBytes {
		return nil, &damageError{fmt.Sprintf("bucket %d of %d bytes", n, size)}
	}
	if cap(buf) < size {
		buf = make([]byte, size)
	}
	buf = buf[:size]
	if _, err := r.file.ReadAt(buf, int64(from)); err != nil {
		if errors.Is(err, io.EOF) {
			err = &damageError{"too short"}
		}
		return nil, err
	}
	entries := buf[:size-checksumBytes]
	if bucketChecksum(n, entries) != binary.LittleEndian.Uint32(buf[len(entries):]) || len(entries)%r.entryBytes() != 0 {
		return nil, &damageError{fmt.Sprintf("checksum of bucket %d", n)}
	}
	return entries, nil
}

func bucketChecksum(n int, entries []byte) uint32 {
	var number [8]byte
	binary.LittleEndian.PutUint64(number[:], uint64(n))
	return crc32.Update(crc32.Checksum(number[:], castagnoli), castagnoli, entries)
}

// entry reads an entry that begins at b.
func (r *run) entry(b []byte) (rest uint32, number int) {
	w := restBytes(r.bits)
	for i := range w {
		rest |= uint32(b[i]) << (8 * i)
	}
	return rest, int(binary.LittleEndian.Uint16(b[w:]))
}

// lookup gives the segments that may hold a trace.
func (r *run) lookup(trace uint64, found func(segment string)) error {
	hash := hashOf(trace)
	var buf [2 * bucketEntries * (4 + numberBytes)]byte
	entries, err := r.bucket(r.bucketOf(hash), buf[:])
	if err != nil {
		return err
	}
	size := r.entryBytes()
	want := uint32(uint64(hash) & (1<<(hashBits-r.bits) - 1))
	first := sort.Search(len(entries)/size, func(i int) bool {
		rest, _ := r.entry(entries[i*size:])
		return rest >= want
	})
	for b := entries[first*size:]; len(b) > 0; b = b[size:] {
		rest, number := r.entry(b)
		if rest != want {
			break
		}
		if number >= len(r.segments) {
			return &damageError{fmt.Sprintf("segment %d of %d", number, len(r.segments))}
		}
		found(r.segments[number].id)
	}
	return nil
}
