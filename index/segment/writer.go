package segment

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"clew/index"
	"clew/index/store"
	"clew/internal/telemetry"
)

// Write writes a segment of all rows of parts, which must be of one signal and tenant, and returns once both objects are durable.
// The segment exists when the second object (.index) does; what a failed Write leaves is at worst a .parquet that nothing names.
//
// Memory: the row order (20 bytes a row), the merged vocabularies, and one row group of one column at a time.
func Write(ctx context.Context, st store.Store, id string, parts []index.Part, opt Options) (Stats, error) {
	stats, err := write(ctx, st, id, parts, opt)
	if err != nil {
		return Stats{}, fmt.Errorf("write segment %s: %w", id, err)
	}
	return stats, nil
}

func write(ctx context.Context, st store.Store, id string, parts []index.Part, opt Options) (Stats, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return Stats{}, err
	}
	if id == "" || len(id) > idBytesMax {
		return Stats{}, fmt.Errorf("id of %d bytes: want 1 to %d", len(id), idBytesMax)
	}
	inputs, rows, err := openInputs(parts)
	if err != nil {
		return Stats{}, err
	}
	w := &writer{inputs: inputs, opt: opt, gatherer: newGatherer(inputs), index: newIndexWriter()}
	if w.columns, err = planColumns(ctx, inputs, opt.AttributeColumnsMax); err != nil {
		return Stats{}, err
	}
	if w.ordering, err = w.orderRows(ctx, rows); err != nil {
		return Stats{}, err
	}
	if err := w.planLeaves(ctx, id); err != nil {
		return Stats{}, err
	}

	parquetName, indexName := Names(id)
	parquetBytes, err := st.Put(ctx, parquetName, func(out io.Writer) error { return w.writeParquet(ctx, out) })
	if err != nil {
		return Stats{}, err
	}
	if parquetBytes != w.meta.parquetBytes {
		return Stats{}, fmt.Errorf("put %s: store took %d bytes of %d", parquetName, parquetBytes, w.meta.parquetBytes)
	}
	w.finishIndex()
	indexBytes, err := st.Put(ctx, indexName, func(out io.Writer) error { return w.index.writeTo(out, &w.meta) })
	if err != nil {
		return Stats{}, err
	}
	info := w.meta.info
	return Stats{
		ID: id, Signal: info.Signal, Tenant: info.Tenant, Shard: info.Shard, Rows: info.Rows, Records: int(w.meta.records),
		MinTime: info.MinTime, MaxTime: info.MaxTime, Columns: len(w.columns), RowGroups: len(w.meta.groups),
		Bytes: parquetBytes + indexBytes, ParquetBytes: parquetBytes, IndexBytes: indexBytes,
	}, nil
}

