package segment

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"

	"clew/index"
	"clew/index/segment/format"
	"clew/index/segment/pagecode"
	"clew/index/store"
	"clew/internal/telemetry"
)

// arrowColumn reads a whole leaf of a row group by arrow's column reader: a text per row, "\x00null" where there is none.
func arrowColumn(t *testing.T, r *file.RowGroupReader, leaf int) []string {
	t.Helper()
	reader, err := r.Column(leaf)
	if err != nil {
		t.Fatal(err)
	}
	rows := int(r.NumRows())
	levels := make([]int16, rows)
	var total int64
	var values []string
	switch reader := reader.(type) {
	case *file.Int64ColumnChunkReader:
		out := make([]int64, rows)
		var n int
		total, n, err = reader.ReadBatch(int64(rows), out, levels, nil)
		for _, v := range out[:n] {
			values = append(values, fmt.Sprint(v))
		}
	case *file.Float64ColumnChunkReader:
		out := make([]float64, rows)
		var n int
		total, n, err = reader.ReadBatch(int64(rows), out, levels, nil)
		for _, v := range out[:n] {
			values = append(values, string(format.AppendDouble(nil, v)))
		}
	case *file.BooleanColumnChunkReader:
		out := make([]bool, rows)
		var n int
		total, n, err = reader.ReadBatch(int64(rows), out, levels, nil)
		for _, v := range out[:n] {
			values = append(values, fmt.Sprint(v))
		}
	case *file.ByteArrayColumnChunkReader:
		out := make([]parquet.ByteArray, rows)
		var n int
		total, n, err = reader.ReadBatch(int64(rows), out, levels, nil)
		for _, v := range out[:n] {
			values = append(values, string(v))
		}
	case *file.FixedLenByteArrayColumnChunkReader:
		out := make([]parquet.FixedLenByteArray, rows)
		var n int
		total, n, err = reader.ReadBatch(int64(rows), out, levels, nil)
		for _, v := range out[:n] {
			values = append(values, string(v))
		}
	default:
		t.Fatalf("leaf %d is of type %T", leaf, reader)
	}
	if err != nil || int(total) != rows {
		t.Fatalf("leaf %s: arrow reads %d of %d rows: %v", reader.Descriptor().Name(), total, rows, err)
	}
	texts := make([]string, rows)
	for i, level := range levels {
		texts[i] = "\x00null"
		if level > 0 {
			texts[i], values = values[0], values[1:]
		}
	}
	return texts
}

func readObject(t testing.TB, st store.Store, name string) []byte {
	t.Helper()
	size, err := st.Size(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, size)
	if err := st.ReadAt(context.Background(), name, data, 0); err != nil {
		t.Fatal(err)
	}
	return data
}

// TestArrowReadsTheSame reads the .parquet alone by arrow, which shares nothing with our page decoders, and compares every column.
func TestArrowReadsTheSame(t *testing.T) {
	ctx := context.Background()
	for _, signal := range telemetry.Signals {
		st := openStore(t)
		rows := randomRows(rand.New(rand.NewPCG(5, uint64(signal))), signal, 1500)
		s, _ := writeAndOpen(t, st, "x", Options{RowGroupRows: 1000, PageRows: 192}, newFakePart(signal, rows, 600, naturalKind))
		parquetName, _ := Names("x")
		r, err := file.NewParquetReader(bytes.NewReader(readObject(t, st, parquetName)))
		if err != nil {
			t.Fatal(err)
		}
		if r.NumRows() != int64(len(rows)) || r.NumRowGroups() != len(s.groups) {
			t.Fatalf("arrow sees %d rows in %d row groups", r.NumRows(), r.NumRowGroups())
		}
		if v := r.MetaData().KeyValueMetadata().FindValue(format.KeySegment); v == nil || *v != "x" {
			t.Errorf("the file's own metadata does not name the segment")
		}
		for rg := range s.groups {
			plain, err := groupRows(s, rg)
			if err != nil {
				t.Fatal(err)
			}
			group := r.RowGroup(rg)
			for i, l := range s.meta.Leaves {
				if name := group.MetaData().Schema.Column(i).Name(); name != l.Name {
					t.Errorf("leaf %d is called %s, want %s", i, name, l.Name)
				}
				got := arrowColumn(t, group, i)
				c := s.meta.Columns[l.Column]
				for row := range plain {
					want := "\x00null"
					if v, ok := plain[row][c.Column]; ok {
						want = plainText(v)
						if c.Type == telemetry.TypeTime {
							want = fmt.Sprint(v.(int64) / format.UnitOf(l.Exponent))
						}
					}
					if l.Role != format.RoleWhole {
						want = holeText(t, ctx, s, l, rg, row)
					}
					if got[row] != want {
						t.Fatalf("leaf %s, row group %d, row %d: arrow reads %q, want %q", l.Name, rg, row, got[row], want)
					}
				}
			}
		}
	}
}

