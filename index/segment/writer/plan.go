package writer

import (
	"context"
	"fmt"
	"math"
	"slices"

	"clew/index"
	"clew/index/segment/format"
	"clew/index/vocabulary"
	"clew/internal/telemetry"
)

// column is a column of the segment that is being written: what it becomes, and how its inputs map to it.
type column struct {
	index.ColumnInfo
	from []int // per input: its column there, or -1

	// Value and text columns. The vocabulary is sorted, so that a segment does not depend on the order of its inputs' codes, like
	// stands beside like for the compressor, and a prefix is a range of codes.
	arena *vocabulary.Arena
	remap [][]uint32           // per input whose column is coded: its codes to ours
	terms *vocabulary.Interner // all entries in the order of interning, for inputs that are not coded
	rank  []uint32             // terms' codes to ours
	// constant: every row has the only value.
	constant bool

	numbers     *numberTable // numeric value columns: the numbers, in the order of first coming
	numberCodes []uint32     // and our codes for them

	holes   [][]byte       // text columns: hole kinds of each template
	holeSet format.HoleSet // text columns
	coded   []*codedValue  // text columns, per input: its values coded as texts, where it is a value column there

	leaves     []format.Leaf
	histograms []byte // of all row groups so far
}

// planColumns decides what columns the segment has. overflow columns come with Overflow set and have no vocabulary.
func planColumns(ctx context.Context, inputs []input, attributesMax int) ([]column, error) {
	columns := mergeColumns(inputs)
	markOverflow(columns, attributesMax)
	for i := range columns {
		c := &columns[i]
		if c.Overflow {
			c.Kind = index.KindRaw
			continue
		}
		kind, err := c.chooseKind(ctx, inputs)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.Column, err)
		}
		c.Kind = kind
		switch kind {
		case index.KindValue:
			err = c.mergeValues(ctx, inputs)
		case index.KindText:
			err = c.mergeTemplates(ctx, inputs)
		}
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.Column, err)
		}
	}
	return columns, nil
}

// mergeColumns lists the columns of all inputs that have a value anywhere, in order.
func mergeColumns(inputs []input) []column {
	var all []telemetry.Column
	for i := range inputs {
		for _, info := range inputs[i].columns {
			if info.NonNull > 0 {
				all = append(all, info.Column)
			}
		}
	}
	slices.SortFunc(all, telemetry.Column.Compare)
	all = slices.Compact(all)
	columns := make([]column, len(all))
	for i, identity := range all {
		c := &columns[i]
		c.Column = identity
		c.from = make([]int, len(inputs))
		for j := range inputs {
			c.from[j] = inputs[j].find(identity)
			if c.from[j] >= 0 {
				c.NonNull += inputs[j].columns[c.from[j]].NonNull
			}
		}
	}
	return columns
}

// markOverflow leaves the most frequent attribute columns and marks the others.
func markOverflow(columns []column, attributesMax int) {
	var attributes []int
	for i := range columns {
		if columns[i].Level != telemetry.LevelField {
			attributes = append(attributes, i)
		}
	}
	if len(attributes) <= attributesMax {
		return
	}
	slices.SortStableFunc(attributes, func(a, b int) int {
		switch na, nb := columns[a].NonNull, columns[b].NonNull; {
		case na > nb:
			return -1
		case na < nb:
			return 1
		}
		return 0
	})
	for _, i := range attributes[attributesMax:] {
		columns[i].Overflow = true
	}
}

// chooseKind picks by counting.
func (c *column) chooseKind(ctx context.Context, inputs []input) (index.Kind, error) {
	switch c.Type {
	case telemetry.TypeTime:
		return index.KindInt, nil
	case telemetry.TypeBool:
		return index.KindValue, nil
	case telemetry.TypeInt, telemetry.TypeDouble:
		few, err := c.countNumbers(ctx, inputs)
		if err != nil {
			return 0, err
		}
		switch {
		case few:
			return index.KindValue, nil
		case c.Type == telemetry.TypeInt:
			return index.KindInt, nil
		}
		return index.KindDouble, nil
	}
	if format.IDWidth(c.Column) > 0 {
		return index.KindRaw, nil
	}
	uncoded, distinct := false, uint64(0)
	for i := range inputs {
		if c.from[i] < 0 {
			continue
		}
		switch info := inputs[i].columns[c.from[i]]; {
		case info.Kind == index.KindText && !info.Overflow:
			return index.KindText, nil
		case info.Kind == index.KindValue && !info.Overflow:
			distinct = max(distinct, uint64(info.Distinct))
		default:
			uncoded = true
		}
	}
	if distinct > ValueDistinctMax && distinct > c.NonNull/2 {
		return index.KindRaw, nil
	}
	if !uncoded {
		return c.valueOrText(ctx, inputs, distinct)
	}
	few, err := c.countTexts(ctx, inputs)
	if err != nil || few {
		return index.KindValue, err
	}
	return index.KindRaw, nil
}

