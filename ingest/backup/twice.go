package backup

import (
	"context"
	"errors"
	"hash/maphash"
	"slices"
	"strconv"

	"clew/index"
	"clew/index/catalog"
	"clew/index/segment"
	"clew/internal/telemetry"
)

// sealedTwice finds segments of new records whose rows others have, all of them: a crash came between writing and committing them, and their records were sealed once more from
// the log. What is left of two equal ones is the later.
func (s *salvage) sealedTwice(ctx context.Context, chosen []catalog.Segment, taken map[string]bool) (again map[string]bool, err error) {
	type key struct {
		shard  int
		signal telemetry.Signal
		tenant string
	}
	keyOf := func(one *catalog.Segment) key { return key{one.Shard, one.Signal, one.Tenant} }
	fresh, others := map[key][]*catalog.Segment{}, map[key][]*catalog.Segment{}
	for i := range slices.Backward(chosen) { // the oldest first
		one := &chosen[i]
		if from := s.says[one.ID]; len(from.replaces)+len(from.samples) == 0 {
			fresh[keyOf(one)] = append(fresh[keyOf(one)], one)
		} else {
			others[keyOf(one)] = append(others[keyOf(one)], one)
		}
	}
	again = map[string]bool{}
	for k, suspects := range fresh {
		compared := others[k]
		for i := range s.known {
			// What was sealed once more, or merged with that, is younger.
			if one := &s.known[i]; keyOf(one) == k && !taken[one.ID] && !one.Created.Before(suspects[0].Created) {
				compared = append(compared, one)
			}
		}
		if err := s.compare(ctx, suspects, compared, again); err != nil {
			return nil, err
		}
	}
	return again, nil
}

// compare adds to again those of the suspects, the oldest first, whose rows are all in the other suspects and in others.
func (s *salvage) compare(ctx context.Context, suspects, others []*catalog.Segment, again map[string]bool) error {
	all := slices.Concat(suspects, others)
	rows := 0
	all = slices.DeleteFunc(all, func(one *catalog.Segment) bool { // that shares no time with a suspect
		return !slices.ContainsFunc(suspects, func(x *catalog.Segment) bool {
			return x.ID != one.ID && x.MinTime <= one.MaxTime && one.MinTime <= x.MaxTime
		})
	})
	for _, one := range all {
		rows += one.Rows
	}
	sums := &rowSums{seed: maphash.MakeSeed(), among: uint64(1 + rows/comparedRows)}
	total, own := map[uint64]int{}, map[string]map[uint64]int{}
	for _, one := range all {
		have, err := sums.of(ctx, s, one.ID)
		var damage *index.DamageError
		if errors.As(err, &damage) {
			continue // it is found, and left, when everything is checked
		}
		if err != nil {
			return err
		}
		own[one.ID] = have
		for sum, n := range have {
			total[sum] += n
		}
	}
	for _, x := range suspects {
		have := own[x.ID]
		contained := len(have) > 0
		for sum, n := range have {
			if contained = total[sum]-n >= n; !contained {
				break
			}
		}
		if contained {
			again[x.ID] = true
			for sum, n := range have {
				total[sum] -= n
			}
		}
	}
	return nil
}

// rowSums makes rows comparable: a sum of all that is in one, whatever form a segment has given its columns.
type rowSums struct {
	seed  maphash.Seed
	among uint64 // of so many sums one is kept, the same ones of all segments
}

// of counts the sums of a segment's rows. The segment is read once, column by column.
func (r *rowSums) of(ctx context.Context, s *salvage, id string) (map[uint64]int, error) {
	part, err := segment.Open(ctx, s.from, id, nil)
	if err != nil {
		return nil, err
	}
	have := map[uint64]int{}
	for rg, g := range part.RowGroups() {
		sums := make([]uint64, g.Rows)
		for col := range part.Columns() {
			if err := r.add(ctx, part, col, rg, sums); err != nil {
				return nil, err
			}
		}
		for _, sum := range sums {
			if sum%r.among == 0 {
				have[sum]++
			}
		}
	}
	return have, nil
}

// add adds a column of a row group to its rows' sums.
func (r *rowSums) add(ctx context.Context, part *segment.Segment, col, rg int, sums []uint64) error {
	c := part.Columns()[col]
	var text []byte
	name := c.String() + "\x00"
	sum := func(value []byte) uint64 {
		var h maphash.Hash
		h.SetSeed(r.seed)
		h.WriteString(name)
		h.Write(value)
		return h.Sum64()
	}
	kind := c.Kind
	if c.Overflow {
		kind = index.KindRaw
	}
	switch kind {
	case index.KindValue, index.KindText:
		return addCoded(ctx, part, col, rg, sums, sum)
	case index.KindInt:
		ints, err := part.Ints(ctx, col, rg)
		if err != nil {
			return err
		}
		for row := range sums {
			if index.IsValid(ints.Valid, row) {
				text = strconv.AppendInt(text[:0], ints.Values[row], 10)
				sums[row] ^= sum(text)
			}
		}
	case index.KindDouble:
		doubles, err := part.Doubles(ctx, col, rg)
		if err != nil {
			return err
		}
		for row := range sums {
			if index.IsValid(doubles.Valid, row) {
				text = strconv.AppendFloat(text[:0], doubles.Values[row], 'g', -1, 64)
				sums[row] ^= sum(text)
			}
		}
	default:
		raw, err := part.Bytes(ctx, col, rg)
		if err != nil {
			return err
		}
		for row := range sums {
			if index.IsValid(raw.Valid, row) {
				sums[row] ^= sum(raw.At(row))
			}
		}
	}
	return nil
}

// addCoded is add of a column that is in codes: of values, or of templates with what fills them.
func addCoded(ctx context.Context, part *segment.Segment, col, rg int, sums []uint64, sum func(value []byte) uint64) error {
	if part.Columns()[col].Kind == index.KindText {
		rows, err := part.Text(ctx, col, rg)
		if err != nil {
			return err
		}
		var text []byte
		for row := range sums {
			if rows.Code(row) != index.NullCode {
				text = rows.AppendText(text[:0], row)
				sums[row] ^= sum(text)
			}
		}
		return nil
	}
	arena, err := part.Vocabulary(ctx, col)
	if err != nil {
		return err
	}
	codes, err := part.Codes(ctx, col, rg)
	if err != nil {
		return err
	}
	for row, code := range codes {
		if code != index.NullCode {
			sums[row] ^= sum(arena.At(int(code)))
		}
	}
	return nil
}
