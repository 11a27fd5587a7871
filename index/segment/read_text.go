package segment

import (
	"context"
	"fmt"
	"math/bits"
	"slices"

	"clew/index"
	"clew/index/segment/format"
	"clew/index/vocabulary"
)

// Text implements index.Part. It reads all variables of the row group; TextOf reads those of some templates only.
func (s *Segment) Text(ctx context.Context, col, rg int) (index.TextRows, error) {
	return s.TextOf(ctx, col, rg, nil)
}

// TextOf is Text for rows of the given templates only (nil: all): variables that stand in no hole of theirs are not read, and asking for
// rows of other templates is an error of the caller (they have no text). For queries that rebuild the rows of a few templates.
func (s *Segment) TextOf(ctx context.Context, col, rg int, templates []uint32) (index.TextRows, error) {
	return s.textOf(ctx, col, rg, allPages, templates)
}

func (s *Segment) textOf(ctx context.Context, col, rg, page int, templates []uint32) (index.TextRows, error) {
	t, err := s.textRuns(ctx, col, rg, page)
	if err != nil {
		return nil, err
	}
	h, _, err := s.Histogram(ctx, col, rg)
	if err != nil {
		return nil, err
	}
	codes, arena := t.codes, t.arena
	want := map[leafKey]bool{}
	all := templates == nil
	switch {
	case all && page != allPages: // most templates of the row group are not in it
		templates = slices.Compact(slices.Sorted(slices.Values(codes)))
		if n := len(templates); n > 0 && templates[n-1] == index.NullCode {
			templates = templates[:n-1]
		}
	case all:
		templates = h.Codes
	}
	for _, code := range templates {
		if int64(code) >= int64(arena.Len()) {
			return nil, fmt.Errorf("segment %s: template %d of %d", s.info.ID, code, arena.Len())
		}
		kinds := vocabulary.Holes(nil, arena.At(int(code)))
		t.kinds[code] = kinds
		for k, kind := range kinds {
			want[leafKey{kind == vocabulary.HoleInt, k}] = true
		}
	}
	if err := s.loadHoles(ctx, col, rg, page, want, t, all); err != nil {
		return nil, err
	}
	return t, nil
}

type leafKey struct {
	isInt bool
	hole  int
}

func (s *Segment) loadHoles(ctx context.Context, col, rg, page int, want map[leafKey]bool, t *textRows, all bool) error {
	for _, leaf := range s.leaves[col] {
		l := &s.meta.Leaves[leaf]
		if l.Role == format.RoleTemplate || !want[leafKey{l.Role == format.RoleInt, int(l.Hole)}] {
			continue
		}
		values, err := s.hole(ctx, leaf, rg, page)
		if err != nil {
			return err
		}
		t.keep(int(l.Hole), l.Role == format.RoleInt, values)
		delete(want, leafKey{l.Role == format.RoleInt, int(l.Hole)})
	}
	for key := range want {
		return s.lacksLeaf(col, key.hole)
	}
	// Every row with a template must have every variable: checked here, so that the rows' methods need not. What was checked
	// once stays right: the bytes cannot change without their checksum telling.
	for _, place := range [][3]int{{col, rg, allPages}, {col, rg, page}} {
		if _, done := s.holesChecked.Load(place); done {
			return nil
		}
	}
	if err := s.checkHoles(col, rg, t); err != nil {
		return err
	}
	if all {
		s.holesChecked.Store([3]int{col, rg, page}, true)
	}
	return nil
}

// checkHoles checks that the leaves' values are as many as the templates' rows ask for.
func (s *Segment) checkHoles(col, rg int, t *textRows) error {
	last, kinds := index.NullCode, []byte(nil)
	for row, code := range t.codes {
		if code != last {
			last, kinds = code, t.kinds[code]
		}
		for k, kind := range kinds {
			if !index.IsValid(t.leaf(k, kind).valid, row) {
				return s.lacksVariable(col, rg, row, k)
			}
		}
	}
	return nil
}

func (s *Segment) lacksLeaf(col, k int) error {
	return s.damage(s.indexName, format.HeaderBytes, fmt.Sprintf("column %s: no leaf for hole %d", s.meta.Columns[col].Column, k))
}

