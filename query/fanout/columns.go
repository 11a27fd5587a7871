package fanout

import (
	"context"
	"fmt"

	"github.com/apache/arrow/go/v15/arrow/array"

	"clew/index"
	"clew/index/vocabulary"
	"clew/query/fanout/frame"
)

// columnOf makes a column of a part's column in a row group. Integers and doubles stay what they are; of all others the values travel as texts.
func columnOf(ctx context.Context, p index.Part, col, rg int) (frame.Column, error) {
	c := p.Columns()[col]
	rows := p.RowGroups()[rg].Rows
	switch {
	case c.Kind == index.KindInt && !c.Overflow:
		v, err := p.Ints(ctx, col, rg)
		return frame.Ints(c.Column, v.Values, bitmap(v.Valid, rows)), err
	case c.Kind == index.KindDouble && !c.Overflow:
		v, err := p.Doubles(ctx, col, rg)
		return frame.Doubles(c.Column, v.Values, bitmap(v.Valid, rows)), err
	}
	valid, offsets, data := make([]byte, (rows+7)/8), make([]int32, 1, rows+1), []byte(nil)
	value, err := textsOf(ctx, p, col, rg)
	if err != nil {
		return frame.Column{}, err
	}
	for i := range rows {
		var ok bool
		if data, ok = value(data, i); ok {
			valid[i>>3] |= 1 << (i & 7)
		}
		offsets = append(offsets, int32(len(data)))
	}
	return frame.Bytes(c.Column, offsets, data, valid), nil
}

// textsOf gives a function that appends a row's value, and says whether it has one.
func textsOf(ctx context.Context, p index.Part, col, rg int) (func(dst []byte, row int) ([]byte, bool), error) {
	switch c := p.Columns()[col]; {
	case c.Overflow || c.Kind == index.KindRaw:
		v, err := p.Bytes(ctx, col, rg)
		return func(dst []byte, row int) ([]byte, bool) {
			if !index.IsValid(v.Valid, row) {
				return dst, false
			}
			return append(dst, v.At(row)...), true
		}, err
	case c.Kind == index.KindValue:
		entries, err := p.Vocabulary(ctx, col)
		if err != nil {
			return nil, err
		}
		codes, err := p.Codes(ctx, col, rg)
		return func(dst []byte, row int) ([]byte, bool) {
			if codes[row] == index.NullCode {
				return dst, false
			}
			return append(dst, entries.At(int(codes[row]))...), true
		}, err
	case c.Kind == index.KindText:
		texts, err := p.Text(ctx, col, rg)
		return func(dst []byte, row int) ([]byte, bool) {
			if texts.Code(row) == index.NullCode {
				return dst, false
			}
			return texts.AppendText(dst, row), true
		}, err
	default:
		return nil, fmt.Errorf("part %s: column %v has unknown kind %v", p.Info().ID, c.Column, c.Kind)
	}
}

// bitmap is a validity of 64-bit words as bytes; nil stays nil.
func bitmap(words []uint64, rows int) []byte {
	if words == nil {
		return nil
	}
	out := make([]byte, (rows+7)/8)
	for i := range out {
		out[i] = byte(words[i>>3] >> (8 * (i & 7)))
	}
	return out
}

// wordsOf is the inverse of bitmap.
func wordsOf(bytes []byte, rows int) []uint64 {
	if bytes == nil {
		return nil
	}
	out := make([]uint64, (rows+63)/64)
	for i, b := range bytes[:(rows+7)/8] {
		out[i>>3] |= uint64(b) << (8 * (i & 7))
	}
	return out
}

// partHead is what is said of a part once; its columns are read when they are needed.
type partHead struct {
	Info      index.Info
	Columns   []index.ColumnInfo
	RowGroups []index.RowGroupInfo
}

// headOf describes a part as its columns travel.
func headOf(p index.Part) partHead {
	h := partHead{Info: p.Info(), RowGroups: p.RowGroups()}
	h.Info.SortedBy = -1
	for _, c := range p.Columns() {
		if c.Overflow || c.Kind != index.KindInt && c.Kind != index.KindDouble {
			c.Kind, c.Overflow, c.Distinct = index.KindRaw, false, 0
		}
		h.Columns = append(h.Columns, c)
	}
	return h
}

