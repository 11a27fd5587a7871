package match

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"clew/index"
	"clew/internal/telemetry"
	"clew/query/engine/rowset"
)

// ColumnReader reads single columns of some rows, for operations that need few columns of many rows. Values that are the same are one
// string. It is one goroutine's.
type ColumnReader struct {
	byCode map[codesOf]map[uint32]string
	texts  map[string]string
	buf    []byte
}

// NewColumnReader makes a reader that has read nothing yet.
func NewColumnReader() *ColumnReader {
	return &ColumnReader{byCode: map[codesOf]map[uint32]string{}, texts: map[string]string{}}
}

// columnsOf are the part's columns of a level and key, of whatever type, that have values.
func (b *Bound) columnsOf(level telemetry.Level, key string) []int {
	var cols []int
	for i, c := range b.Columns {
		if c.Level == level && c.Key == key && c.NonNull > 0 {
			cols = append(cols, i)
		}
	}
	return cols
}

// Text reads a field as text into set, for the rows that have it. What Record.Text and Record.Service say, it says.
func (r *ColumnReader) Text(ctx context.Context, b *Bound, level telemetry.Level, key string, rg int, rows []int, set func(i int, text string)) error {
	var done []bool // rows that an earlier column had a value for
	cols := b.columnsOf(level, key)
	for n, col := range cols {
		put := set
		if n > 0 || len(cols) > 1 {
			if done == nil {
				done = make([]bool, len(rows))
			}
			put = func(i int, text string) {
				if !done[i] {
					done[i] = true
					set(i, text)
				}
			}
		}
		if err := r.column(ctx, b, col, rg, rows, put); err != nil {
			return err
		}
	}
	if level == telemetry.LevelField {
		return nil
	}
	return r.overflow(ctx, b, level, key, rg, rows, set)
}

func (r *ColumnReader) column(ctx context.Context, b *Bound, col, rg int, rows []int, set func(i int, text string)) error {
	c := b.Columns[col]
	switch {
	case !c.Overflow && c.Kind == index.KindValue && c.Type != telemetry.TypeBytes:
		return r.codes(ctx, b, col, rg, rows, set)
	case !c.Overflow && c.Kind == index.KindText:
		return b.gatherText(ctx, col, rg, rows, func(i int, v Value) { set(i, r.shared([]byte(v.Text))) })
	}
	cells, err := b.cells(ctx, col, rg)
	if err != nil {
		return err
	}
	for i, row := range rows {
		var ok bool
		if r.buf, ok = cells(r.buf[:0], row); ok {
			set(i, r.shared(r.buf))
		}
	}
	return nil
}

// shared is the one string for a text.
func (r *ColumnReader) shared(text []byte) string {
	if s, ok := r.texts[string(text)]; ok {
		return s
	}
	s := string(text)
	r.texts[s] = s
	return s
}

func (r *ColumnReader) codes(ctx context.Context, b *Bound, col, rg int, rows []int, set func(i int, text string)) error {
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
	known := r.byCode[codesOf{b, col}]
	if known == nil {
		known = map[uint32]string{}
		r.byCode[codesOf{b, col}] = known
	}
	last, text := index.NullCode, ""
	for i, row := range rows {
		code := codes[row]
		if code == index.NullCode {
			continue
		}
		if code != last {
			var ok bool
			if text, ok = known[code]; !ok {
				text = r.shared(entries.At(int(code)))
				known[code] = text
			}
			last = code
		}
		set(i, text)
	}
	return nil
}

// overflow reads an attribute that has no column where its level's overflow field holds it.
func (r *ColumnReader) overflow(ctx context.Context, b *Bound, level telemetry.Level, key string, rg int, rows []int, set func(i int, text string)) error {
	for _, col := range b.columnsOf(telemetry.LevelField, overflowFields[level]) {
		cells, err := b.cells(ctx, col, rg)
		if err != nil {
			return err
		}
		for i, row := range rows {
			var ok bool
			if r.buf, ok = cells(r.buf[:0], row); !ok {
				continue
			}
			members := pcommon.NewMap()
			if err := telemetry.ParseMap(string(r.buf), members); err != nil {
				return fmt.Errorf("part %s: field %s: %w", b.Info.ID, overflowFields[level], err)
			}
			if v, ok := members.Get(key); ok {
				typ, value := OverflowValue(v)
				set(i, r.shared([]byte(Field{telemetry.Column{Type: typ}, value}.Text())))
			}
		}
	}
	return nil
}