// valueOrText chooses for a column whose values are coded everywhere. Many values that are few templates (names of spans with ids in them, statements,
// paths) are smaller as texts: the vocabulary is searched faster, and a row's ids are numbers. Attributes of resources stay values: they are
// what people group by.
func (c *column) valueOrText(ctx context.Context, inputs []input, distinct uint64) (index.Kind, error) {
	if distinct < TextDistinctMin || c.Type != telemetry.TypeString || c.Level != telemetry.LevelField && c.Level != telemetry.LevelRecord {
		return index.KindValue, nil
	}
	for i := range inputs {
		if c.from[i] < 0 || uint64(inputs[i].columns[c.from[i]].Distinct) != distinct {
			continue
		}
		arena, err := inputs[i].part.Vocabulary(ctx, c.from[i])
		if err != nil {
			return 0, err
		}
		if vocabulary.Sample(arena, textSample).Templated(textStaticMin) {
			return index.KindText, nil
		}
		break
	}
	return index.KindValue, nil
}

// countNumbers says whether a numeric column has few distinct values, and collects them if so.
func (c *column) countNumbers(ctx context.Context, inputs []input) (few bool, err error) {
	valuesMax := int(min(IntDistinctMax, c.NonNull/IntRepeats))
	if valuesMax == 0 {
		return false, nil
	}
	table := newNumberTable(valuesMax)
	err = c.eachNumber(ctx, inputs, func(bits uint64) bool {
		// A NaN's text does not say which of the many NaNs it is.
		if c.Type == telemetry.TypeDouble && math.IsNaN(math.Float64frombits(bits)) {
			few = false
			return false
		}
		few = table.add(bits, valuesMax)
		return few
	})
	c.numbers = table
	return few, err
}

// eachNumber calls f with the bits of a numeric column's values until it answers false. Each value comes at least once.
func (c *column) eachNumber(ctx context.Context, inputs []input, f func(bits uint64) bool) error {
	for i := range inputs {
		in := &inputs[i]
		col := c.from[i]
		if col < 0 {
			continue
		}
		if info := in.columns[col]; info.Kind == index.KindValue && !info.Overflow {
			arena, err := in.part.Vocabulary(ctx, col)
			if err != nil {
				return err
			}
			for code := range arena.Len() {
				bits, err := format.ParseNumber(c.Type, arena.At(code))
				if err != nil {
					return err
				}
				if !f(bits) {
					return nil
				}
			}
			continue
		}
		for rg := range in.groups {
			goOn, err := c.eachNumberOf(ctx, in, col, rg, f)
			if err != nil || !goOn {
				return err
			}
		}
	}
	return nil
}

func (c *column) eachNumberOf(ctx context.Context, in *input, col, rg int, f func(bits uint64) bool) (goOn bool, err error) {
	numbers, err := in.numbers(ctx, c.Type, col, rg)
	if err != nil {
		return false, err
	}
	// Neighbours are often equal, and only distinct values matter here.
	last, any := uint64(0), false
	for row, bits := range numbers.bits {
		if any && bits == last || !index.IsValid(numbers.valid, row) {
			continue
		}
		last, any = bits, true
		if !f(bits) {
			return false, nil
		}
	}
	return true, nil
}

// countTexts says whether a column of byte strings, some of them uncoded, has few distinct values. It gives up early.
func (c *column) countTexts(ctx context.Context, inputs []input) (few bool, err error) {
	distinctMax := int(min(RawDistinctMax, c.NonNull/RawRepeats))
	terms := vocabulary.NewInterner()
	for i := range inputs {
		in := &inputs[i]
		if c.from[i] < 0 {
			continue
		}
		if info := in.columns[c.from[i]]; info.Kind == index.KindValue && !info.Overflow {
			continue // counted when merging; its codes don't decide here
		}
		seen := 0
		var text []byte
		for rg, g := range in.groups {
			t, err := in.texts(ctx, c.from[i], rg)
			if err != nil {
				return false, err
			}
			for row := range g.Rows {
				if t.null(row) {
					continue
				}
				text = t.at(text[:0], row)
				terms.Intern(text)
				seen++
				if terms.Len() > distinctMax || seen == dictionarySample && terms.Len() > dictionarySample/2 {
					return false, nil
				}
			}
		}
	}
	return true, nil
}