// farPart is a part of another process. It has no vocabularies and no filters: all columns but those of numbers are raw.
type farPart struct {
	partHead
	// read reads a column of a row group.
	read func(ctx context.Context, col, rg int) (frame.Column, error)
}

var _ index.Part = (*farPart)(nil)

// Info implements index.Part.
func (p *farPart) Info() index.Info { return p.partHead.Info }

// Columns implements index.Part.
func (p *farPart) Columns() []index.ColumnInfo { return p.partHead.Columns }

// RowGroups implements index.Part.
func (p *farPart) RowGroups() []index.RowGroupInfo { return p.partHead.RowGroups }

// Ints implements index.Part.
func (p *farPart) Ints(ctx context.Context, col, rg int) (index.Ints, error) {
	c, err := p.read(ctx, col, rg)
	if err != nil {
		return index.Ints{}, err
	}
	v, ok := c.Values.(*array.Int64)
	if !ok || v.Len() != p.partHead.RowGroups[rg].Rows {
		return index.Ints{}, p.unlike(col, c)
	}
	return index.Ints{Values: v.Int64Values(), Valid: wordsOf(v.NullBitmapBytes(), v.Len())}, nil
}

// Doubles implements index.Part.
func (p *farPart) Doubles(ctx context.Context, col, rg int) (index.Doubles, error) {
	c, err := p.read(ctx, col, rg)
	if err != nil {
		return index.Doubles{}, err
	}
	v, ok := c.Values.(*array.Float64)
	if !ok || v.Len() != p.partHead.RowGroups[rg].Rows {
		return index.Doubles{}, p.unlike(col, c)
	}
	return index.Doubles{Values: v.Float64Values(), Valid: wordsOf(v.NullBitmapBytes(), v.Len())}, nil
}

// Bytes implements index.Part.
func (p *farPart) Bytes(ctx context.Context, col, rg int) (index.Bytes, error) {
	c, err := p.read(ctx, col, rg)
	if err != nil {
		return index.Bytes{}, err
	}
	v, ok := c.Values.(*array.Binary)
	if !ok || v.Len() != p.partHead.RowGroups[rg].Rows {
		return index.Bytes{}, p.unlike(col, c)
	}
	out := index.Bytes{Data: v.ValueBytes(), Valid: wordsOf(v.NullBitmapBytes(), v.Len()), Offsets: make([]uint32, v.Len()+1)}
	for i, o := range v.ValueOffsets() {
		out.Offsets[i] = uint32(o)
	}
	return out, nil
}

func (p *farPart) unlike(col int, c frame.Column) error {
	return &frame.DamageError{What: fmt.Sprintf("column %v of part %s came as %d values of %s", p.partHead.Columns[col].Column, p.partHead.Info.ID, c.Values.Len(), c.Values.DataType())}
}

// none is the error of what a part of another process does not have.
func (p *farPart) none(what string, col int) error {
	return fmt.Errorf("part %s: column %d has no %s here", p.partHead.Info.ID, col, what)
}

// Vocabulary implements index.Part.
func (p *farPart) Vocabulary(_ context.Context, col int) (*vocabulary.Arena, error) {
	return nil, p.none("vocabulary", col)
}

// Histogram implements index.Part.
func (p *farPart) Histogram(context.Context, int, int) (index.Histogram, bool, error) {
	return index.Histogram{}, false, nil
}

// MayContain implements index.Part.
func (p *farPart) MayContain(context.Context, int, int, uint64) (bool, error) { return true, nil }

// Codes implements index.Part.
func (p *farPart) Codes(_ context.Context, col, _ int) ([]uint32, error) {
	return nil, p.none("codes", col)
}

// Text implements index.Part.
func (p *farPart) Text(_ context.Context, col, _ int) (index.TextRows, error) {
	return nil, p.none("templates", col)
}

// BytesRead implements index.Part.
func (p *farPart) BytesRead() int64 { return 0 }

// liveRow is a row that was read from a growing head (points.LiveRow).
type liveRow struct {
	Series   int // its place among those asked for
	Min, Max int64
	Samples  int
	Kind     string
	Chunk    string
	Extra    string
	Numbers  int // points that follow, of those of all rows
}

// livePoint is a point of a row without a chunk.
type livePoint struct {
	T, Start int64
	V        uint64 // the double's bits
}

// span is a time, in milliseconds.
type span struct{ From, To int64 }
