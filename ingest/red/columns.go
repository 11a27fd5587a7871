package red

import (
	"context"
	"fmt"

	"clew/index"
	"clew/internal/telemetry"
)

// find is the column of a part, or -1.
func find(part index.Part, level telemetry.Level, key string, typ telemetry.Type) int {
	for i, c := range part.Columns() {
		if c.Level == level && c.Key == key && c.Type == typ && c.NonNull > 0 && !c.Overflow {
			return i
		}
	}
	return -1
}

// words reads a column of strings in a row group as codes of labels.
type words struct {
	t      *Tally
	label  func(text []byte) string
	codes  []uint32
	text   func(code int) []byte
	ofCode []uint32 // code of the label, plus one; 0: not asked for yet
	raw    index.Bytes
	none   bool
}

// words opens a column for a row group. label makes a label of a value, or of a template.
func (t *Tally) words(ctx context.Context, part index.Part, col, rg int, label func([]byte) string) (words, error) {
	w := words{t: t, label: label, none: col < 0}
	if w.none {
		return w, nil
	}
	switch c := part.Columns()[col]; c.Kind {
	case index.KindValue, index.KindText:
		entries, err := part.Vocabulary(ctx, col)
		if err != nil {
			return w, err
		}
		if w.codes, err = part.Codes(ctx, col, rg); err != nil {
			return w, err
		}
		w.text, w.ofCode = entries.At, make([]uint32, entries.Len())
	case index.KindRaw:
		var err error
		if w.raw, err = part.Bytes(ctx, col, rg); err != nil {
			return w, err
		}
	default:
		return w, fmt.Errorf("column %s is of kind %v", c.Column, c.Kind)
	}
	return w, nil
}

// at is the code of a row's label; 0: it has none.
func (w *words) at(row int) uint32 {
	switch {
	case w.none:
		return 0
	case w.codes == nil:
		if !index.IsValid(w.raw.Valid, row) {
			return 0
		}
		return w.t.code(w.label(w.raw.At(row)))
	}
	code := w.codes[row]
	if code == index.NullCode {
		return 0
	}
	if w.ofCode[code] == 0 {
		w.ofCode[code] = w.t.code(w.label(w.text(int(code)))) + 1
	}
	return w.ofCode[code] - 1
}

// ints reads a column of numbers; without the column it has no values.
func ints(ctx context.Context, part index.Part, col, rg int) (index.Ints, error) {
	if col < 0 {
		return index.Ints{}, nil
	}
	return part.Ints(ctx, col, rg)
}

// ids reads a column of ids; nil is a row without one.
func ids(ctx context.Context, part index.Part, col, rg int) (func(row int) []byte, error) {
	if col < 0 || part.Columns()[col].Kind != index.KindRaw {
		return func(int) []byte { return nil }, nil
	}
	b, err := part.Bytes(ctx, col, rg)
	return func(row int) []byte {
		if !index.IsValid(b.Valid, row) {
			return nil
		}
		return b.At(row)
	}, err
}
