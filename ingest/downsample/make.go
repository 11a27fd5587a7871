package downsample

import (
	"context"
	"fmt"
	"time"

	"clew/index"
	"clew/index/compact"
	"clew/ingest/series"
	"clew/internal/points"
	"clew/internal/telemetry"
)

// Result is what Make has made.
type Result struct {
	Parts     []index.Part // for segment.Write; none: there is nothing
	Series    int
	PointsIn  int
	PointsOut int
	// Future are points that were ahead of their receiver's clock by more than an hour. They are not down-sampled: there is no telling when their window is over.
	Future int
}

// Make down-samples parts of metrics, of one tenant and resolution, to windows of a width (points.Resolutions). The parts it returns read from the given ones for as
// long as they are used. The same parts give the same rows. before are parts that have been down-sampled already, of the same times: a point that they have is in
// its window, and does not count again.
//
// Memory: the chunks of all parts, 32 bytes a row, and one series' points. pause is called every millisecond or so of work; its error ends it.
func Make(ctx context.Context, parts, before []index.Part, width time.Duration, pause func(context.Context) error) (Result, error) {
	var res Result
	in, err := read(ctx, parts, before)
	if err != nil {
		return res, err
	}
	res.Series, res.Future = len(in.series), in.future
	out := make([]rows, len(parts))
	for i, part := range parts {
		out[i] = newRows(len(part.RowGroups()))
	}
	for i := range in.series {
		if i%pauseEvery == 0 {
			if err := pause(ctx); err != nil {
				return res, err
			}
		}
		made, samples, err := in.reduce(&in.series[i], width)
		if err != nil {
			return res, err
		}
		res.PointsIn += samples
		for _, row := range made {
			res.PointsOut += row.Samples
			first := in.series[i].rows[0]
			out[first.part].add(int(first.rg), int(first.row), &row)
		}
	}
	for i, part := range parts {
		if out[i].count == 0 {
			continue
		}
		p, err := compact.Make(ctx, part, out[i].picked, out[i].columns(), own(telemetry.FieldStatedTime, telemetry.TypeTime))
		if err != nil {
			return res, fmt.Errorf("rows of windows: %w", err)
		}
		res.Parts = append(res.Parts, p)
	}
	return res, nil
}

func own(key string, t telemetry.Type) telemetry.Column {
	return telemetry.Column{Level: telemetry.LevelField, Key: key, Type: t}
}

// row is a down-sampled row. What it does not say is as in the first of the rows that it was made of.
type row struct {
	series.Encoded
	end int64 // nanoseconds, not before Last: of its last window
}

// rows are those made of a part: by row group what they are made of, and their own columns.
type rows struct {
	picked             [][]int
	times, ends, sizes [][]int64
	kinds              [][][]byte
	chunks, extras     [][][]byte
	count              int
}

func newRows(groups int) rows {
	return rows{
		picked: make([][]int, groups), times: make([][]int64, groups), ends: make([][]int64, groups), sizes: make([][]int64, groups),
		kinds: make([][][]byte, groups), chunks: make([][][]byte, groups), extras: make([][][]byte, groups),
	}
}

func (r *rows) add(rg, of int, x *row) {
	r.count++
	r.picked[rg] = append(r.picked[rg], of)
	r.times[rg], r.ends[rg] = append(r.times[rg], x.First), append(r.ends[rg], max(x.Last, x.end))
	r.sizes[rg] = append(r.sizes[rg], int64(x.Samples))
	r.kinds[rg], r.chunks[rg] = append(r.kinds[rg], []byte(x.ChunkKind)), append(r.chunks[rg], x.Chunk)
	extra := x.Extra
	if len(extra) == 0 {
		extra = nil
	}
	r.extras[rg] = append(r.extras[rg], extra)
}

func (r *rows) columns() []compact.MadeColumn {
	return []compact.MadeColumn{
		{Column: own(telemetry.FieldTime, telemetry.TypeTime), Ints: r.times},
		{Column: own(telemetry.FieldEnd, telemetry.TypeTime), Ints: r.ends},
		{Column: own(telemetry.FieldSamples, telemetry.TypeInt), Ints: r.sizes},
		{Column: own(telemetry.FieldChunkKind, telemetry.TypeString), Bytes: r.kinds},
		{Column: own(telemetry.FieldChunk, telemetry.TypeBytes), Bytes: r.chunks},
		{Column: own(telemetry.FieldExtra, telemetry.TypeBytes), Bytes: r.extras},
	}
}

// withSections adds what all rows of a series have, and its windows, to a row's extra. nil: it has none. That there is nothing in them is said: all its points came
// again.
func withSections(extra, metadata []byte, width time.Duration, stats bool, windows []points.Window) []byte {
	if windows != nil {
		extra = points.AppendSection(extra, points.SectionWindows, points.AppendWindows(nil, width, stats, windows))
	}
	if len(metadata) > 0 {
		extra = points.AppendSection(extra, points.SectionMetadata, metadata)
	}
	return extra
}
