package writer

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"clew/index"
	"clew/index/segment/format"
	"clew/internal/telemetry"
)

// ordering is the order in which rows are written: order[i] is the global number of the i-th row. times and ends are by global number.
type ordering struct {
	order []uint32
	times []int64 // of the ordering column
	ends  []int64 // metrics: the last sample's; otherwise times
	cuts  []int   // where each row group ends in order
	// starts are the trace ids of the first row of each page, 16 bytes each; only of spans.
	starts []byte
}

// orderRows orders the rows of all inputs: logs by time, spans by trace id and start, metrics by name and series.
// Equal rows stay in the order they came in.
func (w *Writer) orderRows(ctx context.Context, rows int) (*ordering, error) {
	inputs := w.inputs
	o := &ordering{order: make([]uint32, rows)}
	for i := range o.order {
		o.order[i] = uint32(i)
	}
	signal := inputs[0].info.Signal
	var err error
	if o.times, err = timesOf(ctx, inputs, format.OrderingKey(signal), rows); err != nil {
		return nil, err
	}
	o.ends = o.times
	switch signal {
	case telemetry.Spans:
		err = o.bySpan(ctx, inputs, rows, w)
	case telemetry.Metrics:
		if o.ends, err = timesOf(ctx, inputs, "end", rows); err == nil {
			err = w.bySeries(ctx, o)
		}
	default:
		o.order = sortByTime(o.order, o.times)
	}
	if o.cuts == nil && err == nil {
		o.cuts = w.cutGroups(o.order)
	}
	return o, err
}

// timesOf collects a time field of all rows; rows without it have 0.
func timesOf(ctx context.Context, inputs []input, key string, rows int) ([]int64, error) {
	times := make([]int64, rows)
	for i := range inputs {
		in := &inputs[i]
		col := in.find(telemetry.Column{Level: telemetry.LevelField, Key: key, Type: telemetry.TypeTime})
		if col < 0 {
			continue
		}
		for rg, first := range in.firstRow {
			ints, err := in.part.Ints(ctx, col, rg)
			if err != nil {
				return nil, err
			}
			out := times[first:]
			if ints.Valid == nil {
				copy(out, ints.Values)
				continue
			}
			for row, v := range ints.Values {
				if index.IsValid(ints.Valid, row) {
					out[row] = v
				}
			}
		}
	}
	return times, nil
}

// sortByTime sorts order by times, stably. Rows come nearly in order, and spread over minutes in nanoseconds: a radix sort
// over the bits that differ is four passes or so, a fifth of what comparing costs.
func sortByTime(order []uint32, times []int64) []uint32 {
	if slices.IsSorted(times) {
		return order
	}
	const digit = 11
	first, last := slices.Min(times), slices.Max(times)
	spread := uint64(last - first) // right even if the difference overflows int64
	scratch := make([]uint32, len(order))
	for shift := uint(0); shift < 64 && spread>>shift > 0; shift += digit {
		var starts [1<<digit + 1]uint32
		for _, row := range order {
			starts[uint64(times[row]-first)>>shift&(1<<digit-1)+1]++
		}
		for i := 1; i <= 1<<digit; i++ {
			starts[i] += starts[i-1]
		}
		for _, row := range order {
			at := &starts[uint64(times[row]-first)>>shift&(1<<digit-1)]
			scratch[*at] = row
			*at++
		}
		order, scratch = scratch, order
	}
	return order
}

// bySpan orders by trace id, then start. Rows without a trace id come first.
func (o *ordering) bySpan(ctx context.Context, inputs []input, rows int, w *Writer) error {
	type key struct {
		high, low uint64
		start     int64
		row       uint32
	}
	keys := make([]key, rows)
	var id []byte
	for i := range inputs {
		in := &inputs[i]
		col := in.find(telemetry.Column{Level: telemetry.LevelField, Key: telemetry.FieldTraceID, Type: telemetry.TypeBytes})
		for rg, first := range in.firstRow {
			var ids texts
			if col >= 0 {
				var err error
				if ids, err = in.texts(ctx, col, rg); err != nil {
					return err
				}
			}
			for row := range in.groups[rg].Rows {
				global := int(first) + row
				k := &keys[global]
				k.start, k.row = o.times[global], uint32(global)
				if col < 0 || ids.null(row) {
					continue
				}
				id = ids.at(id[:0], row)
				id = append(id, make([]byte, max(0, 16-len(id)))...)
				k.high, k.low = binary.BigEndian.Uint64(id), binary.BigEndian.Uint64(id[8:])
			}
		}
	}
	slices.SortFunc(keys, func(a, b key) int {
		switch {
		case a.high != b.high:
			return cmp.Compare(a.high, b.high)
		case a.low != b.low:
			return cmp.Compare(a.low, b.low)
		case a.start != b.start:
			return cmp.Compare(a.start, b.start)
		}
		return cmp.Compare(a.row, b.row)
	})
	for i := range keys {
		o.order[i] = keys[i].row
	}
	o.cuts = w.cutGroups(o.order)
	group := 0
	for _, end := range o.cuts {
		for i := group; i < end; i += w.opt.PageRows {
			o.starts = binary.BigEndian.AppendUint64(o.starts, keys[i].high)
			o.starts = binary.BigEndian.AppendUint64(o.starts, keys[i].low)
		}
		group = end
	}
	return nil
}

// bySeries orders metrics by name, then by series, then time. A series is told by a hash over its label columns: what matters is that
// its rows are neighbours, not which series is first.
func (w *Writer) bySeries(ctx context.Context, o *ordering) error {
	all := w.gatherer.gather(o.order)
	codes, names, series := make([]uint32, all.rows), make([]uint32, all.rows), make([]uint64, all.rows)
	for i := range w.columns {
		c := &w.columns[i]
		isName := c.Level == telemetry.LevelField && c.Key == telemetry.FieldName
		if c.Kind != index.KindValue || c.Level == telemetry.LevelField && !isName {
			continue
		}
		if err := w.codes(ctx, c, all, codes); err != nil {
			return fmt.Errorf("column %s: %w", c.Column, err)
		}
		if isName {
			copy(names, codes)
			continue
		}
		for row, code := range codes {
			series[row] = (series[row] ^ uint64(i)<<32 ^ uint64(code)) * 0x9E3779B97F4A7C15
		}
	}
	slices.SortStableFunc(o.order, func(a, b uint32) int {
		switch {
		case names[a] != names[b]:
			return cmp.Compare(names[a], names[b])
		case series[a] != series[b]:
			return cmp.Compare(series[a], series[b])
		}
		return cmp.Compare(o.times[a], o.times[b])
	})
	return nil
}

// sortColumn is the column by whose codes the rows of a row group are sorted, or -1. Logs: their body, so that what looks alike stands
// together (compression), and a template's rows are one run (queries). Metrics are in order of their name's codes already.
func sortColumn(signal telemetry.Signal, columns []column) int {
	key := map[telemetry.Signal]string{telemetry.Logs: telemetry.FieldBody, telemetry.Metrics: telemetry.FieldName}[signal]
	for i := range columns {
		c := &columns[i]
		if c.Level == telemetry.LevelField && c.Key == key && c.Type == telemetry.TypeString && !c.Overflow &&
			(c.Kind == index.KindText || c.Kind == index.KindValue) {
			return i
		}
	}
	return -1
}
