package match

import (
	"context"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"clew/index"
	"clew/index/vocabulary"
	"clew/internal/telemetry"
	"clew/query/engine/question"
	"clew/query/engine/rowset"
)

// NoGroup is the group of a row without the field, otherGroup that of a value which is not wanted.
const (
	NoGroup    = int32(-1)
	otherGroup = int32(-2)
	unknown    = int32(-3)
)

// Keyer numbers the values of a field: the group of each row. It is one goroutine's; groups of different keyers are joined by text.
type Keyer struct {
	field  question.Field
	accept func(text []byte) bool // nil: every value
	max    int                    // groups
	Texts  []string               // the values, by group
	byText map[string]int32
	byCode map[codesOf][]int32
	ids    []int32
	buf    []byte
}

// codesOf names a column's vocabulary.
type codesOf struct {
	b   *Bound
	col int
}

// NewKeyer makes a keyer of a field that fails with a LimitError past so many groups. accept says which values are wanted; the slice is only lent.
func NewKeyer(f question.Field, accept func([]byte) bool, max int) *Keyer {
	return &Keyer{field: f, accept: accept, max: max, byText: map[string]int32{}, byCode: map[codesOf][]int32{}}
}

// columns are the part's columns that the field means, in the order in which a record's value is looked for.
func (k *Keyer) columns(b *Bound) []int {
	var cols []int
	rank := map[int]int{}
	for i, c := range b.Columns {
		if r, ok := k.field.Has(c.Column); ok && c.NonNull > 0 {
			rank[i] = r
			cols = append(cols, i)
		}
	}
	slices.SortStableFunc(cols, func(x, y int) int { return rank[x] - rank[y] })
	return cols
}

// group gives the number of a value.
func (k *Keyer) group(text []byte) (int32, error) {
	if id, ok := k.byText[string(text)]; ok {
		return id, nil
	}
	id := otherGroup
	if k.accept == nil || k.accept(text) {
		if len(k.Texts) >= k.max {
			return 0, &LimitError{"groups", k.max, "count by a field with fewer values, or narrow the query"}
		}
		id = int32(len(k.Texts))
		k.Texts = append(k.Texts, string(text))
	} else if len(k.byText) > 4*k.max {
		return id, nil // unwanted values are remembered only to be fast
	}
	k.byText[string(text)] = id
	return id, nil
}