func (s *Segment) lacksVariable(col, rg, row, k int) error {
	return s.damage(s.parquetName, s.meta.Groups[rg].Chunks[s.leaves[col][0]].Offset,
		fmt.Sprintf("column %s, row group %d: row %d lacks variable %d", s.meta.Columns[col].Column, rg, row, k))
}

// holeValues are a hole position's values in a row group, without gaps.
type holeValues struct {
	valid   []uint64 // nil: all rows
	rank    []uint32 // values before each 64 rows
	ints    []int64
	data    []byte
	offsets []uint32
}

// at is the place of row's value.
func (v *holeValues) at(row int) int {
	if v.valid == nil {
		return row
	}
	return int(v.rank[row>>6]) + bits.OnesCount64(v.valid[row>>6]&(1<<(row&63)-1))
}

func (s *Segment) hole(ctx context.Context, leaf, rg, page int) (*holeValues, error) {
	return cached(s.cache, s.pageKey(cacheHole, leaf, rg, page), func() (v *holeValues, size int64, err error) {
		defer s.guard(leaf, rg, &err)
		p, err := s.readChunk(ctx, leaf, rg, page, true)
		if err != nil {
			return nil, 0, err
		}
		v = &holeValues{valid: p.valid}
		if p.valid != nil {
			v.rank = make([]uint32, len(p.valid))
			n := 0
			for i, word := range p.valid {
				v.rank[i] = uint32(n)
				n += bits.OnesCount64(word)
			}
		}
		if s.meta.Leaves[leaf].Role == format.RoleInt {
			var numbers []uint64
			numbers, err = p.numbers()
			v.ints = format.BitsInt64(numbers)
		} else {
			v.data, v.offsets, err = p.strings(0)
		}
		if err != nil {
			return nil, 0, s.chunkDamage(leaf, rg, err)
		}
		return v, int64(12*len(v.valid) + 8*len(v.ints) + len(v.data) + 4*len(v.offsets)), nil
	})
}

// textRows implements index.TextRows.
type textRows struct {
	codes   []uint32
	arena   *vocabulary.Arena
	kinds   map[uint32][]byte // hole kinds of the templates that were asked for
	ints    []*holeValues     // by hole position; as long as strings, nil where not read
	strings []*holeValues
	place   textPlace

	last      uint32 // template of the last row asked for, and what belongs to it
	lastKinds []byte
}

// keep makes hole position k's values the rows'.
func (t *textRows) keep(k int, isInt bool, values *holeValues) {
	for len(t.ints) <= k {
		t.ints = append(t.ints, nil)
		t.strings = append(t.strings, nil)
	}
	if isInt {
		t.ints[k] = values
	} else {
		t.strings[k] = values
	}
}

func (t *textRows) leaf(k int, kind byte) *holeValues {
	if kind == vocabulary.HoleInt {
		return t.ints[k]
	}
	return t.strings[k]
}

func (t *textRows) kindsOf(row int) []byte {
	if code := t.codes[row]; code != t.last {
		t.last, t.lastKinds = code, t.kinds[code]
	}
	return t.lastKinds
}

// Code implements index.TextRows.
func (t *textRows) Code(row int) uint32 { return t.codes[row] }

// IntVar implements index.TextRows.
func (t *textRows) IntVar(row, k int) int64 {
	v := t.ints[k]
	return v.ints[v.at(row)]
}

// AppendVar implements index.TextRows.
func (t *textRows) AppendVar(dst []byte, row, k int) []byte {
	return t.appendVar(dst, row, k, t.kindsOf(row)[k])
}

func (t *textRows) appendVar(dst []byte, row, k int, kind byte) []byte {
	v := t.leaf(k, kind)
	at := v.at(row)
	if kind == vocabulary.HoleInt {
		return vocabulary.AppendInt(dst, v.ints[at])
	}
	return append(dst, v.data[v.offsets[at]:v.offsets[at+1]]...)
}

// AppendText implements index.TextRows.
func (t *textRows) AppendText(dst []byte, row int) []byte {
	code := t.codes[row]
	if code == index.NullCode {
		return dst
	}
	if _, asked := t.kinds[code]; !asked {
		return dst
	}
	k, from := 0, 0
	template := t.arena.At(int(code))
	for i, c := range template {
		if !vocabulary.IsHole(c) {
			continue
		}
		dst = append(dst, template[from:i]...)
		dst = t.appendVar(dst, row, k, c)
		from = i + 1
		k++
	}
	return append(dst, template[from:]...)
}
