package downsample

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"clew/index"
	"clew/index/compact"
	"clew/internal/points"
	"clew/internal/telemetry"
)

// rowAt is a row of one of the parts.
type rowAt struct {
	part, rg, row int32
}

// one is a series, and its rows in the order of the parts.
type one struct {
	rows   []rowAt
	before []rowAt // whose points are in windows already
}

// input is what was read of the parts. The points are not decoded yet.
type input struct {
	parts  []index.Part // those that are down-sampled, and behind them those that have been
	fresh  int          // how many are down-sampled
	groups [][]group
	series []one // in the order in which they first occur
	future int   // points
}

// group is what tells the points of a row group.
type group struct {
	kind, chunk, extra, samples, typ, temporality, monotonic, name, stated compact.Values
}

// identity is what all rows of a series have in common, as a checksum of every column that is not about points, and of the metric's metadata.
type identity [sha256.Size]byte

func read(ctx context.Context, parts, before []index.Part) (*input, error) {
	all := slices.Concat(parts, before)
	in := &input{parts: all, fresh: len(parts), groups: make([][]group, len(all))}
	known := map[identity]int{}
	for i, part := range all {
		for rg := range part.RowGroups() {
			if err := in.rowGroup(ctx, known, i, rg); err != nil {
				return nil, fmt.Errorf("part %s: %w", part.Info().ID, err)
			}
		}
	}
	return in, nil
}

// rowGroup gives the rows of a row group to their series.
func (in *input) rowGroup(ctx context.Context, known map[identity]int, number, rg int) error {
	part := in.parts[number]
	var g group
	own := map[string]*compact.Values{
		telemetry.FieldChunkKind: &g.kind, telemetry.FieldChunk: &g.chunk, telemetry.FieldExtra: &g.extra, telemetry.FieldSamples: &g.samples,
		telemetry.FieldStatedTime: &g.stated, telemetry.FieldTime: nil, telemetry.FieldEnd: nil,
	}
	shared := map[string]*compact.Values{
		telemetry.FieldMetricType: &g.typ, telemetry.FieldTemporality: &g.temporality, telemetry.FieldMonotonic: &g.monotonic, telemetry.FieldName: &g.name,
	}
	var names []telemetry.Column
	var labels []compact.Values
	for col, c := range part.Columns() {
		to, isOwn := own[c.Key]
		isOwn = isOwn && c.Level == telemetry.LevelField
		if isOwn && to == nil || c.NonNull == 0 {
			continue
		}
		values, err := compact.OpenValues(ctx, part, col, rg)
		if err != nil {
			return fmt.Errorf("column %s: %w", c.Column, err)
		}
		if isOwn {
			*to = values
			continue
		}
		names, labels = append(names, c.Column), append(labels, values)
		if to := shared[c.Key]; to != nil && c.Level == telemetry.LevelField {
			*to = values
		}
	}
	in.groups[number] = append(in.groups[number], g)
	id := newIdentifier(names, labels)
	for row := range part.RowGroups()[rg].Rows {
		if row%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		before := number >= in.fresh
		if cell(g.stated, row) != nil {
			if before {
				continue
			}
			n, _ := strconv.Atoi(string(cell(g.samples, row)))
			in.future += n
			continue
		}
		found, err := points.Sections(cell(g.extra, row))
		if err != nil {
			return fmt.Errorf("row %d: %w", row, err)
		}
		key := id.of(row, found[points.SectionMetadata])
		at, have := known[key]
		if before {
			if have {
				in.series[at].before = append(in.series[at].before, rowAt{int32(number), int32(rg), int32(row)})
			}
			continue
		}
		if !have {
			at = len(in.series)
			known[key] = at
			in.series = append(in.series, one{})
		}
		in.series[at].rows = append(in.series[at].rows, rowAt{int32(number), int32(rg), int32(row)})
	}
	return nil
}

// cell is the value of a row; nil: it has none.
func cell(v compact.Values, row int) []byte {
	if !v.Has(row) {
		return nil
	}
	return v.Append([]byte{}, row)
}

// identifier makes identities of the rows of a row group.
type identifier struct {
	frames [][]byte // of each column, what tells it from the others
	labels []compact.Values
	text   []byte
}

func newIdentifier(names []telemetry.Column, labels []compact.Values) *identifier {
	id := &identifier{labels: labels}
	for _, c := range names {
		frame := binary.AppendUvarint([]byte{byte(c.Level), byte(c.Type)}, uint64(len(c.Key)))
		id.frames = append(id.frames, append(frame, c.Key...))
	}
	return id
}

func (id *identifier) of(row int, metadata []byte) identity {
	id.text = append(binary.AppendUvarint(id.text[:0], uint64(len(metadata))), metadata...)
	for i, v := range id.labels {
		if !v.Has(row) {
			continue
		}
		id.text = append(id.text, id.frames[i]...)
		at := len(id.text)
		id.text = v.Append(append(id.text, 0, 0, 0, 0), row)
		binary.LittleEndian.PutUint32(id.text[at:], uint32(len(id.text)-at-4))
	}
	return sha256.Sum256(id.text)
}
