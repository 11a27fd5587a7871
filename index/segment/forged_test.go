package segment

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"clew/index/segment/format"
	"clew/internal/telemetry"
)

// forgery is a good segment, taken apart: what an edit changes is given right checksums again, so that every decoder meets it.
type forgery struct {
	parquet  []byte
	meta     *format.Meta
	pages    [][][]format.PageInfo // per row group and leaf
	sections [][]byte              // decompressed
	ask      map[reading]uint64
}

// The kinds of what an edit changes.
const (
	forgeMeta = iota
	forgeParquet
	forgeSection
	forgeKinds
)

func newForgery(t *testing.T, signal telemetry.Signal) *forgery {
	t.Helper()
	st := openStore(t)
	rows := randomRows(rand.New(rand.NewPCG(3, uint64(signal))), signal, 150)
	s, _ := writeAndOpen(t, st, "x", Options{RowGroupRows: 100, PageRows: 64, AttributeColumnsMax: 8}, newFakePart(signal, rows, 90, naturalKind))
	parquetName, _ := Names("x")
	f := &forgery{parquet: readObject(t, st, parquetName), meta: s.meta, ask: everything(t, t.Context(), s)}
	for rg := range s.groups {
		var pages [][]format.PageInfo // none where chunks have one page
		if s.sections[format.SectionKey{Kind: format.SectionPages, Column: 0, Group: rg}] != nil {
			var err error
			if pages, err = s.pages(t.Context(), rg); err != nil {
				t.Fatal(err)
			}
		}
		f.pages = append(f.pages, pages)
	}
	for _, sec := range s.meta.Sections {
		data, _, err := s.readSection(t.Context(), sec.Kind, sec.Column, sec.Group)
		if err != nil {
			t.Fatal(err)
		}
		f.sections = append(f.sections, data)
	}
	return f
}

// edit is four bytes of the fuzzer's: what, where, and what is put there.
type edit struct {
	kind, value byte
	at          uint16
}

func edits(data []byte) (all []edit) {
	for ; len(data) >= 4; data = data[4:] {
		all = append(all, edit{data[0] % forgeKinds, data[1], binary.LittleEndian.Uint16(data[2:])})
	}
	return all
}

// forge makes the objects with the edits in them.
func (f *forgery) forge(all []edit) memStore {
	parquet := bytes.Clone(f.parquet)
	for _, e := range all {
		if e.kind == forgeParquet {
			parquet[int(e.at)%len(parquet)] = e.value
		}
	}
	m := *f.meta
	m.Groups = append([]format.RowGroup(nil), m.Groups...)
	m.FooterCRC = format.Checksum(parquet[m.FooterOffset:])
	w := format.NewIndexWriter()
	for i, sec := range m.Sections {
		data := bytes.Clone(f.sections[i])
		if sec.Kind == format.SectionPages {
			data = f.pagesOf(parquet, sec.Group)
		}
		for _, e := range all {
			if e.kind == forgeSection && int(e.at)%len(m.Sections) == i && len(data) > 0 {
				data[int(e.at)/len(m.Sections)%len(data)] = e.value
			}
		}
		w.Add(sec.Kind, sec.Column, sec.Group, data)
	}
	m.Sections = w.Sections
	for rg := range m.Groups {
		g := &m.Groups[rg]
		g.Chunks = append([]format.Chunk(nil), g.Chunks...)
		for i := range g.Chunks {
			c := &g.Chunks[i]
			split, end := c.Offset+int64(c.DictionaryStored), c.Offset+c.Stored()
			c.DictionaryCRC, c.DataCRC = format.Checksum(parquet[c.Offset:split]), format.Checksum(parquet[split:end])
		}
	}
	raw := m.Append(nil)
	for _, e := range all {
		if e.kind == forgeMeta {
			raw[int(e.at)%len(raw)] = e.value
		}
	}
	stored := w.Zstd.Append(nil, raw)
	h := format.Header{
		Version: format.Version, MetaStored: uint32(len(stored)), MetaRaw: uint32(len(raw)), MetaCRC: format.Checksum(stored),
		FileBytes: uint64(format.HeaderBytes + len(stored) + len(w.Body)),
	}
	parquetName, indexName := Names("x")
	return memStore{parquetName: parquet, indexName: bytes.Join([][]byte{h.Append(nil), stored, w.Body}, nil)}
}

// pagesOf is a section of pages with the checksums that they have now.
func (f *forgery) pagesOf(parquet []byte, rg int) (data []byte) {
	for _, pages := range f.pages[rg] {
		for _, p := range pages {
			data = binary.AppendUvarint(data, uint64(p.Stored))
			data = binary.AppendUvarint(data, uint64(p.Header))
			data = binary.AppendUvarint(data, uint64(p.Raw))
			data = binary.LittleEndian.AppendUint32(data, format.Checksum(parquet[p.Offset:p.Offset+int64(p.Stored)]))
		}
	}
	return data
}

// FuzzForged reads all of a segment whose checksums are right and whose bytes are not: any answer and any error will do, and nothing else. It meets the
// decoders of metadata, sections, page headers, dictionaries and pages as they are called.
func FuzzForged(f *testing.F) {
	f.Add(false, []byte{})
	f.Add(true, []byte{forgeMeta, 0xff, 40, 0, forgeSection, 0xff, 3, 1})
	f.Add(false, []byte{forgeParquet, 0x80, 20, 0, forgeParquet, 0, 200, 3})
	var good [2]*forgery
	f.Fuzz(func(t *testing.T, spans bool, data []byte) {
		signal, at := telemetry.Logs, 0
		if spans {
			signal, at = telemetry.Spans, 1
		}
		if good[at] == nil {
			good[at] = newForgery(t, signal)
		}
		all := edits(data)
		ctx := context.Background()
		s, err := Open(ctx, good[at].forge(all), "x", nil)
		if err != nil {
			if len(all) == 0 {
				t.Fatal(err)
			}
			return
		}
		_ = s.Verify(ctx)
		for what, value := range good[at].ask {
			if what.col >= len(s.Columns()) || what.rg >= len(s.groups) {
				continue
			}
			got, err := what.read(ctx, s)
			if len(all) == 0 && (err != nil || got != value) {
				t.Fatalf("%+v of a segment without edits: %v", what, err)
			}
		}
	})
}
