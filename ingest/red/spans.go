package red

import (
	"context"
	"math"
	"slices"
	"strings"

	"clew/index"
	"clew/internal/telemetry"
)

// spans counts rows of spans. A call counts when it ended: one that ran into a timeout is seen by who asks for the last minute, when it comes.
func (t *Tally) spans(ctx context.Context, part index.Part, rg, from, to int) error {
	starts, err := ints(ctx, part, find(part, telemetry.LevelField, telemetry.FieldStart, telemetry.TypeTime), rg)
	if err != nil {
		return err
	}
	durations, err := ints(ctx, part, find(part, telemetry.LevelField, telemetry.FieldDuration, telemetry.TypeInt), rg)
	if err != nil {
		return err
	}
	service, err := t.words(ctx, part, find(part, telemetry.LevelResource, serviceName, telemetry.TypeString), rg, labelText)
	if err != nil {
		return err
	}
	var names, kinds, statuses words
	for _, w := range []struct {
		to    *words
		key   string
		label func([]byte) string
	}{
		{&names, telemetry.FieldName, operation}, {&kinds, telemetry.FieldKind, prefixed("SPAN_KIND_")}, {&statuses, telemetry.FieldStatus, prefixed("STATUS_CODE_")},
	} {
		if *w.to, err = t.words(ctx, part, find(part, telemetry.LevelField, w.key, telemetry.TypeString), rg, w.label); err != nil {
			return err
		}
	}
	traces, err := ids(ctx, part, find(part, telemetry.LevelField, telemetry.FieldTraceID, telemetry.TypeBytes), rg)
	if err != nil {
		return err
	}
	spans, err := ids(ctx, part, find(part, telemetry.LevelField, telemetry.FieldSpanID, telemetry.TypeBytes), rg)
	if err != nil {
		return err
	}
	for row := from; row < to; row++ {
		s := t.seriesOf(key{service: service.at(row), name: names.at(row), kind: kinds.at(row), status: statuses.at(row)})
		var start, duration int64
		if starts.Values != nil && index.IsValid(starts.Valid, row) {
			start = starts.Values[row]
		}
		if durations.Values != nil && index.IsValid(durations.Valid, row) {
			duration = min(max(durations.Values[row], 0), int64(durationMax))
		}
		c := t.cellAt(s, start+duration)
		c.count++
		c.add(duration)
		if best := s.bestAt(c.n); best == nil || best.at == 0 || duration > best.value {
			if trace := traces(row); trace != nil {
				x := exemplar{at: start + duration, n: c.n, value: duration, trace: telemetry.TraceID(trace)}
				if span := spans(row); span != nil {
					x.span = telemetry.SpanID(span)
				}
				s.better(x)
			}
		}
	}
	return nil
}

// add counts a duration.
func (c *cell) add(nanos int64) {
	if nanos == 0 {
		c.zero++
		return
	}
	c.sum += nanos
	i := bucketOf(nanos)
	at, ok := c.find(i)
	if !ok {
		if c.buckets == nil {
			c.buckets = make([]bucket, 0, bucketsUsual)
		}
		c.buckets = slices.Insert(c.buckets, at, bucket{index: i})
	}
	c.buckets[at].count++
}

// bucketsUsual is how many buckets a cell makes room for: an operation's durations in ten seconds are mostly in so many.
const bucketsUsual = 4

// find is where a bucket is, or would be: there are few.
func (c *cell) find(index int16) (at int, ok bool) {
	for at < len(c.buckets) && c.buckets[at].index < index {
		at++
	}
	return at, at < len(c.buckets) && c.buckets[at].index == index
}

// fractions are the upper bounds of the buckets between 1/2 and 1.
var fractions = func() (out [1 << scale]float64) {
	for k := range out {
		out[k] = math.Exp2(float64(k+1)/(1<<scale)) / 2
	}
	out[len(out)-1] = 1
	return out
}()

// bucketOf is OTLP's index of the bucket that a duration above 0 falls into: above base^index seconds, and at most base^(index+1).
func bucketOf(nanos int64) int16 {
	fraction, exponent := math.Frexp(float64(nanos) / 1e9)
	first := (exponent - 1) << scale
	if fraction == 0.5 {
		return int16(first - 1)
	}
	k := 0
	for fraction > fractions[k] {
		k++
	}
	return int16(first + k)
}

// prefixed makes the names that OTLP has for enumerations: SPAN_KIND_SERVER.
func prefixed(prefix string) func([]byte) string {
	return func(text []byte) string { return prefix + strings.ToUpper(string(text)) }
}