// Int reads a fixed number.
func (r *ColumnReader) Int(ctx context.Context, b *Bound, key string, rg int, rows []int, set func(i int, v int64)) error {
	for _, col := range b.columnsOf(telemetry.LevelField, key) {
		if c := b.Columns[col]; c.Kind != index.KindInt || c.Overflow {
			err := r.column(ctx, b, col, rg, rows, func(i int, text string) {
				v, _ := strconv.ParseInt(text, 10, 64)
				set(i, v)
			})
			if err != nil {
				return err
			}
			continue
		}
		vals, err := b.Part.Ints(ctx, col, rg)
		if err != nil {
			return err
		}
		for i, row := range rows {
			if index.IsValid(vals.Valid, row) {
				set(i, vals.Values[row])
			}
		}
	}
	return nil
}

// Raw reads a fixed field of bytes. What set gets is only lent.
func (r *ColumnReader) Raw(ctx context.Context, b *Bound, key string, rg int, rows []int, set func(i int, v []byte)) error {
	for _, col := range b.columnsOf(telemetry.LevelField, key) {
		if c := b.Columns[col]; c.Type != telemetry.TypeBytes || c.Kind != index.KindRaw {
			return fmt.Errorf("part %s: column %v is not of raw bytes", b.Info.ID, c.Column)
		}
		vals, err := b.Part.Bytes(ctx, col, rg)
		if err != nil {
			return err
		}
		for i, row := range rows {
			if index.IsValid(vals.Valid, row) {
				set(i, vals.At(row))
			}
		}
	}
	return nil
}

// Has tells which rows have a fixed field.
func (r *ColumnReader) Has(ctx context.Context, b *Bound, key string, rg int, rows []int, set func(i int)) error {
	for _, col := range b.columnsOf(telemetry.LevelField, key) {
		c := b.Columns[col]
		if c.Overflow || c.Kind != index.KindText && c.Kind != index.KindValue {
			cells, err := b.cells(ctx, col, rg)
			if err != nil {
				return err
			}
			for i, row := range rows {
				var ok bool
				if r.buf, ok = cells(r.buf[:0], row); ok {
					set(i)
				}
			}
			continue
		}
		codes, err := b.Part.Codes(ctx, col, rg)
		if err != nil {
			return err
		}
		for i, row := range rows {
			if codes[row] != index.NullCode {
				set(i)
			}
		}
	}
	return nil
}

// RowList is the rows of a set, as a list.
func RowList(rows rowset.Set, n int) []int {
	out := make([]int, 0, rows.Count(n))
	rows.Each(n, func(i int) bool {
		out = append(out, i)
		return true
	})
	return out
}

// ByRowGroup sorts rows by row group, so that each column is read once, and cuts them into runs of one row group.
func ByRowGroup(refs []RowRef, runMax int) [][]RowRef {
	slices.SortFunc(refs, func(x, y RowRef) int {
		if x.Bound != y.Bound {
			if c := cmp.Or(cmp.Compare(x.Bound.Info.ID, y.Bound.Info.ID), cmp.Compare(x.Bound.Group, y.Bound.Group), cmp.Compare(x.Bound.page, y.Bound.page)); c != 0 {
				return c
			}
		}
		if x.Group != y.Group {
			return x.Group - y.Group
		}
		return x.Row - y.Row
	})
	var runs [][]RowRef
	for len(refs) > 0 {
		end := 1
		for end < len(refs) && end < runMax && refs[end].Bound == refs[0].Bound && refs[end].Group == refs[0].Group {
			end++
		}
		runs = append(runs, refs[:end])
		refs = refs[end:]
	}
	return runs
}