// RowGroups gives the group of each of the rows; of the others, anything. The slice is the keyer's until the next call.
func (k *Keyer) RowGroups(ctx context.Context, b *Bound, rg int, rows rowset.Set) ([]int32, error) {
	n := b.Groups[rg].Rows
	k.ids = slices.Grow(k.ids[:0], n)[:n]
	for i := range k.ids {
		k.ids[i] = NoGroup
	}
	for _, col := range k.columns(b) {
		if err := k.column(ctx, b, col, rg, rows); err != nil {
			return nil, err
		}
	}
	overflow := b.OverflowColumns()
	for _, want := range k.field.Wants {
		col, ok := overflow[want.Level]
		if !ok {
			continue
		}
		err := b.EachOverflow(ctx, col, rg, rows, func(row int, members pcommon.Map) (err error) {
			if v, ok := members.Get(want.Key); ok && k.ids[row] == NoGroup {
				typ, value := OverflowValue(v)
				k.ids[row], err = k.group([]byte(Field{telemetry.Column{Type: typ}, value}.Text()))
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return k.ids, nil
}

// FromHistogram gives how many rows of a row group each group has (noGroup: rows without a value), without reading any row. It returns false,
// and has given nothing, if the field is not one column with a histogram.
func (k *Keyer) FromHistogram(ctx context.Context, b *Bound, rg int, add func(id int32, n uint64)) (bool, error) {
	col, ok := k.Sole(b)
	if !ok {
		return false, nil
	}
	if col < 0 {
		add(NoGroup, uint64(b.Groups[rg].Rows))
		return true, nil
	}
	h, ok, err := b.Part.Histogram(ctx, col, rg)
	if err != nil || !ok {
		return false, err
	}
	known, err := k.KnownAll(ctx, b, col, h.Codes)
	if err != nil {
		return false, err
	}
	for i, code := range h.Codes {
		add(known[code], uint64(h.Counts[i]))
	}
	if h.Nulls > 0 {
		add(NoGroup, uint64(h.Nulls))
	}
	return true, nil
}

// Sole is the one value column that the field is in this part, or -1 if the part does not have the field at all. It returns false where the
// field may be in several places, or is no value column.
func (k *Keyer) Sole(b *Bound) (int, bool) {
	if k.mayOverflow(b) {
		return 0, false
	}
	cols := k.columns(b)
	if len(cols) == 0 {
		return -1, true
	}
	c := b.Columns[cols[0]]
	return cols[0], len(cols) == 1 && !c.Overflow && c.Kind == index.KindValue
}

// KnownAll is the table from codes to groups of a column, with all of these codes known.
func (k *Keyer) KnownAll(ctx context.Context, b *Bound, col int, codes []uint32) ([]int32, error) {
	entries, err := b.Part.Vocabulary(ctx, col)
	if err != nil {
		return nil, err
	}
	known := k.known(b, col, entries.Len())
	bytes := b.Columns[col].Type == telemetry.TypeBytes
	for _, code := range codes {
		if known[code] == unknown {
			if known[code], err = k.entry(entries, code, bytes); err != nil {
				return nil, err
			}
		}
	}
	return known, nil
}

// mayOverflow says whether the part may hold the field where it has no column for it.
func (k *Keyer) mayOverflow(b *Bound) bool {
	overflow := b.OverflowColumns()
	return slices.ContainsFunc(k.field.Wants, func(want question.LevelKey) bool {
		_, ok := overflow[want.Level]
		return ok
	})
}

// column numbers the rows that have a value in col and none in the columns before it.
func (k *Keyer) column(ctx context.Context, b *Bound, col, rg int, rows rowset.Set) error {
	c := b.Columns[col]
	if !c.Overflow && c.Kind == index.KindValue {
		return k.codes(ctx, b, col, rg, rows)
	}
	cells, err := b.cells(ctx, col, rg)
	if err != nil {
		return err
	}
	rows.Each(len(k.ids), func(i int) bool {
		if k.ids[i] != NoGroup {
			return true
		}
		var ok bool
		if k.buf, ok = cells(k.buf[:0], i); ok {
			k.ids[i], err = k.group(k.buf)
		}
		return err == nil && (i%checkEvery != 0 || ctx.Err() == nil)
	})
	if err == nil {
		err = ctx.Err()
	}
	return err
}

func (k *Keyer) codes(ctx context.Context, b *Bound, col, rg int, rows rowset.Set) error {
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
	known := k.known(b, col, entries.Len())
	bytes := b.Columns[col].Type == telemetry.TypeBytes
	rows.Each(len(k.ids), func(i int) bool {
		code := codes[i]
		if code == index.NullCode || k.ids[i] != NoGroup {
			return true
		}
		id := known[code]
		if id == unknown {
			id, err = k.entry(entries, code, bytes)
			known[code] = id
		}
		k.ids[i] = id
		return err == nil
	})
	return err
}

// known is the table from codes to groups of a column.
func (k *Keyer) known(b *Bound, col, n int) []int32 {
	t := k.byCode[codesOf{b, col}]
	if t == nil {
		t = make([]int32, n)
		for i := range t {
			t[i] = unknown
		}
		k.byCode[codesOf{b, col}] = t
	}
	return t
}

func (k *Keyer) entry(entries *vocabulary.Arena, code uint32, bytes bool) (int32, error) {
	text := entries.At(int(code))
	if bytes {
		text = []byte(question.HexText(text))
	}
	return k.group(text)
}
