package writer

import (
	"context"
	"fmt"

	"clew/index"
	"clew/index/segment/format"
	"clew/index/vocabulary"
)

// gathering is a row group that is being written: where each of its rows comes from. A row group draws on few row groups of
// the inputs, as both are ordered by time; pulls lists, for each of those, which of its rows go where.
type gathering struct {
	rows  int
	pulls []pull
	// Of each row: its pull, and its row there.
	slot []uint32
	row  []uint32
}

type pull struct {
	input, group int
	rows, at     []uint32 // row rows[k] of the input's row group becomes row at[k] of ours
}

// gatherer makes gatherings; it knows which input row group a global row number is in.
type gatherer struct {
	out gathering // the last one made; its memory serves the next
	// places lists all row groups of all inputs in order of their first rows.
	places []place
	slotOf []int32 // per place: its pull in the gathering being made, or -1
}

type place struct {
	input, group int
	first, end   uint32
}

func newGatherer(inputs []input) *gatherer {
	g := &gatherer{}
	for i := range inputs {
		for rg, first := range inputs[i].firstRow {
			if rows := inputs[i].groups[rg].Rows; rows > 0 {
				g.places = append(g.places, place{input: i, group: rg, first: first, end: first + uint32(rows)})
				g.slotOf = append(g.slotOf, -1)
			}
		}
	}
	return g
}

