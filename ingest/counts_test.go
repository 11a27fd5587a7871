package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/index"
	"clew/ingest/deletion"
	"clew/ingest/series"
	"clew/ingest/shardlog"
	"clew/internal/points"
	"clew/internal/telemetry"
)

func countingConfig() Config {
	cfg := testConfig()
	cfg.Counts = true
	return cfg
}

// counted is how many spans and how many log records have been counted, as a reader of metrics of a resolution sees it.
func (r *rig) counted(ctx context.Context, tenant string, resolution time.Duration) (map[telemetry.Signal]int, error) {
	parts, release, err := r.partsIn(ctx, tenant, telemetry.Metrics, resolution)
	if err != nil {
		return nil, err
	}
	defer release()
	counts := map[telemetry.Signal]int{}
	for _, p := range parts {
		for rg, g := range p.RowGroups() {
			if err := countRows(ctx, counts, p, rg, g.Rows); err != nil {
				return nil, err
			}
		}
	}
	return counts, nil
}

func countRows(ctx context.Context, counts map[telemetry.Signal]int, p index.Part, rg, rows int) error {
	column := func(key string) (func(int) []byte, error) {
		col, err := fieldColumn(p, key)
		if err != nil {
			return func(int) []byte { return nil }, nil
		}
		if p.Columns()[col].Kind != index.KindInt {
			return idColumn(ctx, p, col, rg)
		}
		ints, err := p.Ints(ctx, col, rg)
		return func(row int) []byte { return strconv.AppendInt(nil, ints.Values[row], 10) }, err
	}
	of := map[string]func(int) []byte{}
	for _, key := range []string{
		telemetry.FieldName, telemetry.FieldMetricType, telemetry.FieldTemporality, telemetry.FieldSamples, telemetry.FieldChunkKind, telemetry.FieldChunk, telemetry.FieldExtra,
	} {
		var err error
		if of[key], err = column(key); err != nil {
			return err
		}
	}
	for i := range rows {
		n, err := strconv.Atoi(string(of[telemetry.FieldSamples](i)))
		if err != nil {
			return err
		}
		row := series.Row{
			Type: string(of[telemetry.FieldMetricType](i)), ChunkKind: string(of[telemetry.FieldChunkKind](i)), Samples: n,
			Chunk: of[telemetry.FieldChunk](i), Extra: of[telemetry.FieldExtra](i),
		}
		m := pmetric.NewMetric()
		if err := series.SetType(m, row.Type, string(of[telemetry.FieldTemporality](i)), true); err != nil {
			return err
		}
		if err := row.AppendPoints(m); err != nil {
			return err
		}
		switch {
		case bytes.Equal(of[telemetry.FieldName](i), []byte("traces.span.metrics.duration")):
			for _, p := range m.ExponentialHistogram().DataPoints().All() {
				counts[telemetry.Spans] += int(p.Count())
			}
		case bytes.Equal(of[telemetry.FieldName](i), []byte("clew.log.records")):
			for _, p := range m.Sum().DataPoints().All() {
				counts[telemetry.Logs] += int(p.IntValue())
			}
		}
	}
	return nil
}

// wantCounted fails unless so many spans and log records have been counted, whatever resolution is read.
func (r *rig) wantCounted(t testing.TB, how, tenant string, spans, logs int) {
	t.Helper()
	for _, resolution := range []time.Duration{0, points.Five, points.Hour} {
		got, err := r.counted(t.Context(), tenant, resolution)
		if err != nil {
			t.Fatalf("%s: %v", how, err)
		}
		if got[telemetry.Spans] != spans || got[telemetry.Logs] != logs {
			t.Fatalf("%s: %d spans and %d log records of %s are counted in the resolution %v, want %d and %d", how, got[telemetry.Spans], got[telemetry.Logs], tenant,
				resolution, spans, logs)
		}
	}
}

// What is counted is what is there: in heads, while sealing, after it, after a restart from the log, merged, and with spans that are sent again. What is deleted stays
// counted.
func TestCounts(t *testing.T) {
	cfg := countingConfig()
	cfg.Compaction.Share = 1
	dir := t.TempDir()
	r := openRig(t, dir, cfg, nil)
	source := r.source
	spans, logs := 0, 0
	for range 4 {
		r.send(t, spanBatch("a", spans, 100))
		r.send(t, spanBatch("a", max(0, spans-40), 40)) // again
		spans += 100
		r.send(t, logBatch("a", logs, 70))
		logs += 70
		r.settle(t)
		r.want(t, "a", telemetry.Spans, spans)
		r.wantCounted(t, "in heads", "a", spans, logs)
		if err := r.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.wantCounted(t, "sealed", "a", spans, logs)
		r.send(t, spanBatch("a", spans, 10))
		spans += 10
		r.settle(t)
		r.wantCounted(t, "beside what is sealed", "a", spans, logs)
		r.stop()
		seq := r.seq
		r = openRig(t, dir, cfg, nil)
		r.source, r.seq = source, seq
		r.settle(t)
		r.wantCounted(t, "after a restart", "a", spans, logs)
	}
	if err := r.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := r.Compact(t.Context(), closed()); err != nil || n == 0 {
		t.Fatalf("%d merges: %v", n, err)
	}
	r.wantCounted(t, "merged", "a", spans, logs)
	if n, err := r.Downsample(t.Context(), closed()); err != nil || n < 2 {
		t.Fatalf("%d segments were down-sampled: %v", n, err)
	}
	r.wantCounted(t, "down-sampled", "a", spans, logs)
	r.delete(t, deletion.Request{Tenant: "a", Signal: telemetry.Logs, Query: "5 1"}, time.Now())
	r.wantCounted(t, "with records deleted", "a", spans, logs)
	r.wantCounted(t, "of another tenant", "b", 0, 0)
}

// A reader that asks again and again while spans come and are sealed sees each count at most once, and never fewer than the rows it saw before.
func TestCountsWhileSealing(t *testing.T) {
	cfg := countingConfig()
	cfg.SealRows = 300
	r := openRig(t, t.TempDir(), cfg, nil)
	r.settle(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		for i := range 60 {
			b := spanBatch("a", i*50, 50)
			if err := r.append(ctx, b, shardlog.SourceSeq{ID: "s", Seq: uint64(i + 1), Count: 50}); err != nil {
				cancel(err)
				return
			}
		}
		cancel(r.settled(context.WithoutCancel(ctx)))
	}()
	asked := 0
	for ; ctx.Err() == nil; asked++ {
		before, err := r.numbers(t.Context(), "a", telemetry.Spans)
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.counted(t.Context(), "a", 0)
		if err != nil {
			t.Fatal(err)
		}
		after, err := r.numbers(t.Context(), "a", telemetry.Spans)
		if err != nil {
			t.Fatal(err)
		}
		if n := got[telemetry.Spans]; n < len(before) || n > len(after) {
			t.Fatalf("%d spans are counted; there were %d before and %d after", n, len(before), len(after))
		}
	}
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	r.wantCounted(t, fmt.Sprint("at the end, after asking ", asked, " times"), "a", 3000, 0)
	if n := slices.Collect(r.catalog.Current().All()); len(n) < 4 {
		t.Errorf("%d segments: nothing was sealed meanwhile", len(n))
	}
}
