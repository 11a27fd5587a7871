package writer

import (
	"bytes"
	"context"
	"slices"

	"clew/index"
	"clew/index/segment/format"
	"clew/index/vocabulary"
	"clew/internal/telemetry"
)

// mergeValues makes a value column's vocabulary from those of its inputs.
func (c *column) mergeValues(ctx context.Context, inputs []input) error {
	c.terms = vocabulary.NewInterner()
	c.remap = make([][]uint32, len(inputs))
	numeric := c.Type == telemetry.TypeInt || c.Type == telemetry.TypeDouble
	if numeric {
		var text []byte
		for _, bits := range c.numbers.values {
			text = format.AppendNumber(text[:0], c.Type, bits)
			c.terms.Intern(text)
		}
	}
	everywhere := true
	for i := range inputs {
		in, col := &inputs[i], c.from[i]
		if col < 0 {
			everywhere = everywhere && in.info.Rows == 0
			continue
		}
		info := in.columns[col]
		everywhere = everywhere && info.Kind == index.KindValue && !info.Overflow && int(info.NonNull) == in.info.Rows
		switch {
		case info.Kind == index.KindValue && !info.Overflow:
			arena, err := in.part.Vocabulary(ctx, col)
			if err != nil {
				return err
			}
			c.remap[i] = internAll(c.terms, arena)
		case !numeric:
			if err := c.internRows(ctx, in, col); err != nil {
				return err
			}
		}
	}
	c.arena, c.rank = sortTerms(c.terms)
	c.applyRank()
	c.numberCodes = c.rank // numbers were interned first, in their order
	c.Distinct = uint32(c.arena.Len())
	c.constant = everywhere && c.arena.Len() == 1
	return nil
}

// internAll interns an arena's entries and returns their codes.
func internAll(terms *vocabulary.Interner, arena *vocabulary.Arena) []uint32 {
	codes := make([]uint32, arena.Len())
	for i := range codes {
		codes[i], _ = terms.Intern(arena.At(i))
	}
	return codes
}

// internRows interns the values of an uncoded input.
func (c *column) internRows(ctx context.Context, in *input, col int) error {
	var text []byte
	for rg, g := range in.groups {
		t, err := in.texts(ctx, col, rg)
		if err != nil {
			return err
		}
		for row := range g.Rows {
			if !t.null(row) {
				text = t.at(text[:0], row)
				c.terms.Intern(text)
			}
		}
	}
	return nil
}

// sortTerms lays the terms out in ascending order; rank[i] is the place of term i.
func sortTerms(terms *vocabulary.Interner) (sorted *vocabulary.Arena, rank []uint32) {
	order := make([]uint32, terms.Len())
	size := 0
	for i := range order {
		order[i] = uint32(i)
		size += len(terms.At(uint32(i)))
	}
	slices.SortFunc(order, func(a, b uint32) int { return bytes.Compare(terms.At(a), terms.At(b)) })
	sorted = &vocabulary.Arena{Data: make([]byte, 0, size), Offsets: make([]uint32, 1, len(order)+1)}
	rank = make([]uint32, len(order))
	for place, term := range order {
		rank[term] = uint32(place)
		sorted.Append(terms.At(term))
	}
	return sorted, rank
}

// applyRank turns the inputs' maps from terms to places.
func (c *column) applyRank() {
	for _, codes := range c.remap {
		for i := range codes {
			codes[i] = c.rank[codes[i]]
		}
	}
}

// codedValue is a value column's vocabulary coded as texts: template and holes of each value.
type codedValue struct {
	values    *vocabulary.Arena
	templates []uint32 // in our codes
	holes     [][]vocabulary.Hole
}

// mergeTemplates makes a text column's templates. Inputs where the column is a value column have each distinct value coded once;
// values of raw columns go under the template that keeps them whole.
func (c *column) mergeTemplates(ctx context.Context, inputs []input) error {
	c.terms = vocabulary.NewInterner()
	c.remap = make([][]uint32, len(inputs))
	c.coded = make([]*codedValue, len(inputs))
	coder := vocabulary.NewCoder(vocabulary.DefaultCoderLimits())
	for i := range inputs {
		in, col := &inputs[i], c.from[i]
		if col < 0 {
			continue
		}
		switch info := in.columns[col]; {
		case info.Overflow || info.Kind == index.KindRaw:
			c.terms.Intern(vocabulary.RawTemplate)
		case info.Kind == index.KindText:
			arena, err := in.part.Vocabulary(ctx, col)
			if err != nil {
				return err
			}
			c.remap[i] = internAll(c.terms, arena)
		default:
			arena, err := in.part.Vocabulary(ctx, col)
			if err != nil {
				return err
			}
			c.coded[i] = c.codeValues(coder, arena)
		}
	}
	c.arena, c.rank = sortTerms(c.terms)
	c.applyRank()
	for _, coded := range c.coded {
		if coded != nil {
			for i, term := range coded.templates {
				coded.templates[i] = c.rank[term]
			}
		}
	}
	c.holes, c.holeSet = holesOf(c.arena)
	c.Distinct = uint32(c.arena.Len())
	return nil
}

func (c *column) codeValues(coder *vocabulary.Coder, values *vocabulary.Arena) *codedValue {
	coded := &codedValue{values: values, templates: make([]uint32, values.Len()), holes: make([][]vocabulary.Hole, values.Len())}
	for i := range values.Len() {
		code, holes := coder.Code(values.At(i))
		coded.holes[i] = slices.Clone(holes)
		term, _ := c.terms.Intern(coder.Templates().At(int(code)))
		coded.templates[i] = term
	}
	return coded
}
