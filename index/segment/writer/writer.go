package writer

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"clew/index"
	"clew/index/segment/format"
	"clew/internal/telemetry"
)

// Writer is a segment that is being written. It goes through the row groups, and in each through the leaves, once.
type Writer struct {
	inputs   []input
	opt      Options
	columns  []column
	ordering *ordering
	gatherer *gatherer
	chunk    chunkWriter
	index    *format.IndexWriter
	meta     format.Meta

	overflow *overflowWriter // nil without overflow columns

	// Scratch of one chunk, used again.
	codeBuffer []uint32
	bits       []uint64
	valid      []uint64
	counts     []uint32 // per code of the vocabulary at hand; zero between chunks
	local      []uint32 // code -> index in the row group's dictionary
	data       []byte
	ends       []uint32
	holes      []holeBuffer
	hashes     hashSet
	idHashes   []uint64 // trace ids of the whole segment, distinct neighbours only
}

// New plans a segment of all rows of parts: which columns, of what kinds, and the order of the rows.
func New(ctx context.Context, id string, parts []index.Part, opt Options) (*Writer, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, err
	}
	inputs, rows, err := openInputs(parts)
	if err != nil {
		return nil, err
	}
	w := &Writer{inputs: inputs, opt: opt, gatherer: newGatherer(inputs), index: format.NewIndexWriter()}
	if w.columns, err = planColumns(ctx, inputs, opt.AttributeColumnsMax); err != nil {
		return nil, err
	}
	if w.ordering, err = w.orderRows(ctx, rows); err != nil {
		return nil, err
	}
	if err := w.planLeaves(ctx, id); err != nil {
		return nil, err
	}
	return w, nil
}

// planLeaves lays out the Parquet columns.
func (w *Writer) planLeaves(ctx context.Context, id string) error {
	first := w.inputs[0].info
	w.meta.Info = index.Info{ID: id, Signal: first.Signal, Tenant: first.Tenant, Shard: first.Shard, SortedBy: sortColumn(first.Signal, w.columns)}
	var names format.LeafNames
	var hidden []int
	for i := range w.columns {
		c := &w.columns[i]
		if c.Overflow {
			hidden = append(hidden, i)
			continue
		}
		c.leaves = format.LeavesOf(i, c.ColumnInfo, c.holeSet, &names)
		if c.Type == telemetry.TypeTime {
			var err error
			if c.leaves[0].Exponent, err = w.timeExponent(ctx, c); err != nil {
				return fmt.Errorf("column %s: %w", c.Column, err)
			}
		}
		w.meta.Leaves = append(w.meta.Leaves, c.leaves...)
	}
	if len(hidden) > 0 {
		w.overflow = &overflowWriter{columns: hidden}
		w.meta.Leaves = append(w.meta.Leaves, format.Leaf{Column: -1, Role: format.RoleOverflow, Physical: format.PhysicalBytes, Name: names.Unique(telemetry.FieldOverflow)})
	}
	for i := range w.columns {
		w.columns[i].NonNull = 0 // counted anew from what is written
	}
	return nil
}

// WriteParquet writes the .parquet. A store that tries again calls it again.
func (w *Writer) WriteParquet(ctx context.Context, out io.Writer) error {
	w.chunk = chunkWriter{out: out, zstd: format.NewCompressor(), pageRows: w.opt.PageRows}
	w.meta.PageRows = w.opt.PageRows
	if err := w.chunk.writeRaw([]byte(format.ParquetMagic)); err != nil {
		return err
	}
	w.meta.Groups = nil
	start := 0
	for _, end := range w.ordering.cuts {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.writeGroup(ctx, w.ordering.order[start:end]); err != nil {
			return fmt.Errorf("row group %d: %w", len(w.meta.Groups), err)
		}
		start = end
	}
	w.meta.FooterOffset = w.chunk.offset
	footer, err := w.footer()
	if err != nil {
		return fmt.Errorf("footer: %w", err)
	}
	w.meta.FooterCRC = format.Checksum(footer)
	if err := w.chunk.writeRaw(footer); err != nil {
		return err
	}
	w.meta.ParquetBytes = w.chunk.offset
	return nil
}

