package writer

import (
	"context"
	"fmt"
	"strconv"

	"clew/index"
	"clew/index/segment/format"
	"clew/index/vocabulary"
	"clew/internal/telemetry"
)

// input is a part whose rows go into the segment.
type input struct {
	part    index.Part
	info    index.Info
	columns []index.ColumnInfo
	groups  []index.RowGroupInfo
	// firstRow[g] is the global number of row group g's first row: rows of all inputs are numbered one after the other.
	firstRow []uint32
}

// openInputs checks that parts belong together and numbers their rows.
func openInputs(parts []index.Part) (inputs []input, rows int, err error) {
	for i, part := range parts {
		in := input{part: part, info: part.Info(), columns: part.Columns(), groups: part.RowGroups()}
		first := inputs
		if i > 0 && (in.info.Signal != first[0].info.Signal || in.info.Tenant != first[0].info.Tenant) {
			return nil, 0, fmt.Errorf("part %s is %s of %s, part %s is %s of %s", first[0].info.ID, first[0].info.Signal, first[0].info.Tenant,
				in.info.ID, in.info.Signal, in.info.Tenant)
		}
		for _, g := range in.groups {
			in.firstRow = append(in.firstRow, uint32(rows))
			rows += g.Rows
			if rows > rowsMax {
				return nil, 0, fmt.Errorf("more than %d rows", rowsMax)
			}
		}
		inputs = append(inputs, in)
	}
	if rows == 0 {
		return nil, 0, fmt.Errorf("no rows")
	}
	return inputs, rows, nil
}

// texts gives a column's values in one row group of an input as texts (see KindValue for their form), whatever the column's kind.
// They serve where columns of different kinds meet; the paths that most rows take don't come here.
type texts struct {
	null func(row int) bool
	at   func(dst []byte, row int) []byte // appends the row's text
}

func (in *input) texts(ctx context.Context, col, rg int) (texts, error) {
	info := in.columns[col]
	if info.Overflow {
		return in.rawTexts(ctx, col, rg)
	}
	switch info.Kind {
	case index.KindValue:
		arena, err := in.part.Vocabulary(ctx, col)
		if err != nil {
			return texts{}, err
		}
		codes, err := in.part.Codes(ctx, col, rg)
		if err != nil {
			return texts{}, err
		}
		return texts{
			null: func(row int) bool { return codes[row] == index.NullCode },
			at:   func(dst []byte, row int) []byte { return append(dst, arena.At(int(codes[row]))...) },
		}, nil
	case index.KindText:
		rows, err := in.part.Text(ctx, col, rg)
		if err != nil {
			return texts{}, err
		}
		return texts{
			null: func(row int) bool { return rows.Code(row) == index.NullCode },
			at:   rows.AppendText,
		}, nil
	case index.KindRaw:
		return in.rawTexts(ctx, col, rg)
	case index.KindInt:
		ints, err := in.part.Ints(ctx, col, rg)
		return texts{
			null: func(row int) bool { return !index.IsValid(ints.Valid, row) },
			at:   func(dst []byte, row int) []byte { return strconv.AppendInt(dst, ints.Values[row], 10) },
		}, err
	case index.KindDouble:
		doubles, err := in.part.Doubles(ctx, col, rg)
		return texts{
			null: func(row int) bool { return !index.IsValid(doubles.Valid, row) },
			at:   func(dst []byte, row int) []byte { return format.AppendDouble(dst, doubles.Values[row]) },
		}, err
	}
	return texts{}, fmt.Errorf("column %s of part %s: kind %d", info.Column, in.info.ID, info.Kind)
}

func (in *input) rawTexts(ctx context.Context, col, rg int) (texts, error) {
	raw, err := in.part.Bytes(ctx, col, rg)
	return texts{
		null: func(row int) bool { return !index.IsValid(raw.Valid, row) },
		at:   func(dst []byte, row int) []byte { return append(dst, raw.At(row)...) },
	}, err
}

// find returns the input's column of this identity, or -1.
func (in *input) find(c telemetry.Column) int {
	lo, hi := 0, len(in.columns)
	for lo < hi {
		mid := (lo + hi) / 2
		if in.columns[mid].Compare(c) < 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(in.columns) && in.columns[lo].Column == c {
		return lo
	}
	return -1
}

// holesOf lists the hole kinds of every template.
func holesOf(arena *vocabulary.Arena) (kinds [][]byte, set format.HoleSet) {
	kinds = make([][]byte, arena.Len())
	for code := range kinds {
		kinds[code] = vocabulary.Holes(nil, arena.At(code))
		set.Grow(len(kinds[code]))
		for k, kind := range kinds[code] {
			if kind == vocabulary.HoleInt {
				set.Ints[k] = true
			} else {
				set.Strings[k] = true
			}
		}
	}
	return kinds, set
}

// numbers are a numeric column's values in one row group, as bits of int64 or float64.
type numbers struct {
	bits  []uint64
	valid []uint64
}

func (in *input) numbers(ctx context.Context, t telemetry.Type, col, rg int) (numbers, error) {
	info := in.columns[col]
	switch {
	case info.Kind == index.KindInt && !info.Overflow:
		ints, err := in.part.Ints(ctx, col, rg)
		return numbers{bits: format.Int64Bits(ints.Values), valid: ints.Valid}, err
	case info.Kind == index.KindDouble && !info.Overflow:
		doubles, err := in.part.Doubles(ctx, col, rg)
		return numbers{bits: format.Float64Bits(doubles.Values), valid: doubles.Valid}, err
	}
	all, err := in.texts(ctx, col, rg)
	if err != nil {
		return numbers{}, err
	}
	rows := in.groups[rg].Rows
	n := numbers{bits: make([]uint64, rows), valid: make([]uint64, (rows+63)/64)}
	var text []byte
	for row := range rows {
		if all.null(row) {
			continue
		}
		text = all.at(text[:0], row)
		bits, err := format.ParseNumber(t, text)
		if err != nil {
			return numbers{}, fmt.Errorf("value %.40q of a column of type %s: %w", text, t, err)
		}
		n.bits[row] = bits
		n.valid[row>>6] |= 1 << (row & 63)
	}
	return n, nil
}