// locate returns the place that holds a global row. near is where the search begins: neighbours are mostly in one place.
func (g *gatherer) locate(row uint32, near int) int {
	if p := &g.places[near]; row >= p.first && row < p.end {
		return near
	}
	lo, hi := 0, len(g.places)
	for lo < hi {
		mid := (lo + hi) / 2
		if g.places[mid].end <= row {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// gather resolves global rows, in the order they are to be written. What it returned before is not valid any more.
func (g *gatherer) gather(order []uint32) *gathering {
	out := &g.out
	out.rows = len(order)
	out.slot, out.row = format.Resized(out.slot, len(order)), format.Resized(out.row, len(order))
	used := out.pulls[:cap(out.pulls)]
	out.pulls = out.pulls[:0]
	near := 0
	for i, global := range order {
		near = g.locate(global, near)
		p := &g.places[near]
		slot := g.slotOf[near]
		if slot < 0 {
			slot = int32(len(out.pulls))
			g.slotOf[near] = slot
			next := pull{input: p.input, group: p.group}
			if int(slot) < len(used) {
				next.rows, next.at = used[slot].rows[:0], used[slot].at[:0]
			}
			out.pulls = append(out.pulls, next)
		}
		row := global - p.first
		out.slot[i], out.row[i] = uint32(slot), row
		out.pulls[slot].rows = append(out.pulls[slot].rows, row)
		out.pulls[slot].at = append(out.pulls[slot].at, uint32(i))
	}
	for i := range g.slotOf {
		g.slotOf[i] = -1
	}
	return out
}

// codes fills out with our codes of a value or text column.
func (w *Writer) codes(ctx context.Context, c *column, g *gathering, out []uint32) error {
	for p := range g.pulls {
		pl := &g.pulls[p]
		in, col := &w.inputs[pl.input], c.from[pl.input]
		if col < 0 {
			for _, at := range pl.at {
				out[at] = index.NullCode
			}
			continue
		}
		var err error
		switch {
		case c.remap[pl.input] != nil:
			err = codesFromCodes(ctx, in, col, pl, c.remap[pl.input], out)
		case c.coded != nil && c.coded[pl.input] != nil:
			err = codesFromCodes(ctx, in, col, pl, c.coded[pl.input].templates, out)
		case c.numberCodes != nil && c.numbers != nil:
			err = c.codesFromNumbers(ctx, in, col, pl, out)
		default:
			err = c.codesFromTexts(ctx, in, col, pl, out)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func codesFromCodes(ctx context.Context, in *input, col int, pl *pull, remap, out []uint32) error {
	codes, err := in.part.Codes(ctx, col, pl.group)
	if err != nil {
		return err
	}
	if len(codes) != in.groups[pl.group].Rows {
		return fmt.Errorf("part %s: %d codes for %d rows", in.info.ID, len(codes), in.groups[pl.group].Rows)
	}
	for k, row := range pl.rows {
		code := codes[row]
		if code != index.NullCode {
			code = remap[code]
		}
		out[pl.at[k]] = code
	}
	return nil
}

func (c *column) codesFromNumbers(ctx context.Context, in *input, col int, pl *pull, out []uint32) error {
	numbers, err := in.numbers(ctx, c.Type, col, pl.group)
	if err != nil {
		return err
	}
	for k, row := range pl.rows {
		code := index.NullCode
		if index.IsValid(numbers.valid, int(row)) {
			code = c.numberCodes[c.numbers.find(numbers.bits[row]).index-1]
		}
		out[pl.at[k]] = code
	}
	return nil
}

func (c *column) codesFromTexts(ctx context.Context, in *input, col int, pl *pull, out []uint32) error {
	all, err := in.texts(ctx, col, pl.group)
	if err != nil {
		return err
	}
	var text []byte
	for k, row := range pl.rows {
		code := index.NullCode
		if !all.null(int(row)) {
			term, _ := c.terms.Lookup(vocabulary.RawTemplate)
			if c.Kind == index.KindValue {
				text = all.at(text[:0], int(row))
				term, _ = c.terms.Lookup(text)
			}
			code = c.rank[term]
		}
		out[pl.at[k]] = code
	}
	return nil
}

// numbers fills bits and valid with an int or double column's values, and returns how many rows have none.
func (w *Writer) numbers(ctx context.Context, c *column, g *gathering, bits, valid []uint64) (nulls int, err error) {
	for p := range g.pulls {
		pl := &g.pulls[p]
		in, col := &w.inputs[pl.input], c.from[pl.input]
		if col < 0 {
			nulls += len(pl.at)
			continue
		}
		numbers, err := in.numbers(ctx, c.Type, col, pl.group)
		if err != nil {
			return 0, err
		}
		for k, row := range pl.rows {
			at := pl.at[k]
			if !index.IsValid(numbers.valid, int(row)) {
				nulls++
				continue
			}
			bits[at] = numbers.bits[row]
			valid[at>>6] |= 1 << (at & 63)
		}
	}
	return nulls, nil
}

// rawSource is a pull's column as byte strings: direct where the input has a raw column, by way of texts otherwise.
type rawSource struct {
	raw    index.Bytes
	texts  texts
	direct bool
	absent bool
}

func (w *Writer) rawSources(ctx context.Context, c *column, g *gathering) ([]rawSource, error) {
	sources := make([]rawSource, len(g.pulls))
	for p := range g.pulls {
		pl := &g.pulls[p]
		in, col := &w.inputs[pl.input], c.from[pl.input]
		s := &sources[p]
		var err error
		switch {
		case col < 0:
			s.absent = true
		case in.columns[col].Kind == index.KindRaw || in.columns[col].Overflow:
			s.direct = true
			s.raw, err = in.part.Bytes(ctx, col, pl.group)
		default:
			s.texts, err = in.texts(ctx, col, pl.group)
		}
		if err != nil {
			return nil, err
		}
	}
	return sources, nil
}

// append appends a row's value; ok is false if it has none.
func (s *rawSource) append(dst []byte, row int) (out []byte, ok bool) {
	switch {
	case s.absent:
		return dst, false
	case s.direct:
		if !index.IsValid(s.raw.Valid, row) {
			return dst, false
		}
		return append(dst, s.raw.At(row)...), true
	case s.texts.null(row):
		return dst, false
	}
	return s.texts.at(dst, row), true
}

// textSource is a pull's column as templates and holes; its template codes are not ours, see writer.codes for those.
type textSource interface {
	AppendVar(dst []byte, row, k int) []byte
	IntVar(row, k int) int64
}

func (w *Writer) textSources(ctx context.Context, c *column, g *gathering) ([]textSource, error) {
	sources := make([]textSource, len(g.pulls))
	for p := range g.pulls {
		pl := &g.pulls[p]
		in, col := &w.inputs[pl.input], c.from[pl.input]
		var err error
		switch {
		case col < 0: // no row asks it anything
		case c.coded[pl.input] != nil:
			source := codedText{coded: c.coded[pl.input]}
			source.codes, err = in.part.Codes(ctx, col, pl.group)
			sources[p] = source
		case c.remap[pl.input] != nil:
			sources[p], err = in.part.Text(ctx, col, pl.group)
		default:
			source := wholeText{}
			source.texts, err = in.texts(ctx, col, pl.group)
			sources[p] = source
		}
		if err != nil {
			return nil, err
		}
	}
	return sources, nil
}

// codedText are the rows of a value column that becomes a text column.
type codedText struct {
	coded *codedValue
	codes []uint32
}

func (t codedText) hole(row, k int) []byte {
	code := t.codes[row]
	h := t.coded.holes[code][k]
	return t.coded.values.At(int(code))[h.Start:h.End]
}

func (t codedText) AppendVar(dst []byte, row, k int) []byte { return append(dst, t.hole(row, k)...) }

func (t codedText) IntVar(row, k int) int64 { return vocabulary.EncodeInt(t.hole(row, k)) }

// wholeText are the rows of a raw column that becomes a text column: one hole that is the whole text.
type wholeText struct{ texts texts }

func (t wholeText) AppendVar(dst []byte, row, _ int) []byte { return t.texts.at(dst, row) }
func (t wholeText) IntVar(int, int) int64                   { return 0 }
