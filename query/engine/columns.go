package engine

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

// columnReader reads single columns of some rows, for operations that need few columns of many rows. Values that are the same are one
// string. It is one goroutine's.
type columnReader struct {
	byCode map[codesOf]map[uint32]string
	texts  map[string]string
	buf    []byte
}

func newColumnReader() *columnReader {
	return &columnReader{byCode: map[codesOf]map[uint32]string{}, texts: map[string]string{}}
}

// columnsOf are the part's columns of a level and key, of whatever type, that have values.
func (b *bound) columnsOf(level telemetry.Level, key string) []int {
	var cols []int
	for i, c := range b.columns {
		if c.Level == level && c.Key == key && c.NonNull > 0 {
			cols = append(cols, i)
		}
	}
	return cols
}

// text reads a field as text into set, for the rows that have it. What Record.Text and Record.Service say, it says.
func (r *columnReader) text(ctx context.Context, b *bound, level telemetry.Level, key string, rg int, rows []int, set func(i int, text string)) error {
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

func (r *columnReader) column(ctx context.Context, b *bound, col, rg int, rows []int, set func(i int, text string)) error {
	c := b.columns[col]
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
func (r *columnReader) shared(text []byte) string {
	if s, ok := r.texts[string(text)]; ok {
		return s
	}
	s := string(text)
	r.texts[s] = s
	return s
}

func (r *columnReader) codes(ctx context.Context, b *bound, col, rg int, rows []int, set func(i int, text string)) error {
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
func (r *columnReader) overflow(ctx context.Context, b *bound, level telemetry.Level, key string, rg int, rows []int, set func(i int, text string)) error {
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
				return fmt.Errorf("part %s: field %s: %w", b.info.ID, overflowFields[level], err)
			}
			if v, ok := members.Get(key); ok {
				typ, value := overflowValue(v)
				set(i, r.shared([]byte(Field{telemetry.Column{Type: typ}, value}.Text())))
			}
		}
	}
	return nil
}

// int reads a fixed number.
func (r *columnReader) int(ctx context.Context, b *bound, key string, rg int, rows []int, set func(i int, v int64)) error {
	for _, col := range b.columnsOf(telemetry.LevelField, key) {
		if c := b.columns[col]; c.Kind != index.KindInt || c.Overflow {
			err := r.column(ctx, b, col, rg, rows, func(i int, text string) {
				v, _ := strconv.ParseInt(text, 10, 64)
				set(i, v)
			})
			if err != nil {
				return err
			}
			continue
		}
		vals, err := b.part.Ints(ctx, col, rg)
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

// raw reads a fixed field of bytes. What set gets is only lent.
func (r *columnReader) raw(ctx context.Context, b *bound, key string, rg int, rows []int, set func(i int, v []byte)) error {
	for _, col := range b.columnsOf(telemetry.LevelField, key) {
		if c := b.columns[col]; c.Type != telemetry.TypeBytes || c.Kind != index.KindRaw {
			return fmt.Errorf("part %s: column %v is not of raw bytes", b.info.ID, c.Column)
		}
		vals, err := b.part.Bytes(ctx, col, rg)
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

// has tells which rows have a fixed field.
func (r *columnReader) has(ctx context.Context, b *bound, key string, rg int, rows []int, set func(i int)) error {
	for _, col := range b.columnsOf(telemetry.LevelField, key) {
		c := b.columns[col]
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
		codes, err := b.part.Codes(ctx, col, rg)
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

// rowList is the rows of a set, as a list.
func rowList(rows rowset.Set, n int) []int {
	out := make([]int, 0, rows.Count(n))
	rows.Each(n, func(i int) bool {
		out = append(out, i)
		return true
	})
	return out
}

// byRowGroup sorts rows by row group, so that each column is read once, and cuts them into runs of one row group.
func byRowGroup(refs []rowRef, runMax int) [][]rowRef {
	slices.SortFunc(refs, func(x, y rowRef) int {
		if x.b != y.b {
			if c := cmp.Or(cmp.Compare(x.b.info.ID, y.b.info.ID), cmp.Compare(x.b.group, y.b.group), cmp.Compare(x.b.page, y.b.page)); c != 0 {
				return c
			}
		}
		if x.rg != y.rg {
			return x.rg - y.rg
		}
		return x.row - y.row
	})
	var runs [][]rowRef
	for len(refs) > 0 {
		end := 1
		for end < len(refs) && end < runMax && refs[end].b == refs[0].b && refs[end].rg == refs[0].rg {
			end++
		}
		runs = append(runs, refs[:end])
		refs = refs[end:]
	}
	return runs
}
