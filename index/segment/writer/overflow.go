package writer

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"slices"

	"clew/index"
	"clew/index/segment/format"
	"clew/index/segment/pagecode"
	"clew/internal/telemetry"
)

// overflowWriter writes the overflow leaf. Columns come one after the other, with the values that exist: there may be ten thousand of them, and
// a place for every row of each would be gigabytes.
type overflowWriter struct {
	columns []int
	cells   []overflowCell
	texts   []byte // of all cells
	text    []byte
	outOf   []uint32       // of the pull at hand: each of its rows' place in our row group, plus one; 0: it is not in it
	starts  []uint32       // of each row: its first cell in byRow
	byRow   []uint32       // numbers of cells
	names   map[string]int // columns by the text that begins their members in a segment's overflow leaf
}

// overflowCell is a value: of our row, in the column'th of overflowWriter.columns, texts[start:end].
type overflowCell struct{ row, column, start, end uint32 }

func (w *Writer) writeOverflow(ctx context.Context, g *gathering) (format.Chunk, error) {
	o := w.overflow
	o.cells, o.texts = o.cells[:0], o.texts[:0]
	for p := range g.pulls {
		if err := w.collectOverflow(ctx, &g.pulls[p]); err != nil {
			return format.Chunk{}, err
		}
		if len(o.texts) > format.ChunkBytesMax {
			return format.Chunk{}, fmt.Errorf("more than %d bytes in a row group", format.ChunkBytesMax)
		}
	}
	o.sortByRow(g.rows)
	w.data, w.ends = w.data[:0], w.ends[:0]
	w.valid = format.Bitmap(w.valid, g.rows)
	v := values{rows: g.rows}
	for i := range g.rows {
		cells := o.byRow[o.starts[i]:o.starts[i+1]]
		if len(cells) == 0 {
			v.nulls++
			continue
		}
		for k, number := range cells {
			cell := o.cells[number]
			c := &w.columns[o.columns[cell.column]]
			c.NonNull++
			w.data = format.AppendMember(w.data, k == 0, c.Column, o.texts[cell.start:cell.end])
		}
		w.data = append(w.data, '}')
		if len(w.data) > format.ChunkBytesMax {
			return format.Chunk{}, fmt.Errorf("more than %d bytes in a row group", format.ChunkBytesMax)
		}
		w.valid[i>>6] |= 1 << (i & 63)
		w.ends = append(w.ends, uint32(len(w.data)))
	}
	if v.nulls > 0 {
		v.valid = w.valid
	}
	ch, _, err := w.chunk.strings(v, w.data, w.ends)
	return ch, err
}

// collectOverflow adds the cells of the rows that come from one row group of an input.
func (w *Writer) collectOverflow(ctx context.Context, pl *pull) error {
	o, in := w.overflow, &w.inputs[pl.input]
	rows := in.groups[pl.group].Rows
	o.outOf = format.Resized(o.outOf, rows)
	clear(o.outOf)
	for k, row := range pl.rows {
		o.outOf[row] = pl.at[k] + 1
	}
	fromLeaf, isSegment := in.part.(leafPart)
	anyInLeaf := false
	sparse, isSparse := in.part.(index.SparseReader)
	for j, col := range o.columns {
		from := w.columns[col].from[pl.input]
		if from < 0 {
			continue
		}
		if isSegment && in.columns[from].Overflow {
			anyInLeaf = true
			continue
		}
		if isSparse {
			ok, err := sparse.EachText(ctx, from, pl.group, func(row int, text []byte) { o.add(row, j, text) })
			if err != nil {
				return err
			}
			if ok {
				continue
			}
		}
		all, err := in.texts(ctx, from, pl.group)
		if err != nil {
			return err
		}
		for row := range rows {
			if o.outOf[row] > 0 && !all.null(row) {
				o.text = all.at(o.text[:0], row)
				o.add(row, j, o.text)
			}
		}
	}
	if anyInLeaf {
		return w.collectLeaf(ctx, fromLeaf, pl.group)
	}
	return nil
}

// add adds the value that an input's row has in the j'th overflow column, if the row is in our row group.
func (o *overflowWriter) add(row, j int, text []byte) {
	if o.outOf[row] == 0 {
		return
	}
	start := uint32(len(o.texts))
	o.texts = append(o.texts, text...)
	o.cells = append(o.cells, overflowCell{row: o.outOf[row] - 1, column: uint32(j), start: start, end: uint32(len(o.texts))})
}

// leafPart is a part whose overflow columns are together in one leaf: a segment.
type leafPart interface {
	// OverflowObjects are the objects of a row group's rows.
	OverflowObjects(ctx context.Context, rg int) (index.Bytes, error)
	// OverflowDamage is the damage of objects that do not follow their form.
	OverflowDamage(rg int, err error) error
}

// collectLeaf adds the cells of a segment's overflow leaf, all columns in one pass.
func (w *Writer) collectLeaf(ctx context.Context, s leafPart, rg int) error {
	o := w.overflow
	if o.names == nil {
		o.names = make(map[string]int, len(o.columns))
		for j, col := range o.columns {
			o.names[string(format.AppendJSONString(nil, []byte(w.columns[col].String())))] = j
		}
	}
	all, err := s.OverflowObjects(ctx, rg)
	if err != nil {
		return err
	}
	for row := range len(all.Offsets) - 1 {
		if o.outOf[row] == 0 {
			continue
		}
		for object := all.At(row); len(object) > 1; {
			name, value, rest, ok := format.NextMember(object)
			if !ok {
				return s.OverflowDamage(rg, pagecode.Err)
			}
			object = rest
			j, known := o.names[string(name)]
			if !known {
				continue // a column of its own in the segment that is being written: read as one
			}
			if o.text, ok = format.ReadJSONString(o.text[:0], value); !ok {
				return s.OverflowDamage(rg, pagecode.Err)
			}
			if w.columns[o.columns[j]].Type == telemetry.TypeBytes {
				n, err := base64.StdEncoding.Decode(o.text, o.text)
				if err != nil {
					return s.OverflowDamage(rg, pagecode.Err)
				}
				o.text = o.text[:n]
			}
			o.add(row, j, o.text)
		}
	}
	return nil
}

// sortByRow lists the cells by row, and those of a row by column.
func (o *overflowWriter) sortByRow(rows int) {
	// Cells of several pulls are in several runs of ascending columns, and a row's come from one pull: so a row's cells come in the order of columns,
	// but for those of a leaf.
	o.starts = format.Resized(o.starts, rows+1)
	clear(o.starts)
	for _, c := range o.cells {
		o.starts[c.row+1]++
	}
	for i := range rows {
		o.starts[i+1] += o.starts[i]
	}
	next := append([]uint32(nil), o.starts[:rows]...)
	o.byRow = format.Resized(o.byRow, len(o.cells))
	for number, c := range o.cells {
		o.byRow[next[c.row]] = uint32(number)
		next[c.row]++
	}
	for i := range rows {
		slices.SortFunc(o.byRow[o.starts[i]:o.starts[i+1]], func(a, b uint32) int { return cmp.Compare(o.cells[a].column, o.cells[b].column) })
	}
}
