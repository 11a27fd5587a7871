package engine

import (
	"context"
	"fmt"
	"slices"

	"clew/index"
	"clew/internal/telemetry"
	"clew/query/engine/question"
)

// rowRef is a row of a part, with its time.
type rowRef struct {
	time int64
	b    *bound
	rg   int
	row  int
}

// materialize makes records of rows of one row group. Columns that no row of the row group has are not read.
func (b *bound) materialize(ctx context.Context, rg int, rows []int) ([]Record, error) {
	records := make([]Record, len(rows))
	err := b.byPage(rg, rows, func(b *bound, rg int, rows []int, from int) error {
		return b.gatherAll(ctx, rg, rows, records[from:from+len(rows)])
	})
	if err != nil {
		return nil, err
	}
	var buf []byte
	for i := range records {
		if err := records[i].spreadOverflow(); err != nil {
			return nil, fmt.Errorf("part %s: %w", b.info.ID, err)
		}
		buf = records[i].setKey(buf)
	}
	return records, nil
}

// sparse is a part that knows which columns some rows lack, and has many columns' values in one place.
type sparse interface {
	// Lacks gives a function that says that none of the rows of a row group has a value in a column. It may say no where none has.
	Lacks(rg int, rows []int) func(col int) bool
}

// overflowing is a part that keeps the values of its overflow columns together.
type overflowing interface {
	// EachOverflow calls f with the values that the rows have in overflow columns.
	EachOverflow(ctx context.Context, rg int, rows []int, f func(i, col int, value []byte) error) error
}

// gatherAll adds all columns' values to the records. What it costs depends on the columns that the rows have, not on those that there are.
func (b *bound) gatherAll(ctx context.Context, rg int, rows []int, records []Record) error {
	lacks := func(int) bool { return false }
	if p, ok := b.part.(sparse); ok {
		lacks = p.Lacks(rg, rows)
	}
	together, isTogether := b.part.(overflowing)
	overflow := false
	for col := range b.columns {
		switch c := &b.columns[col]; {
		case c.NonNull == 0 || lacks(col):
		case c.Overflow && isTogether:
			overflow = true
		default:
			if err := b.gather(ctx, col, rg, rows, records); err != nil {
				return err
			}
		}
	}
	if !overflow {
		return nil
	}
	err := together.EachOverflow(ctx, rg, rows, func(i, col int, value []byte) error {
		c := &b.columns[col]
		records[i].Fields = append(records[i].Fields, Field{c.Column, parseValue(c.Type, value)})
		return nil
	})
	for i := range records {
		slices.SortStableFunc(records[i].Fields, func(x, y Field) int { return x.Column.Compare(y.Column) })
	}
	return err
}

// gather adds one column's values to the records.
func (b *bound) gather(ctx context.Context, col, rg int, rows []int, records []Record) error {
	c := b.columns[col]
	add := func(i int, v Value) {
		records[i].Fields = append(records[i].Fields, Field{c.Column, v})
		if col == b.timeCol {
			records[i].Time = v.Int
		}
	}
	switch {
	case c.Overflow || c.Kind == index.KindRaw:
		vals, err := b.part.Bytes(ctx, col, rg)
		if err != nil {
			return err
		}
		for i, row := range rows {
			if index.IsValid(vals.Valid, row) {
				add(i, parseValue(c.Type, vals.At(row)))
			}
		}
	case c.Kind == index.KindInt:
		vals, err := b.part.Ints(ctx, col, rg)
		if err != nil {
			return err
		}
		for i, row := range rows {
			if index.IsValid(vals.Valid, row) {
				add(i, Value{Int: vals.Values[row]})
			}
		}
	case c.Kind == index.KindDouble:
		vals, err := b.part.Doubles(ctx, col, rg)
		if err != nil {
			return err
		}
		for i, row := range rows {
			if index.IsValid(vals.Valid, row) {
				add(i, Value{Double: vals.Values[row]})
			}
		}
	case c.Kind == index.KindValue:
		return b.gatherCodes(ctx, col, rg, rows, add)
	case c.Kind == index.KindText:
		return b.gatherText(ctx, col, rg, rows, add)
	default:
		return fmt.Errorf("part %s: column %v has unknown kind %v", b.info.ID, c.Column, c.Kind)
	}
	return nil
}