// holeText is what a text column's leaf holds for a row, by way of TextRows.
func holeText(t *testing.T, ctx context.Context, s *Segment, l format.Leaf, rg, row int) string {
	t.Helper()
	text, err := s.Text(ctx, l.Column, rg)
	if err != nil {
		t.Fatal(err)
	}
	rows := text.(*textRows)
	code := rows.Code(row)
	if code == index.NullCode {
		return "\x00null"
	}
	if l.Role == format.RoleTemplate {
		return string(rows.arena.At(int(code)))
	}
	kinds := rows.kinds[code]
	if int(l.Hole) >= len(kinds) || (kinds[l.Hole] == 1) != (l.Role == format.RoleInt) {
		return "\x00null"
	}
	if l.Role == format.RoleInt {
		return fmt.Sprint(rows.IntVar(row, int(l.Hole)))
	}
	return string(rows.AppendVar(nil, row, int(l.Hole)))
}

func TestHybridRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		width := 1 + r.IntN(32)
		in := make([]uint32, r.IntN(400))
		for i := 0; i < len(in); {
			v := uint32(r.Uint64() & (1<<width - 1))
			for n := 1 + r.IntN(1+r.IntN(60)); n > 0 && i < len(in); n-- {
				in[i] = v
				i++
			}
		}
		out := make([]uint32, len(in))
		if err := pagecode.ReadHybrid(out, pagecode.AppendHybrid(nil, in, width), width); err != nil {
			t.Fatal(err)
		}
		for i := range in {
			if in[i] != out[i] {
				t.Fatalf("width %d, value %d of %d: %d, want %d", width, i, len(in), out[i], in[i])
			}
		}
	}
}

func TestDeltaRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	for range 3000 {
		in := make([]int64, r.IntN(400))
		shift := r.IntN(64)
		v := int64(r.Uint64())
		for i := range in {
			switch r.IntN(10) {
			case 0:
				v = int64(r.Uint64() >> shift)
			case 1: // equal neighbours
			default:
				v += int64(r.Uint64()>>shift) >> 1
			}
			in[i] = v
		}
		out := make([]int64, len(in))
		rest, err := pagecode.ReadDelta(out, append(pagecode.AppendDelta(nil, in), "rest"...))
		if err != nil || string(rest) != "rest" {
			t.Fatalf("rest %q, %v", rest, err)
		}
		for i := range in {
			if in[i] != out[i] {
				t.Fatalf("value %d of %d: %d, want %d", i, len(in), out[i], in[i])
			}
		}
	}
}

// The decoders meet only bytes whose checksum was right, but must not rely on it.
func FuzzPages(f *testing.F) {
	f.Add([]byte{1, 2, 3}, uint16(10), byte(3))
	f.Add(pagecode.AppendHybrid(nil, []uint32{1, 2, 3, 4, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5}, 3), uint16(21), byte(3))
	f.Add(pagecode.AppendDelta(nil, []int64{1, -5, 1 << 62, -1 << 63}), uint16(4), byte(64))
	f.Add(pagecode.AppendLevels(nil, []uint64{5}, 4, 2), uint16(4), byte(1))
	f.Add(binary.AppendUvarint(nil, 1<<40), uint16(4), byte(1))
	f.Fuzz(func(t *testing.T, data []byte, count uint16, width byte) {
		_ = pagecode.ReadHybrid(make([]uint32, count), data, int(width))
		_, _ = pagecode.ReadDelta(make([]int64, count), data)
		_, _, _, _ = pagecode.ReadLevels(data, int(count))
		for _, encoding := range []uint8{pagecode.Plain, pagecode.Delta, pagecode.DeltaLength, pagecode.Dictionary} {
			half := int(count) / 2
			p := &content{rows: int(count), count: int(width), encoding: encoding, bodies: []body{{half, data}, {int(count) - half, data[len(data)/2:]}}}
			c := format.Chunk{Codec: pagecode.CodecNone, DictionaryRaw: uint32(len(data)), DictionaryCount: uint32(width)}
			for _, physical := range []format.Physical{format.PhysicalBytes, format.PhysicalInt64} {
				if d, err := openDictionary(&c, data, physical); err == nil {
					p.dictionary = d
				}
			}
			_, _ = p.numbers()
			_, _, _ = p.strings(int(width))
			_, _ = p.indices()
			_, _ = p.boolIndices(2)
		}
	})
}

func FuzzMeta(f *testing.F) {
	st := openStore(f)
	rows := randomRows(rand.New(rand.NewPCG(1, 1)), telemetry.Logs, 20)
	s, _ := writeAndOpen(f, st, "x", Options{}, newFakePart(telemetry.Logs, rows, 20, naturalKind))
	f.Add(s.meta.Append(nil))
	arena, err := s.Vocabulary(context.Background(), s.info.SortedBy)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(format.AppendArena(nil, arena))
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, ok := format.ParseMeta(data, format.Version, 100); ok {
			if again, ok := format.ParseMeta(m.Append(nil), format.Version, 100); !ok || again.Info != m.Info {
				t.Error("metadata that was read cannot be written and read again")
			}
		}
		if a, ok := format.ParseArena(data); ok && a.Len() > 0 {
			a.At(a.Len() - 1)
		}
		parseHistograms(data, []index.RowGroupInfo{{Rows: 100}}, 50)
		_, _ = format.ParseHeader("f", data, int64(len(data)))
	})
}
