package metrics

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"clew/index"
	"clew/internal/points"
	"clew/internal/telemetry"
	"clew/query/metrics/lent"
	"clew/query/parts"
)

// partReader reads rows of a part for one query. It holds the row groups' chunks that the query needs; the segments' cache holds them for others.
type partReader struct {
	part   index.Part
	index  *partIndex
	stage  parts.Stage
	fields fields

	mu     sync.Mutex
	groups []*rowGroup
	live   *live // not nil: of a head, which has no groups

	lent []lent.Row // not nil: rows of a segment that another process reads; there is no part here
	name string     // then: the segment
}

type rowGroup struct{ chunks, extras values }

func newPartReader(part index.Part, x *partIndex) *partReader {
	r := &partReader{part: part, index: x, fields: fieldsOf(part), groups: make([]*rowGroup, len(part.RowGroups()))}
	if part, ok := part.(Growing); ok {
		r.live = &live{part: part, of: map[uint32][]*liveRow{}, read: map[uint32]bool{}}
	}
	return r
}

// id names the part.
func (r *partReader) id() string {
	if r.part == nil {
		return r.name
	}
	return r.part.Info().ID
}

// load reads a row group's chunks.
func (r *partReader) load(ctx context.Context, rg uint32) (*rowGroup, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if g := r.groups[rg]; g != nil {
		return g, nil
	}
	rows := r.part.RowGroups()[rg].Rows
	chunks, err := r.fields.values(ctx, telemetry.FieldChunk, int(rg), rows)
	if err != nil {
		return nil, fmt.Errorf("chunks of part %s: %w", r.part.Info().ID, err)
	}
	extras, err := r.fields.values(ctx, telemetry.FieldExtra, int(rg), rows)
	if err != nil {
		return nil, fmt.Errorf("chunks of part %s: %w", r.part.Info().ID, err)
	}
	g := &rowGroup{chunks, extras}
	r.groups[rg] = g
	return g, nil
}

// row is a row's bytes. Its row group is loaded.
func (r *partReader) row(ref *rowRef) (chunk []byte, found points.Found, err error) {
	if r.live != nil {
		row := r.liveRow(ref)
		found, err = points.Sections(row.extra)
		return row.chunk, found, err
	}
	chunk, extra := r.bytes(ref)
	found, err = points.Sections(extra)
	return chunk, found, err
}

// bytes are a row's chunk and what is beside it, in a segment. Its row group is loaded.
func (r *partReader) bytes(ref *rowRef) (chunk, extra []byte) {
	if r.lent != nil {
		row := &r.lent[ref.row]
		return []byte(row.Data), []byte(row.Extra)
	}
	r.mu.Lock()
	g := r.groups[ref.rg]
	r.mu.Unlock()
	return g.chunks.at(int(ref.row)), g.extras.at(int(ref.row))
}

// chunk is a row's chunk. Its row group is loaded.
func (r *partReader) chunk(ref *rowRef) []byte {
	if r.live != nil {
		return r.liveRow(ref).chunk
	}
	chunk, _ := r.bytes(ref)
	return chunk
}

// bounds are the distinct upper bounds of a histogram's buckets, or a summary's quantiles, ascending.
func (r *partReader) bounds(ctx context.Context, of *base) ([]float64, error) {
	var all []float64
	for i := range of.rows {
		ref := &of.rows[i]
		if _, err := r.load(ctx, ref.rg); err != nil {
			return nil, err
		}
		chunk, found, err := r.row(ref)
		if err != nil {
			return nil, err
		}
		if err := eachBounds(of, ref, chunk, &found, func(bounds []float64) {
			for _, b := range bounds {
				if at, have := slices.BinarySearch(all, b); !have && len(all) < bucketsMax {
					all = slices.Insert(all, at, b)
				}
			}
		}); err != nil {
			return nil, err
		}
	}
	return all, nil
}