// writer writes one segment. It goes through the row groups, and in each through the leaves, once.
type writer struct {
	inputs   []input
	opt      Options
	columns  []column
	ordering *ordering
	gatherer *gatherer
	chunk    chunkWriter
	index    *indexWriter
	meta     meta

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

// planLeaves lays out the Parquet columns.
func (w *writer) planLeaves(ctx context.Context, id string) error {
	first := w.inputs[0].info
	w.meta.info = index.Info{ID: id, Signal: first.Signal, Tenant: first.Tenant, Shard: first.Shard, SortedBy: sortColumn(first.Signal, w.columns)}
	var names leafNames
	var hidden []int
	for i := range w.columns {
		c := &w.columns[i]
		if c.Overflow {
			hidden = append(hidden, i)
			continue
		}
		c.leaves = leavesOf(i, c.ColumnInfo, c.holeSet, &names)
		if c.Type == telemetry.TypeTime {
			var err error
			if c.leaves[0].exponent, err = w.timeExponent(ctx, c); err != nil {
				return fmt.Errorf("column %s: %w", c.Column, err)
			}
		}
		w.meta.leaves = append(w.meta.leaves, c.leaves...)
	}
	if len(hidden) > 0 {
		w.overflow = &overflowWriter{columns: hidden}
		w.meta.leaves = append(w.meta.leaves, leaf{column: -1, role: roleOverflow, physical: physicalBytes, name: names.unique(telemetry.FieldOverflow)})
	}
	for i := range w.columns {
		w.columns[i].NonNull = 0 // counted anew from what is written
	}
	return nil
}

const parquetMagic = "PAR1"

func (w *writer) writeParquet(ctx context.Context, out io.Writer) error {
	w.chunk = chunkWriter{out: out, zstd: newCompressor(), pageRows: w.opt.PageRows}
	w.meta.pageRows = w.opt.PageRows
	if err := w.chunk.writeRaw([]byte(parquetMagic)); err != nil {
		return err
	}
	w.meta.groups = nil
	start := 0
	for _, end := range w.ordering.cuts {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.writeGroup(ctx, w.ordering.order[start:end]); err != nil {
			return fmt.Errorf("row group %d: %w", len(w.meta.groups), err)
		}
		start = end
	}
	w.meta.footerOffset = w.chunk.offset
	footer, err := w.footer()
	if err != nil {
		return fmt.Errorf("footer: %w", err)
	}
	w.meta.footerCRC = checksum(footer)
	if err := w.chunk.writeRaw(footer); err != nil {
		return err
	}
	w.meta.parquetBytes = w.chunk.offset
	return nil
}

func (w *writer) writeGroup(ctx context.Context, order []uint32) error {
	g := w.gatherer.gather(order)
	if by := w.meta.info.SortedBy; by >= 0 && w.meta.info.Signal == telemetry.Logs {
		var err error
		if order, err = w.sortByCode(ctx, &w.columns[by], g, order); err != nil {
			return err
		}
		g = w.gatherer.gather(order)
	}
	group := rowGroup{RowGroupInfo: w.times(order)}
	for i := range w.columns {
		c := &w.columns[i]
		if c.Overflow {
			continue
		}
		chunks, err := w.writeColumn(ctx, i, c, g)
		if err != nil {
			return fmt.Errorf("column %s: %w", c.Column, err)
		}
		group.chunks = append(group.chunks, chunks...)
	}
	if w.overflow != nil {
		c, err := w.writeOverflow(ctx, g)
		if err != nil {
			return fmt.Errorf("overflow column: %w", err)
		}
		group.chunks = append(group.chunks, c)
	}
	if len(w.meta.groups) == 0 {
		w.meta.info.MinTime, w.meta.info.MaxTime = group.MinTime, group.MaxTime
	}
	w.meta.info.MinTime = min(w.meta.info.MinTime, group.MinTime)
	w.meta.info.MaxTime = max(w.meta.info.MaxTime, group.MaxTime)
	w.meta.info.Rows += group.Rows
	w.index.addPages(len(w.meta.groups), group.chunks)
	w.meta.groups = append(w.meta.groups, group)
	return nil
}

// times finds the range of the ordering time.
func (w *writer) times(order []uint32) index.RowGroupInfo {
	info := index.RowGroupInfo{Rows: len(order), MinTime: w.ordering.times[order[0]], MaxTime: w.ordering.ends[order[0]]}
	for _, row := range order {
		info.MinTime = min(info.MinTime, w.ordering.times[row])
		info.MaxTime = max(info.MaxTime, w.ordering.times[row], w.ordering.ends[row])
	}
	return info
}

// sortByCode orders the rows of a row group by a column's code, rows without one last. Counting sort is stable: rows of a code
// stay in order of time.
func (w *writer) sortByCode(ctx context.Context, c *column, g *gathering, order []uint32) ([]uint32, error) {
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

func (w *writer) codesScratch(rows int) []uint32 {
	w.codeBuffer = resized(w.codeBuffer, rows)
	return w.codeBuffer
}

// finishIndex puts vocabularies, histograms and filters into the index.
func (w *writer) finishIndex() {
	for i := range w.columns {
		c := &w.columns[i]
		if c.arena != nil {
			w.index.add(sectionVocabulary, i, 0, appendArena(nil, c.arena))
			w.index.add(sectionHistograms, i, 0, c.histograms)
		}
		if isTraceID(c.Column) && c.Kind == index.KindRaw {
			w.hashes.list = w.idHashes
			w.index.addFilter(i, index.Whole, w.hashes.sorted())
		}
		if isTraceID(c.Column) && len(w.ordering.starts) > 0 {
			w.index.add(sectionStarts, i, index.Whole, w.ordering.starts)
		}
		w.meta.columns = append(w.meta.columns, c.ColumnInfo)
	}
	if w.meta.info.Signal != telemetry.Metrics {
		w.meta.records = uint64(w.meta.info.Rows)
	}
	w.meta.sections = w.index.sections
}

func isTraceID(c telemetry.Column) bool {
	return c.Level == telemetry.LevelField && c.Key == telemetry.FieldTraceID && c.Type == telemetry.TypeBytes
}

// isParentID says whether a column is that of spans' parents. It has no filter: chains are read by trace id, and a span's id finds its span.
func isParentID(c telemetry.Column) bool {
	return c.Level == telemetry.LevelField && c.Key == telemetry.FieldParentSpanID && c.Type == telemetry.TypeBytes
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
