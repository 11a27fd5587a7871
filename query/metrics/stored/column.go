package stored

import (
	"context"
	"encoding/base64"
	"fmt"

	"clew/index"
	"clew/index/vocabulary"
	"clew/internal/telemetry"
)

// words are the values of a column of a part as codes, whatever the column's kind: those of the part's vocabulary where it has one, else codes
// given here.
type words struct {
	part  index.Part
	col   int
	info  index.ColumnInfo
	arena *vocabulary.Arena // the part's vocabulary; nil: own
	own   map[string]uint32
	texts []string
	codes []uint32 // of the row group that was loaded last; nil: no row has a value
}

func newWords(ctx context.Context, part index.Part, col int) (*words, error) {
	w := &words{part: part, col: col, info: part.Columns()[col]}
	if w.info.Kind == index.KindValue && !w.info.Overflow {
		var err error
		if w.arena, err = part.Vocabulary(ctx, col); err != nil {
			return nil, fmt.Errorf("vocabulary of %v: %w", w.info.Column, err)
		}
		return w, nil
	}
	w.own = map[string]uint32{}
	return w, nil
}

// load reads the codes of a row group.
func (w *words) load(ctx context.Context, rg, rows int) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("column %v: %w", w.info.Column, err)
		} else if w.codes != nil && len(w.codes) != rows {
			err = fmt.Errorf("column %v has %d values for %d rows", w.info.Column, len(w.codes), rows)
		}
	}()
	if w.arena != nil {
		h, ok, err := w.part.Histogram(ctx, w.col, rg)
		if err != nil {
			return err
		}
		if ok && len(h.Codes) == 0 {
			w.codes = nil
			return nil
		}
		w.codes, err = w.part.Codes(ctx, w.col, rg)
		return err
	}
	w.codes = make([]uint32, rows)
	switch {
	case w.info.Overflow || w.info.Kind == index.KindRaw:
		values, err := w.part.Bytes(ctx, w.col, rg)
		if err != nil {
			return err
		}
		if len(values.Offsets) != rows+1 {
			return fmt.Errorf("%d values for %d rows", len(values.Offsets)-1, rows)
		}
		for i := range rows {
			w.put(i, index.IsValid(values.Valid, i), func() []byte { return values.At(i) })
		}
	case w.info.Kind == index.KindText:
		rowsOf, err := w.part.Text(ctx, w.col, rg)
		if err != nil {
			return err
		}
		var buf []byte
		for i := range rows {
			w.put(i, rowsOf.Code(i) != index.NullCode, func() []byte {
				buf = rowsOf.AppendText(buf[:0], i)
				return buf
			})
		}
	case w.info.Kind == index.KindInt:
		values, err := w.part.Ints(ctx, w.col, rg)
		if err != nil {
			return err
		}
		if len(values.Values) != rows {
			return fmt.Errorf("%d values for %d rows", len(values.Values), rows)
		}
		for i := range rows {
			w.put(i, index.IsValid(values.Valid, i), func() []byte { return fmt.Append(nil, values.Values[i]) })
		}
	case w.info.Kind == index.KindDouble:
		values, err := w.part.Doubles(ctx, w.col, rg)
		if err != nil {
			return err
		}
		if len(values.Values) != rows {
			return fmt.Errorf("%d values for %d rows", len(values.Values), rows)
		}
		for i := range rows {
			w.put(i, index.IsValid(values.Valid, i), func() []byte { return fmt.Append(nil, values.Values[i]) })
		}
	default:
		return fmt.Errorf("kind %v is not known", w.info.Kind)
	}
	return nil
}

// put gives row i the code of its value.
func (w *words) put(i int, valid bool, text func() []byte) {
	if !valid {
		w.codes[i] = index.NullCode
		return
	}
	b := text()
	code, ok := w.own[string(b)]
	if !ok {
		code = uint32(len(w.texts))
		w.own[string(b)] = code
		w.texts = append(w.texts, string(b))
	}
	w.codes[i] = code
}

// code is row i's code, or NullCode.
func (w *words) code(i int) uint32 {
	if w.codes == nil {
		return index.NullCode
	}
	return w.codes[i]
}

// text is the value of a code; empty for NullCode.
func (w *words) text(code uint32) string {
	var s string
	switch {
	case code == index.NullCode:
		return ""
	case w.arena == nil:
		s = w.texts[code]
	case int(code) < w.arena.Len():
		s = string(w.arena.At(int(code)))
	}
	if w.info.Type == telemetry.TypeBytes {
		return base64.StdEncoding.EncodeToString([]byte(s)) // as OTLP's JSON has it
	}
	return s
}

// groups gives every row the number of the combination of values that it has in some columns, over all row groups of a part.
type groups struct {
	columns []*words
	numbers map[uint64][]uint32 // by hash
	tuples  []uint32            // of each combination, the codes
	count   int
	scratch []uint32
	last    uint32 // the number of scratch's combination
}

func newGroups(columns []*words) *groups {
	return &groups{columns: columns, numbers: map[uint64][]uint32{}, scratch: make([]uint32, len(columns))}
}

// of is the number of row i's combination.
func (g *groups) of(i int) (number uint32, fresh bool) {
	same := g.count > 0
	for c, w := range g.columns {
		if code := w.code(i); g.scratch[c] != code {
			g.scratch[c] = code
			same = false
		}
	}
	if same {
		return g.last, false
	}
	h := uint64(14695981039346656037)
	for _, code := range g.scratch {
		h = (h ^ uint64(code)) * 1099511628211
		h ^= h >> 29
	}
	n := len(g.columns)
	for _, number := range g.numbers[h] {
		equal := true
		for c, code := range g.tuples[int(number)*n : (int(number)+1)*n] {
			equal = equal && g.scratch[c] == code
		}
		if equal {
			g.last = number
			return number, false
		}
	}
	number = uint32(g.count)
	g.count++
	g.numbers[h] = append(g.numbers[h], number)
	g.tuples = append(g.tuples, g.scratch...)
	g.last = number
	return number, true
}

// attributes are the values of the combination at hand, by the columns' keys; columns are in the order of keys.
func (g *groups) attributes() []attribute {
	var all []attribute
	for c, w := range g.columns {
		if w.info.Level == telemetry.LevelField || g.scratch[c] == index.NullCode {
			continue
		}
		all = append(all, attribute{w.info.Key, w.text(g.scratch[c])})
	}
	return all
}
