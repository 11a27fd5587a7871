package format

import (
	"encoding/binary"
	"fmt"
	"io"

	"clew/index/filter"
)

// IndexWriter collects the sections of the .index object in memory: they are a few percent of the segment.
type IndexWriter struct {
	Zstd     *Compressor
	Sections []Section
	Body     []byte
}

// NewIndexWriter returns one without sections.
func NewIndexWriter() *IndexWriter { return &IndexWriter{Zstd: NewCompressor()} }

// Add adds a section, compressed if that makes it smaller.
func (w *IndexWriter) Add(kind SectionKind, col, group int, data []byte) {
	start := len(w.Body)
	s := Section{Kind: kind, Column: col, Group: group, Raw: uint32(len(data))}
	if len(data) > 0 {
		w.Body = w.Zstd.Append(w.Body, data)
	}
	if stored := len(w.Body) - start; stored > len(data)-len(data)/CompressGain {
		w.Body = append(w.Body[:start], data...)
		s.Raw = 0
	}
	s.Stored = uint32(len(w.Body) - start)
	s.CRC = Checksum(w.Body[start:])
	w.Sections = append(w.Sections, s)
}

// AddFilter adds a filter over hashes, which it may reorder.
func (w *IndexWriter) AddFilter(col, group int, hashes []uint64) {
	w.Add(SectionFilter, col, group, filter.Build(hashes).Append(nil))
}

// WriteTo writes the object.
func (w *IndexWriter) WriteTo(out io.Writer, m *Meta) error {
	if len(w.Body) > ChunkBytesMax {
		return fmt.Errorf("index of %d bytes: more than %d", len(w.Body), ChunkBytesMax)
	}
	raw := m.Append(nil)
	if len(raw) > MetaBytesMax {
		return fmt.Errorf("metadata of %d bytes: more than %d", len(raw), MetaBytesMax)
	}
	stored := w.Zstd.Append(nil, raw)
	h := Header{
		Version: Version, MetaStored: uint32(len(stored)), MetaRaw: uint32(len(raw)), MetaCRC: Checksum(stored),
		FileBytes: uint64(HeaderBytes + len(stored) + len(w.Body)),
	}
	for _, piece := range [][]byte{h.Append(nil), stored, w.Body} {
		if _, err := out.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

// AddPages adds what a row group's chunks say about their pages.
func (w *IndexWriter) AddPages(group int, chunks []Chunk) {
	var data []byte
	for i := range chunks {
		for _, p := range chunks[i].Pages {
			data = binary.AppendUvarint(data, uint64(p.Stored))
			data = binary.AppendUvarint(data, uint64(p.Header))
			data = binary.AppendUvarint(data, uint64(p.Raw))
			data = binary.LittleEndian.AppendUint32(data, p.CRC)
		}
		chunks[i].Pages = nil
	}
	if len(data) > 0 {
		w.Add(SectionPages, 0, group, data)
	}
}
