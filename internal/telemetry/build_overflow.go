package telemetry

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Attributes for which a batch has too many columns go to the overflow field, as members of a JSON object. Which ones, Build decides (demote). Data
// with so many keys goes on having them: the columns that few rows had are diverted, which means that their values become members at once
// and never see a column's arrays. What they cost is then their text, and not a column in each batch for a handful of values.

// member is a part of extraText that belongs to a row.
type member struct {
	row        uint32
	start, end uint32
}

// demote chooses the attribute columns whose values go to the overflow. If there are more columns than attributesMax, these are all that few rows have,
// and they stay diverted; else those whose arrays would be mostly empty, as far as such arrays have no room.
func (s *columnSet) demote() {
	rows, sparse, used := int(s.rows), 0, 0
	for _, c := range s.all {
		if c.Level == LevelField || c.n == 0 {
			continue
		}
		used++
		switch {
		case c.n*denseShare < rows:
			sparse += rows
		case c.diverted:
			c.diverted, c.demoted = false, true // a column again, from the next batch on
		}
	}
	s.crowded = used > attributesMax
	if !s.crowded && sparse <= sparseCellsMax {
		return
	}
	byCount := make([]*column, 0, used)
	for _, c := range s.all {
		if c.Level != LevelField && c.n > 0 && !c.diverted && !c.demoted {
			byCount = append(byCount, c)
		}
	}
	slices.SortFunc(byCount, func(a, b *column) int {
		if a.n != b.n {
			return cmp.Compare(b.n, a.n)
		}
		return a.Compare(b.Column)
	})
	cells := 0
	for i, c := range byCount {
		few := c.n*denseShare < rows
		if few {
			cells += rows
		}
		if i >= attributesMax || few && s.crowded || cells > sparseCellsMax {
			c.demoted, c.diverted = true, s.crowded
			s.moveToOverflow(c)
		}
	}
}

// divert adds a value of a diverted column to the overflow. It says whether it was valid UTF-8.
func (s *columnSet) divert(c *column, row uint32, v pcommon.Value) (valid bool) {
	if c.member == nil {
		c.member = appendKey(nil, c.Key)
	}
	start := len(s.extraText)
	s.extraText, valid = AppendValue(append(s.extraText, c.member...), v)
	if c.last == row+1 { // as in column.add
		c.clash = row + 1
		s.extraText = s.extraText[:start]
		return valid
	}
	c.last = row + 1
	c.n++
	s.extra[c.Level] = append(s.extra[c.Level], member{row, uint32(start), uint32(len(s.extraText))})
	s.size += len(s.extraText) - start
	return valid
}

// moveToOverflow makes members of all values of a column.
func (s *columnSet) moveToOverflow(c *column) {
	for i := range c.n {
		start := len(s.extraText)
		s.extraText = c.appendText(appendKey(s.extraText, c.Key), i)
		s.extra[c.Level] = append(s.extra[c.Level], member{c.row(i), uint32(start), uint32(len(s.extraText))})
	}
}

// appendText appends the text form of the i-th value.
func (c *column) appendText(dst []byte, i int) []byte {
	switch c.Type {
	case TypeString:
		return append(appendEscaped(append(dst, '"'), string(c.text(i))), '"')
	case TypeBytes:
		return appendBytes(dst, c.value(i))
	case TypeJSON:
		return append(dst, c.text(i)...)
	case TypeDouble:
		return appendDouble(dst, math.Float64frombits(uint64(c.numbers[i])))
	case TypeBool:
		return strconv.AppendBool(dst, c.numbers[i] != 0)
	}
	return strconv.AppendInt(dst, c.numbers[i], 10)
}

// buildOverflow joins the members of each row to an object.
func (s *columnSet) buildOverflow(level Level) {
	members := s.extra[level]
	if len(members) == 0 {
		return
	}
	byRow := func(a, b member) int { return cmp.Compare(a.row, b.row) }
	if !slices.IsSortedFunc(members, byRow) { // diverted ones alone are
		slices.SortStableFunc(members, byRow)
	}
	var text []byte
	for i := 0; i < len(members); {
		row := members[i].row
		text = append(text[:0], '{')
		for ; i < len(members) && members[i].row == row; i++ {
			if len(text) > 1 {
				text = append(text, ',')
			}
			text = append(text, s.extraText[members[i].start:members[i].end]...)
		}
		s.overflow[level].addText(row, append(text, '}'))
	}
}
