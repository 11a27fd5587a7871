package match

import (
	"context"
	"fmt"
	"slices"

	"clew/index"
	"clew/internal/telemetry"
	"clew/query/engine/question"
)

// RowRef is a row of a part, with its time.
type RowRef struct {
	Time  int64 // the ordering time, nanoseconds
	Bound *Bound
	Group int
	Row   int // in the row group
}

// Materialize makes records of rows of one row group. Columns that no row of the row group has are not read.
func (b *Bound) Materialize(ctx context.Context, rg int, rows []int) ([]Record, error) {
	records := make([]Record, len(rows))
	err := b.byPage(rg, rows, func(b *Bound, rg int, rows []int, from int) error {
		return b.gatherAll(ctx, rg, rows, records[from:from+len(rows)])
	})
	if err != nil {
		return nil, err
	}
	var buf []byte
	for i := range records {
		if err := records[i].spreadOverflow(); err != nil {
			return nil, fmt.Errorf("part %s: %w", b.Info.ID, err)
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

// Overflowing is a part that keeps the values of its overflow columns together.
type Overflowing interface {
	// EachOverflow calls f with the values that the rows have in overflow columns.
	EachOverflow(ctx context.Context, rg int, rows []int, f func(i, col int, value []byte) error) error
}

// gatherAll adds all columns' values to the records. What it costs depends on the columns that the rows have, not on those that there are.
func (b *Bound) gatherAll(ctx context.Context, rg int, rows []int, records []Record) error {
	lacks := func(int) bool { return false }
	if p, ok := b.Part.(sparse); ok {
		lacks = p.Lacks(rg, rows)
	}
	together, isTogether := b.Part.(Overflowing)
	overflow := false
	for col := range b.Columns {
		switch c := &b.Columns[col]; {
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
		c := &b.Columns[col]
		records[i].Fields = append(records[i].Fields, Field{c.Column, parseValue(c.Type, value)})
		return nil
	})
	for i := range records {
		slices.SortStableFunc(records[i].Fields, func(x, y Field) int { return x.Column.Compare(y.Column) })
	}
	return err
}

// gather adds one column's values to the records.
func (b *Bound) gather(ctx context.Context, col, rg int, rows []int, records []Record) error {
	c := b.Columns[col]
	add := func(i int, v Value) {
		records[i].Fields = append(records[i].Fields, Field{c.Column, v})
		if col == b.timeCol {
			records[i].Time = v.Int
		}
	}
	switch {
	case c.Overflow || c.Kind == index.KindRaw:
		vals, err := b.Part.Bytes(ctx, col, rg)
		if err != nil {
			return err
		}
		for i, row := range rows {
			if index.IsValid(vals.Valid, row) {
				add(i, parseValue(c.Type, vals.At(row)))
			}
		}
	case c.Kind == index.KindInt:
		vals, err := b.Part.Ints(ctx, col, rg)
		if err != nil {
			return err
		}
		for i, row := range rows {
			if index.IsValid(vals.Valid, row) {
				add(i, Value{Int: vals.Values[row]})
			}
		}
	case c.Kind == index.KindDouble:
		vals, err := b.Part.Doubles(ctx, col, rg)
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
		return fmt.Errorf("part %s: column %v has unknown kind %v", b.Info.ID, c.Column, c.Kind)
	}
	return nil
}

func (b *Bound) gatherCodes(ctx context.Context, col, rg int, rows []int, add func(int, Value)) error {
	h, ok, err := b.Part.Histogram(ctx, col, rg)
	if err != nil || ok && len(h.Codes) == 0 {
		return err
	}
	codes, err := b.Part.Codes(ctx, col, rg)
	if err != nil {
		return err
	}
	entries, err := b.Part.Vocabulary(ctx, col)
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
			last, value = code, parseValue(b.Columns[col].Type, entries.At(int(code)))
		}
		add(i, value)
	}
	return nil
}

func (b *Bound) gatherText(ctx context.Context, col, rg int, rows []int, add func(int, Value)) error {
	h, ok, err := b.Part.Histogram(ctx, col, rg)
	if err != nil || ok && len(h.Codes) == 0 {
		return err
	}
	codes, err := b.Part.Codes(ctx, col, rg)
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
	text, err := textOf(ctx, b.Part, col, rg, templates)
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

// Times reads the ordering time of a row group.
func (b *Bound) Times(ctx context.Context, rg int) ([]int64, error) {
	if b.timeCol < 0 {
		return nil, fmt.Errorf("part %s has no column %s", b.Info.ID, question.TimeField(b.Info.Signal))
	}
	vals, err := b.Part.Ints(ctx, b.timeCol, rg)
	if err == nil && len(vals.Values) != b.Groups[rg].Rows {
		err = fmt.Errorf("part %s: column %s has %d values for %d rows", b.Info.ID, telemetry.FieldTime, len(vals.Values), b.Groups[rg].Rows)
	}
	return vals.Values, err
}

// TraceIDs reads the trace ids of a row group.
func (b *Bound) TraceIDs(ctx context.Context, rg int) (index.Bytes, error) {
	cols := b.columnsOf(telemetry.LevelField, telemetry.FieldTraceID)
	if len(cols) != 1 {
		return index.Bytes{}, fmt.Errorf("part %s has %d columns %s", b.Info.ID, len(cols), telemetry.FieldTraceID)
	}
	vals, err := b.Part.Bytes(ctx, cols[0], rg)
	if err == nil && len(vals.Offsets) != b.Groups[rg].Rows+1 {
		err = fmt.Errorf("part %s: column %s has %d offsets for %d rows", b.Info.ID, telemetry.FieldTraceID, len(vals.Offsets), b.Groups[rg].Rows)
	}
	return vals, err
}

// Bytes is about how much memory the record takes.
func (r *Record) Bytes() int64 {
	n := 64
	for _, f := range r.Fields {
		n += 72 + len(f.Value.Text)
	}
	return int64(n)
}

// BytesOf is about how much memory the records take.
func BytesOf(records []Record) (n int64) {
	for i := range records {
		n += records[i].Bytes()
	}
	return n
}
