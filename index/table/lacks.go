package table

import (
	"slices"

	"clew/index"
)

// Lacks gives a function that says that none of some rows of a row group has a value in a column, without laying the column out: of the thousands
// of columns that a head may have, a row has few.
func (s *snapshot) Lacks(rg int, rows []int) func(col int) bool {
	var sets []int // of the rows, once they are asked for
	return func(col int) bool {
		v := s.views[col]
		if !v.ofSet {
			c := v.chunk(rg)
			return c == nil || !slices.ContainsFunc(rows, c.rows.has)
		}
		if sets == nil {
			sets = s.distinctSets(rg, rows)
		}
		return !slices.ContainsFunc(sets, func(set int) bool {
			c := v.chunk(set / groupRows)
			return c != nil && c.rows.has(set%groupRows)
		})
	}
}

// distinctSets are the sets of rows of a row group. It is not nil.
func (s *snapshot) distinctSets(rg int, rows []int) []int {
	of := s.setsOf(rg)
	sets := make([]int, 0, 16)
	for _, row := range rows {
		if of[row] != index.NullCode {
			sets = append(sets, int(of[row]))
		}
	}
	slices.Sort(sets)
	return slices.Compact(sets)
}

// has says whether row r has a value.
func (p *presence) has(r int) bool {
	switch p.form {
	case formAll:
		return r < p.n
	case formList:
		_, ok := slices.BinarySearch(p.rows, uint16(r))
		return ok
	}
	return p.word(r>>6)>>(r&63)&1 == 1
}