func (w *Writer) writeGroup(ctx context.Context, order []uint32) error {
	g := w.gatherer.gather(order)
	if by := w.meta.Info.SortedBy; by >= 0 && w.meta.Info.Signal == telemetry.Logs {
		var err error
		if order, err = w.sortByCode(ctx, &w.columns[by], g, order); err != nil {
			return err
		}
		g = w.gatherer.gather(order)
	}
	group := format.RowGroup{RowGroupInfo: w.times(order)}
	for i := range w.columns {
		c := &w.columns[i]
		if c.Overflow {
			continue
		}
		chunks, err := w.writeColumn(ctx, i, c, g)
		if err != nil {
			return fmt.Errorf("column %s: %w", c.Column, err)
		}
		group.Chunks = append(group.Chunks, chunks...)
	}
	if w.overflow != nil {
		c, err := w.writeOverflow(ctx, g)
		if err != nil {
			return fmt.Errorf("overflow column: %w", err)
		}
		group.Chunks = append(group.Chunks, c)
	}
	if len(w.meta.Groups) == 0 {
		w.meta.Info.MinTime, w.meta.Info.MaxTime = group.MinTime, group.MaxTime
	}
	w.meta.Info.MinTime = min(w.meta.Info.MinTime, group.MinTime)
	w.meta.Info.MaxTime = max(w.meta.Info.MaxTime, group.MaxTime)
	w.meta.Info.Rows += group.Rows
	w.index.AddPages(len(w.meta.Groups), group.Chunks)
	w.meta.Groups = append(w.meta.Groups, group)
	return nil
}

// times finds the range of the ordering time.
func (w *Writer) times(order []uint32) index.RowGroupInfo {
	info := index.RowGroupInfo{Rows: len(order), MinTime: w.ordering.times[order[0]], MaxTime: w.ordering.ends[order[0]]}
	for _, row := range order {
		info.MinTime = min(info.MinTime, w.ordering.times[row])
		info.MaxTime = max(info.MaxTime, w.ordering.times[row], w.ordering.ends[row])
	}
	return info
}

// sortByCode orders the rows of a row group by a column's code, rows without one last. Counting sort is stable: rows of a code
// stay in order of time.
func (w *Writer) sortByCode(ctx context.Context, c *column, g *gathering, order []uint32) ([]uint32, error) {
	codes := w.codesScratch(g.rows)
	if err := w.codes(ctx, c, g, codes); err != nil {
		return nil, err
	}
	last := c.arena.Len() // the place of rows without a value
	starts := make([]uint32, last+2)
	for _, code := range codes {
		starts[min(int(code), last)+1]++
	}
	for i := 1; i < len(starts); i++ {
		starts[i] += starts[i-1]
	}
	sorted := make([]uint32, len(order))
	for i, code := range codes {
		at := &starts[min(int(code), last)]
		sorted[*at] = order[i]
		*at++
	}
	return sorted, nil
}

func (w *Writer) codesScratch(rows int) []uint32 {
	w.codeBuffer = format.Resized(w.codeBuffer, rows)
	return w.codeBuffer
}

// WriteIndex writes the .index, after finish. A store that tries again calls it again.
func (w *Writer) WriteIndex(out io.Writer) error { return w.index.WriteTo(out, &w.meta) }

// Meta is the segment's metadata: complete after finish.
func (w *Writer) Meta() *format.Meta { return &w.meta }

// Finish puts vocabularies, histograms and filters into the index. It is called once, after the .parquet is written and before the .index is.
func (w *Writer) Finish() {
	for i := range w.columns {
		c := &w.columns[i]
		if c.arena != nil {
			w.index.Add(format.SectionVocabulary, i, 0, format.AppendArena(nil, c.arena))
			w.index.Add(format.SectionHistograms, i, 0, c.histograms)
		}
		if format.IsTraceID(c.Column) && c.Kind == index.KindRaw {
			w.hashes.list = w.idHashes
			w.index.AddFilter(i, index.Whole, w.hashes.sorted())
		}
		if format.IsTraceID(c.Column) && len(w.ordering.starts) > 0 {
			w.index.Add(format.SectionStarts, i, index.Whole, w.ordering.starts)
		}
		w.meta.Columns = append(w.meta.Columns, c.ColumnInfo)
	}
	if w.meta.Info.Signal != telemetry.Metrics {
		w.meta.Records = uint64(w.meta.Info.Rows)
	}
	w.meta.Sections = w.index.Sections
}

// appendHistogram appends a row group's histogram: nulls, number of codes, then for each code the step from the one before
// and its count.
func appendHistogram(dst []byte, h index.Histogram) []byte {
	dst = binary.AppendUvarint(dst, uint64(h.Nulls))
	dst = binary.AppendUvarint(dst, uint64(len(h.Codes)))
	previous := uint32(0)
	for i, code := range h.Codes {
		dst = binary.AppendUvarint(dst, uint64(code-previous))
		dst = binary.AppendUvarint(dst, uint64(h.Counts[i]))
		previous = code
	}
	return dst
}
