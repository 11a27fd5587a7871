package ingest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"clew/index"
	"clew/index/catalog"
	"clew/index/segment"
	"clew/ingest/sources"
	"clew/internal/telemetry"
)

// prime fills the set of known spans from the newest segments, so that the retry of a span that has been committed is still caught. A segment
// that can't be read costs the catching of its repetitions and nothing else.
func (o *owner) prime(v *catalog.Version) {
	var newest []*catalog.Segment
	for _, tenant := range v.Tenants() {
		for _, s := range v.Segments(tenant, telemetry.Spans, math.MinInt64, math.MaxInt64) {
			if s.Shard == o.shard {
				newest = append(newest, s)
			}
		}
	}
	slices.SortFunc(newest, func(a, b *catalog.Segment) int { return b.Created.Compare(a.Created) })
	rows := 0
	for i, s := range newest {
		if rows += s.Rows; rows >= sources.SpansRemembered {
			newest = newest[:i+1]
			break
		}
	}
	for _, s := range slices.Backward(newest) { // the newest last, so that the oldest are forgotten first
		if err := o.primeFrom(s); err != nil {
			if o.ctx.Err() != nil {
				return
			}
			o.log.Warn("a segment's span ids can't be read: retries of its spans may be kept twice", "segment", s.ID, "error", err)
		}
	}
}

func (o *owner) primeFrom(s *catalog.Segment) error {
	part, err := segment.Open(o.ctx, o.in.store, s.ID, nil)
	if err != nil {
		return err
	}
	traces, err := fieldColumn(part, telemetry.FieldTraceID)
	if err != nil {
		return err
	}
	spans, err := fieldColumn(part, telemetry.FieldSpanID)
	if err != nil {
		return err
	}
	kinds, kindsErr := fieldColumn(part, telemetry.FieldKind)
	for rg, info := range part.RowGroups() {
		t, err := idColumn(o.ctx, part, traces, rg)
		if err != nil {
			return err
		}
		p, err := idColumn(o.ctx, part, spans, rg)
		if err != nil {
			return err
		}
		kind := func(int) []byte { return nil }
		if kindsErr == nil { // a segment of spans without any kind has no such column
			if kind, err = idColumn(o.ctx, part, kinds, rg); err != nil {
				return err
			}
		}
		for i := range info.Rows {
			if trace, span := t(i), p(i); trace != nil && span != nil {
				o.spans.Add(spanHash(s.Tenant, trace, span, kind(i)))
			}
		}
	}
	return nil
}

// fieldColumn finds a fixed field's column.
func fieldColumn(part index.Part, key string) (int, error) {
	for i, c := range part.Columns() {
		if c.Level == telemetry.LevelField && c.Key == key {
			return i, nil
		}
	}
	return 0, fmt.Errorf("segment %s has no column %s", part.Info().ID, key)
}

// idColumn reads a column of ids in a row group; nil is a row without one. Few distinct ids make it a value column.
func idColumn(ctx context.Context, part index.Part, col, rg int) (func(row int) []byte, error) {
	switch part.Columns()[col].Kind {
	case index.KindRaw:
		b, err := part.Bytes(ctx, col, rg)
		if err != nil {
			return nil, err
		}
		return func(row int) []byte {
			if !index.IsValid(b.Valid, row) {
				return nil
			}
			return b.At(row)
		}, nil
	case index.KindValue:
		codes, err := part.Codes(ctx, col, rg)
		if err != nil {
			return nil, err
		}
		values, err := part.Vocabulary(ctx, col)
		if err != nil {
			return nil, err
		}
		return func(row int) []byte {
			if codes[row] == index.NullCode {
				return nil
			}
			return values.At(int(codes[row]))
		}, nil
	}
	return nil, errors.New("ids are neither a raw nor a value column")
}
