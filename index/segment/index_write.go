package segment

import (
	"encoding/binary"
	"fmt"
	"io"

	"clew/index/filter"
	"clew/index/vocabulary"
)

// indexWriter collects the sections of the .index object in memory: they are a few percent of the segment.
type indexWriter struct {
	zstd     *compressor
	sections []section
	body     []byte
}

func newIndexWriter() *indexWriter { return &indexWriter{zstd: newCompressor()} }

// add adds a section, compressed if that makes it smaller.
func (w *indexWriter) add(kind sectionKind, col, group int, data []byte) {
	start := len(w.body)
	s := section{kind: kind, column: col, group: group, raw: uint32(len(data))}
	if len(data) > 0 {
		w.body = w.zstd.append(w.body, data)
	}
	if stored := len(w.body) - start; stored > len(data)-len(data)/compressGain {
		w.body = append(w.body[:start], data...)
		s.raw = 0
	}
	s.stored = uint32(len(w.body) - start)
	s.crc = checksum(w.body[start:])
	w.sections = append(w.sections, s)
}

// addFilter adds a filter over hashes, which it may reorder.
func (w *indexWriter) addFilter(col, group int, hashes []uint64) {
	w.add(sectionFilter, col, group, filter.Build(hashes).Append(nil))
}

// writeTo writes the object.
func (w *indexWriter) writeTo(out io.Writer, m *meta) error {
	if len(w.body) > chunkBytesMax {
		return fmt.Errorf("index of %d bytes: more than %d", len(w.body), chunkBytesMax)
	}
	raw := m.append(nil)
	if len(raw) > metaBytesMax {
		return fmt.Errorf("metadata of %d bytes: more than %d", len(raw), metaBytesMax)
	}
	stored := w.zstd.append(nil, raw)
	h := header{version: Version, metaStored: uint32(len(stored)), metaRaw: uint32(len(raw)), metaCRC: checksum(stored),
		fileBytes: uint64(headerBytes + len(stored) + len(w.body))}
	for _, piece := range [][]byte{h.append(nil), stored, w.body} {
		if _, err := out.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

// appendArena appends a vocabulary: number of entries, their lengths, their bytes.
func appendArena(dst []byte, a *vocabulary.Arena) []byte {
	n := a.Len()
	dst = binary.AppendUvarint(dst, uint64(n))
	for i := range n {
		dst = binary.AppendUvarint(dst, uint64(len(a.At(i))))
	}
	for i := range n {
		dst = append(dst, a.At(i)...)
	}
	return dst
}
