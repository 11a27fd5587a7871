package stored

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

// Reader reads rows of a part for one query. It holds the row groups' chunks that the query needs; the segments' cache holds them for others.
type Reader struct {
	Part   index.Part
	Index  *Index
	Stage  parts.Stage
	fields fields

	mu     sync.Mutex
	groups []*rowGroup
	live   *live // not nil: of a head, which has no groups

	lent []lent.Row // not nil: rows of a segment that another process reads; there is no part here
	name string     // then: the segment
}

type rowGroup struct{ chunks, extras values }

// NewReader returns a reader of a part whose series x are.
func NewReader(part index.Part, x *Index) *Reader {
	r := &Reader{Part: part, Index: x, fields: fieldsOf(part), groups: make([]*rowGroup, len(part.RowGroups()))}
	if part, ok := part.(Growing); ok {
		r.live = &live{part: part, of: map[uint32][]*liveRow{}, read: map[uint32]bool{}}
	}
	return r
}

// ID names the part.
func (r *Reader) ID() string {
	if r.Part == nil {
		return r.name
	}
	return r.Part.Info().ID
}

// load reads a row group's chunks.
func (r *Reader) load(ctx context.Context, rg uint32) (*rowGroup, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if g := r.groups[rg]; g != nil {
		return g, nil
	}
	rows := r.Part.RowGroups()[rg].Rows
	chunks, err := r.fields.values(ctx, telemetry.FieldChunk, int(rg), rows)
	if err != nil {
		return nil, fmt.Errorf("chunks of part %s: %w", r.Part.Info().ID, err)
	}
	extras, err := r.fields.values(ctx, telemetry.FieldExtra, int(rg), rows)
	if err != nil {
		return nil, fmt.Errorf("chunks of part %s: %w", r.Part.Info().ID, err)
	}
	g := &rowGroup{chunks, extras}
	r.groups[rg] = g
	return g, nil
}

// NewLent returns a reader of rows of a segment that another process has read.
func NewLent(segment string, stage parts.Stage, rows []lent.Row) *Reader {
	return &Reader{name: segment, Stage: stage, Index: &Index{}, lent: rows}
}

// Load makes a row's bytes be at hand.
func (r *Reader) Load(ctx context.Context, ref *Row) error {
	if r.lent != nil {
		return nil
	}
	_, err := r.load(ctx, ref.rg)
	return err
}

// Row is a row's bytes. Its row group is loaded.
func (r *Reader) Row(ref *Row) (chunk []byte, found points.Found, err error) {
	if r.live != nil {
		row := r.liveRow(ref)
		found, err = points.Sections(row.extra)
		return row.chunk, found, err
	}
	chunk, extra := r.Bytes(ref)
	found, err = points.Sections(extra)
	return chunk, found, err
}

// Bytes are a row's chunk and what is beside it, in a segment. Its row group is loaded.
func (r *Reader) Bytes(ref *Row) (chunk, extra []byte) {
	if r.lent != nil {
		row := &r.lent[ref.Row]
		return []byte(row.Data), []byte(row.Extra)
	}
	r.mu.Lock()
	g := r.groups[ref.rg]
	r.mu.Unlock()
	return g.chunks.at(int(ref.Row)), g.extras.at(int(ref.Row))
}

// Chunk is a row's chunk. Its row group is loaded.
func (r *Reader) Chunk(ref *Row) []byte {
	if r.live != nil {
		return r.liveRow(ref).chunk
	}
	chunk, _ := r.Bytes(ref)
	return chunk
}

// bounds are the distinct upper bounds of a histogram's buckets, or a summary's quantiles, ascending.
func (r *Reader) bounds(ctx context.Context, of *Base) ([]float64, error) {
	var all []float64
	for i := range of.Rows {
		ref := &of.Rows[i]
		if _, err := r.load(ctx, ref.rg); err != nil {
			return nil, err
		}
		chunk, found, err := r.Row(ref)
		if err != nil {
			return nil, err
		}
		if err := EachBounds(of, ref, chunk, &found, func(bounds []float64) {
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
