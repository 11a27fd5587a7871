package compact

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"slices"

	"github.com/cespare/xxhash/v2"

	"clew/index"
	"clew/internal/telemetry"
)

// rowAt is a row of one of several parts.
type rowAt struct {
	hash    uint64 // of trace and span id
	part    int
	rg, row int32
}

// Repeated finds the spans in parts that an earlier row repeats in every column: a sender that got no answer sends again, and the owner of a shard
// remembers its spans for a while only. The result is, by part, the rows that can go; nil where there are none. What shares its ids and nothing
// else stays: both sides of a call may share a span id (Zipkin).
//
// Memory: 24 bytes a row.
func Repeated(ctx context.Context, parts []index.Part) (gone []Rows, count int, err error) {
	var all []rowAt
	for i, part := range parts {
		if all, err = appendSpans(ctx, all, i, part); err != nil {
			return nil, 0, err
		}
	}
	slices.SortFunc(all, func(a, b rowAt) int {
		if c := cmp.Compare(a.hash, b.hash); c != 0 {
			return c
		}
		return compareRows(a, b)
	})
	var suspects []rowAt
	for i := range all {
		if i > 0 && all[i-1].hash == all[i].hash || i+1 < len(all) && all[i+1].hash == all[i].hash {
			suspects = append(suspects, all[i])
		}
	}
	digests, err := digest(ctx, parts, suspects)
	if err != nil {
		return nil, 0, err
	}
	gone = make([]Rows, len(parts))
	seen := map[[sha256.Size]byte]bool{}
	for _, s := range suspects { // by hash, and within one in the order of parts: the first stays
		d := digests[s]
		if !seen[d] {
			seen[d] = true
			continue
		}
		groups := parts[s.part].RowGroups()
		if gone[s.part] == nil {
			gone[s.part] = make(Rows, len(groups))
		}
		gone[s.part].Add(int(s.rg), int(s.row), groups[s.rg].Rows)
		count++
	}
	return gone, count, nil
}

func compareRows(a, b rowAt) int {
	return cmp.Or(cmp.Compare(a.part, b.part), cmp.Compare(a.rg, b.rg), cmp.Compare(a.row, b.row))
}

// appendSpans lists the spans of a part that have both ids.
func appendSpans(ctx context.Context, all []rowAt, number int, part index.Part) ([]rowAt, error) {
	trace, span := idColumn(part, telemetry.FieldTraceID), idColumn(part, telemetry.FieldSpanID)
	if trace < 0 || span < 0 {
		return all, nil
	}
	var ids []byte
	for rg, g := range part.RowGroups() {
		traces, err := OpenValues(ctx, part, trace, rg)
		if err != nil {
			return nil, err
		}
		spans, err := OpenValues(ctx, part, span, rg)
		if err != nil {
			return nil, err
		}
		for row := range g.Rows {
			if !traces.has(row) || !spans.has(row) {
				continue
			}
			ids = spans.append(traces.append(ids[:0], row), row)
			all = append(all, rowAt{hash: xxhash.Sum64(ids), part: number, rg: int32(rg), row: int32(row)})
		}
	}
	return all, nil
}

func idColumn(part index.Part, key string) int {
	return slices.IndexFunc(part.Columns(), func(c index.ColumnInfo) bool {
		return c.Level == telemetry.LevelField && c.Key == key && c.Type == telemetry.TypeBytes
	})
}

// digest makes a checksum of all that each of the rows says. Rows of different parts have the same one if they say the same, however their columns
// are stored.
func digest(ctx context.Context, parts []index.Part, rows []rowAt) (map[rowAt][sha256.Size]byte, error) {
	rows = slices.SortedFunc(slices.Values(rows), compareRows)
	sums := make(map[rowAt][sha256.Size]byte, len(rows))
	for len(rows) > 0 {
		part, rg := rows[0].part, rows[0].rg
		n := 1
		for n < len(rows) && rows[n].part == part && rows[n].rg == rg {
			n++
		}
		if err := digestGroup(ctx, parts[part], int(rg), rows[:n], sums); err != nil {
			return nil, err
		}
		rows = rows[n:]
	}
	return sums, nil
}

func digestGroup(ctx context.Context, part index.Part, rg int, rows []rowAt, sums map[rowAt][sha256.Size]byte) error {
	hashes := make([]hash.Hash, len(rows))
	for i := range hashes {
		hashes[i] = sha256.New()
	}
	var text, frame []byte
	for col, c := range part.Columns() {
		values, err := OpenValues(ctx, part, col, rg)
		if err != nil {
			return fmt.Errorf("column %s: %w", c.Column, err)
		}
		for i, r := range rows {
			if !values.has(int(r.row)) {
				continue
			}
			text = values.append(text[:0], int(r.row))
			frame = append(frame[:0], byte(c.Level), byte(c.Type))
			frame = binary.AppendUvarint(frame, uint64(len(c.Key)))
			frame = append(frame, c.Key...)
			frame = binary.AppendUvarint(frame, uint64(len(text)))
			hashes[i].Write(frame) // a hash never fails
			hashes[i].Write(text)
		}
	}
	for i, r := range rows {
		sums[r] = [sha256.Size]byte(hashes[i].Sum(nil))
	}
	return nil
}
