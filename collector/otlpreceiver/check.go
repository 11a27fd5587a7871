package otlpreceiver

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"clew/internal/telemetry"
)

// Reasons for which a record is rejected while the others of its request are kept.
const (
	reasonTraceID   = "empty_trace_id"
	reasonSpanID    = "empty_span_id"
	reasonName      = "empty_name"
	reasonBuckets   = "bucket_mismatch"
	reasonTooLarge  = "record_too_large"
	restatedZero    = "zero_time"
	restatedFuture  = "future_time"
	unknownDataType = "no_data"
)

// tally counts by reason. The zero value counts nothing yet.
type tally map[string]int

func (t *tally) add(reason string, n int) {
	if *t == nil {
		*t = tally{}
	}
	(*t)[reason] += n
}

func (t tally) total() int {
	n := 0
	for _, c := range t {
		n += c
	}
	return n
}

// message says what was rejected, for people: "rejected 3 of 10 spans: 2 empty_trace_id, 1 empty_span_id".
func (t tally) message(what string, of int) string {
	var parts []string
	for reason, n := range t {
		parts = append(parts, fmt.Sprintf("%d %s", n, reason))
	}
	slices.Sort(parts)
	return fmt.Sprintf("rejected %d of %d %s: %s", t.total(), of, what, strings.Join(parts, ", "))
}

// checker looks at every record of a request. recordBytesMax is 0 when the whole body is smaller than a record may be.
type checker struct {
	now            time.Time
	recordBytesMax int
	records        int // before rejection
	rejected       tally
	restated       tally
}

// time counts records whose own time cannot serve.
func (c *checker) time(t pcommon.Timestamp) {
	if t == 0 {
		c.restated.add(restatedZero, 1)
	} else if t > pcommon.Timestamp(c.now.Add(futureSkewMax).UnixNano()) {
		c.restated.add(restatedFuture, 1)
	}
}

// logs removes log records that cannot be stored. Almost everything can: OTLP requires nothing of a log record.
func (c *checker) logs(ld plog.Logs) {
	var sizer plog.ProtoMarshaler
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				c.records++
				c.time(lr.Timestamp())
			}
			if c.recordBytesMax == 0 {
				continue
			}
			sl.LogRecords().RemoveIf(func(lr plog.LogRecord) bool {
				if sizer.LogRecordSize(lr) <= c.recordBytesMax {
					return false
				}
				c.rejected.add(reasonTooLarge, 1)
				return true
			})
		}
	}
}

// spans removes spans without ids: they are in no trace and nobody's parent, and cannot be deduplicated.
func (c *checker) spans(td ptrace.Traces) {
	var sizer ptrace.ProtoMarshaler
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			ss.Spans().RemoveIf(func(s ptrace.Span) bool {
				c.records++
				switch {
				case s.TraceID().IsEmpty():
					c.rejected.add(reasonTraceID, 1)
				case s.SpanID().IsEmpty():
					c.rejected.add(reasonSpanID, 1)
				case c.recordBytesMax > 0 && sizer.SpanSize(s) > c.recordBytesMax:
					c.rejected.add(reasonTooLarge, 1)
				default:
					c.time(s.StartTimestamp())
					return false
				}
				return true
			})
		}
	}
}

// metrics removes metrics without a name or data, and histogram points whose buckets do not fit their bounds. Records are data points.
func (c *checker) metrics(md pmetric.Metrics) {
	var sizer pmetric.ProtoMarshaler
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			sm.Metrics().RemoveIf(func(m pmetric.Metric) bool {
				points := telemetry.DataPoints(m)
				c.records += points
				switch {
				case m.Type() == pmetric.MetricTypeEmpty:
					// There is no data point to lose, but the sender should know: it counts as one.
					c.records++
					c.rejected.add(unknownDataType, 1)
				case m.Name() == "":
					c.rejected.add(reasonName, points)
				case c.recordBytesMax > 0 && sizer.MetricSize(m) > c.recordBytesMax:
					c.rejected.add(reasonTooLarge, points)
				default:
					c.points(m)
					return false
				}
				return true
			})
		}
	}
}

// points checks one metric's data points.
func (c *checker) points(m pmetric.Metric) {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		for _, p := range m.Gauge().DataPoints().All() {
			c.time(p.Timestamp())
		}
	case pmetric.MetricTypeSum:
		for _, p := range m.Sum().DataPoints().All() {
			c.time(p.Timestamp())
		}
	case pmetric.MetricTypeHistogram:
		m.Histogram().DataPoints().RemoveIf(func(p pmetric.HistogramDataPoint) bool {
			counts, bounds := p.BucketCounts().Len(), p.ExplicitBounds().Len()
			if counts != bounds+1 && (counts != 0 || bounds != 0) {
				c.rejected.add(reasonBuckets, 1)
				return true
			}
			c.time(p.Timestamp())
			return false
		})
	case pmetric.MetricTypeExponentialHistogram:
		for _, p := range m.ExponentialHistogram().DataPoints().All() {
			c.time(p.Timestamp())
		}
	case pmetric.MetricTypeSummary:
		for _, p := range m.Summary().DataPoints().All() {
			c.time(p.Timestamp())
		}
	}
}