func (b *bound) gatherCodes(ctx context.Context, col, rg int, rows []int, add func(int, Value)) error {
	h, ok, err := b.part.Histogram(ctx, col, rg)
	if err != nil || ok && len(h.Codes) == 0 {
		return err
	}
	codes, err := b.part.Codes(ctx, col, rg)
	if err != nil {
		return err
	}
	entries, err := b.part.Vocabulary(ctx, col)
	if err != nil {
		return err
	}
	last, value := index.NullCode, Value{} // neighbours are often the same: one string serves them
	for i, row := range rows {
		code := codes[row]
		if code == index.NullCode {
			continue
		}
		if code != last {
			last, value = code, parseValue(b.columns[col].Type, entries.At(int(code)))
		}
		add(i, value)
	}
	return nil
}

func (b *bound) gatherText(ctx context.Context, col, rg int, rows []int, add func(int, Value)) error {
	h, ok, err := b.part.Histogram(ctx, col, rg)
	if err != nil || ok && len(h.Codes) == 0 {
		return err
	}
	codes, err := b.part.Codes(ctx, col, rg)
	if err != nil {
		return err
	}
	var templates []uint32
	if !slices.ContainsFunc(rows, func(row int) bool { return codes[row] != index.NullCode }) {
		return nil
	}
	for _, row := range rows {
		if code := codes[row]; code != index.NullCode && !slices.Contains(templates, code) {
			if templates = append(templates, code); len(templates) == templatesMax {
				templates = nil // so many that reading all is as good
				break
			}
		}
	}
	text, err := textOf(ctx, b.part, col, rg, templates)
	if err != nil {
		return err
	}
	var buf []byte
	for i, row := range rows {
		if codes[row] == index.NullCode {
			continue
		}
		buf = text.AppendText(buf[:0], row)
		add(i, Value{Text: string(buf)})
	}
	return nil
}

// times reads the ordering time of a row group.
func (b *bound) times(ctx context.Context, rg int) ([]int64, error) {
	if b.timeCol < 0 {
		return nil, fmt.Errorf("part %s has no column %s", b.info.ID, question.TimeField(b.info.Signal))
	}
	vals, err := b.part.Ints(ctx, b.timeCol, rg)
	if err == nil && len(vals.Values) != b.groups[rg].Rows {
		err = fmt.Errorf("part %s: column %s has %d values for %d rows", b.info.ID, telemetry.FieldTime, len(vals.Values), b.groups[rg].Rows)
	}
	return vals.Values, err
}

// traceIDs reads the trace ids of a row group.
func (b *bound) traceIDs(ctx context.Context, rg int) (index.Bytes, error) {
	cols := b.columnsOf(telemetry.LevelField, telemetry.FieldTraceID)
	if len(cols) != 1 {
		return index.Bytes{}, fmt.Errorf("part %s has %d columns %s", b.info.ID, len(cols), telemetry.FieldTraceID)
	}
	vals, err := b.part.Bytes(ctx, cols[0], rg)
	if err == nil && len(vals.Offsets) != b.groups[rg].Rows+1 {
		err = fmt.Errorf("part %s: column %s has %d offsets for %d rows", b.info.ID, telemetry.FieldTraceID, len(vals.Offsets), b.groups[rg].Rows)
	}
	return vals, err
}

// bytes is about how much memory the record takes.
func (r *Record) bytes() int64 {
	n := 64
	for _, f := range r.Fields {
		n += 72 + len(f.Value.Text)
	}
	return int64(n)
}

func bytesOf(records []Record) (n int64) {
	for i := range records {
		n += records[i].bytes()
	}
	return n
}
