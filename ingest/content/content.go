package content

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/index"
	"clew/index/catalog"
	"clew/index/table"
	"clew/ingest/red"
	"clew/ingest/series"
	"clew/internal/points"
	"clew/internal/telemetry"
)

// Content is what a generation holds: rows in a table (spans, logs), or metric points by series. One goroutine appends; the other methods may be
// called at any time. A part stays what it is whatever is appended later.
type Content interface {
	// Append adds the batch's records for which keep is true (nil: all), or fails and adds none.
	Append(b *telemetry.Batch, keep []bool, now time.Time) error
	// Count counts the batch's records for which lost is true, and which are not kept. Only content that counts is asked.
	Count(ctx context.Context, b *telemetry.Batch, lost []bool) error
	// Part is everything appended so far.
	Part(ctx context.Context) (index.Part, error)
	// Counts is what has been counted of it, as metrics; nil: nothing. part is what part has given, now or earlier.
	Counts(ctx context.Context, part index.Part) (index.Part, error)
	// Overflow is how many records were counted together with others, for want of room for what they would have been counted by.
	Overflow() int
	// Records counts log records, spans or points; bytes is the memory they take, and will take beyond what is usual while they are sealed.
	Records() int
	Bytes() int64
}

// New makes the content of a generation, empty. counts says whether what comes in is counted as metrics, too.
func New(id string, k catalog.Key, counts bool) Content {
	if k.Signal == telemetry.Metrics {
		return pointContent{series.New(id, k.Tenant, k.Shard)}
	}
	c := rowContent{table: table.New(id, k.Signal, k.Tenant, k.Shard)}
	if counts && red.Counts(k.Signal) {
		c.tally = red.New(id, k.Signal, k.Tenant, k.Shard)
	}
	return c
}

type rowContent struct {
	table *table.Table
	tally *red.Tally // nil: nothing is counted
}

func (c rowContent) Append(b *telemetry.Batch, keep []bool, _ time.Time) error {
	return c.table.Append(b, keep)
}

func (c rowContent) Count(ctx context.Context, b *telemetry.Batch, lost []bool) error {
	return c.tally.AddBatch(ctx, b, lost)
}

func (c rowContent) Counts(ctx context.Context, part index.Part) (index.Part, error) {
	if c.tally == nil {
		return nil, nil
	}
	if err := c.tally.Read(ctx, part); err != nil {
		return nil, err
	}
	if points.WantsLive(ctx) {
		return c.tally.Live(ctx)
	}
	return c.tally.Part(ctx)
}

func (c rowContent) Overflow() int {
	if c.tally == nil {
		return 0
	}
	return c.tally.Overflow()
}

func (c rowContent) Part(context.Context) (index.Part, error) { return c.table.Snapshot(), nil }
func (c rowContent) Records() int                             { return c.table.Rows() }

// Bytes weighs what is large: a segment's writer lays each column of a row group out whole, as values, as a page and compressed. With usual records
// that is little beside the head; with lines of a megabyte it would be the head several times over.
func (c rowContent) Bytes() int64 {
	bytes := c.table.Bytes() + sealCopies*max(0, c.table.GroupBytes()-groupBytesUsual)
	if c.tally != nil {
		bytes += c.tally.Bytes()
	}
	return bytes
}

type pointContent struct{ head *series.Head }

func (c pointContent) Append(b *telemetry.Batch, keep []bool, now time.Time) error {
	if keep == nil && b.Signal == telemetry.Metrics && b.Rows == nil {
		return c.head.AppendOTLP(b.OTLP, now)
	}
	m, err := b.Metrics()
	if err != nil {
		return err
	}
	if keep != nil {
		if len(keep) != m.DataPointCount() {
			return fmt.Errorf("batch has %d points, its message says %d", m.DataPointCount(), len(keep))
		}
		keepPoints(m, keep)
	}
	return c.head.Append(m, now)
}

func (c pointContent) Count(context.Context, *telemetry.Batch, []bool) error { return nil }

func (c pointContent) Counts(context.Context, index.Part) (index.Part, error) { return nil, nil }

// Part is the points as rows, or as they are for those who read them so.
func (c pointContent) Part(ctx context.Context) (index.Part, error) {
	if points.WantsLive(ctx) {
		return c.head.Live(), nil
	}
	return c.head.Snapshot(ctx)
}

func (c pointContent) Overflow() int { return 0 }

func (c pointContent) Records() int { return c.head.Points() }
func (c pointContent) Bytes() int64 { return c.head.Bytes() }

// keepPoints removes the points, in their order in m, for which keep is false.
func keepPoints(m pmetric.Metrics, keep []bool) {
	next := 0
	drop := func() bool {
		next++
		return !keep[next-1]
	}
	for _, rm := range m.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, metric := range sm.Metrics().All() {
				switch metric.Type() {
				case pmetric.MetricTypeGauge:
					metric.Gauge().DataPoints().RemoveIf(func(pmetric.NumberDataPoint) bool { return drop() })
				case pmetric.MetricTypeSum:
					metric.Sum().DataPoints().RemoveIf(func(pmetric.NumberDataPoint) bool { return drop() })
				case pmetric.MetricTypeHistogram:
					metric.Histogram().DataPoints().RemoveIf(func(pmetric.HistogramDataPoint) bool { return drop() })
				case pmetric.MetricTypeExponentialHistogram:
					metric.ExponentialHistogram().DataPoints().RemoveIf(func(pmetric.ExponentialHistogramDataPoint) bool { return drop() })
				case pmetric.MetricTypeSummary:
					metric.Summary().DataPoints().RemoveIf(func(pmetric.SummaryDataPoint) bool { return drop() })
				case pmetric.MetricTypeEmpty:
				}
			}
		}
	}
}
