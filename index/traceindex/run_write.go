package traceindex

import (
	"bufio"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
)

// runWriter writes a run. Entries come in ascending order of their hashes.
type runWriter struct {
	file      *os.File
	out       *bufio.Writer
	bits      int
	entries   int64
	segments  []runSegment
	directory []uint32
	offset    uint32
	bucket    []byte // the entries of the bucket that is being filled
	err       error
}

// newRunWriter begins a run of so many entries of these segments.
func newRunWriter(dir string, entries int64, segments []runSegment) (*runWriter, error) {
	file, err := os.CreateTemp(dir, "*"+tempSuffix)
	if err != nil {
		return nil, err
	}
	bits := bucketBits(entries)
	return &runWriter{
		file: file, out: bufio.NewWriterSize(file, 256<<10), bits: bits, entries: entries, segments: segments, directory: append(make([]uint32, 0, 1<<bits+1), 0),
	}, nil
}

// add adds an entry.
func (w *runWriter) add(hash uint32, number int) {
	for bucket := int(uint64(hash) >> (hashBits - w.bits)); len(w.directory)-1 < bucket; {
		w.endBucket()
	}
	rest := uint64(hash) & (1<<(hashBits-w.bits) - 1)
	for range restBytes(w.bits) {
		w.bucket = append(w.bucket, byte(rest))
		rest >>= 8
	}
	w.bucket = binary.LittleEndian.AppendUint16(w.bucket, uint16(number))
}

func (w *runWriter) endBucket() {
	if len(w.bucket) > 0 {
		w.bucket = binary.LittleEndian.AppendUint32(w.bucket, bucketChecksum(len(w.directory)-1, w.bucket))
		w.write(w.bucket)
		w.offset += uint32(len(w.bucket))
		w.bucket = w.bucket[:0]
	}
	w.directory = append(w.directory, w.offset)
}

func (w *runWriter) write(b []byte) {
	if w.err == nil {
		_, w.err = w.out.Write(b)
	}
}

// finish ends the run and opens it. It is not fsynced: what a crash leaves of it has no right checksum.
func (w *runWriter) finish() (*run, error) {
	for len(w.directory) < 1<<w.bits+1 {
		w.endBucket()
	}
	meta := binary.LittleEndian.AppendUint64([]byte{byte(w.bits)}, uint64(w.entries))
	meta = binary.LittleEndian.AppendUint32(meta, uint32(len(w.segments)))
	for _, s := range w.segments {
		meta = binary.LittleEndian.AppendUint32(meta, s.entries)
		meta = append(append(meta, byte(len(s.id))), s.id...)
	}
	for _, offset := range w.directory {
		meta = binary.LittleEndian.AppendUint32(meta, offset)
	}
	w.write(meta)
	trailer := binary.LittleEndian.AppendUint64([]byte(runMagic), uint64(w.offset))
	trailer = binary.LittleEndian.AppendUint32(trailer, uint32(len(meta)))
	w.write(binary.LittleEndian.AppendUint32(trailer, crc32.Update(crc32.Checksum(meta, castagnoli), castagnoli, trailer)))
	if err := errors.Join(w.err, w.out.Flush()); err != nil {
		return nil, w.abandon(err)
	}
	var random [8]byte
	rand.Read(random[:]) // never fails: crypto/rand ends the process instead
	name := filepath.Join(filepath.Dir(w.file.Name()), hex.EncodeToString(random[:])+runSuffix)
	if err := os.Rename(w.file.Name(), name); err != nil {
		return nil, w.abandon(err)
	}
	if err := w.file.Close(); err != nil {
		return nil, errors.Join(err, os.Remove(name))
	}
	r, err := openRun(name)
	if err != nil {
		return nil, fmt.Errorf("%s, just written: %w", name, errors.Join(err, os.Remove(name)))
	}
	return r, nil
}

// abandon removes what was written.
func (w *runWriter) abandon(err error) error {
	return errors.Join(err, w.file.Close(), os.Remove(w.file.Name()))
}
