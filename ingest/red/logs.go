package red

import (
	"context"
	"strings"

	"clew/index"
	"clew/internal/telemetry"
)

// logs counts rows of log records. Their templates are there already: they are how the head keeps texts.
func (t *Tally) logs(ctx context.Context, part index.Part, rg, from, to int) error {
	times, err := ints(ctx, part, find(part, telemetry.LevelField, telemetry.FieldTime, telemetry.TypeTime), rg)
	if err != nil {
		return err
	}
	severities, err := ints(ctx, part, find(part, telemetry.LevelField, telemetry.FieldSeverity, telemetry.TypeInt), rg)
	if err != nil {
		return err
	}
	service, err := t.words(ctx, part, find(part, telemetry.LevelResource, serviceName, telemetry.TypeString), rg, labelText)
	if err != nil {
		return err
	}
	texts, err := t.words(ctx, part, find(part, telemetry.LevelField, telemetry.FieldBody, telemetry.TypeString), rg, labelTemplate)
	if err != nil {
		return err
	}
	objects, err := t.words(ctx, part, find(part, telemetry.LevelField, telemetry.FieldBody, telemetry.TypeJSON), rg, labelTemplate)
	if err != nil {
		return err
	}
	traces, err := ids(ctx, part, find(part, telemetry.LevelField, telemetry.FieldTraceID, telemetry.TypeBytes), rg)
	if err != nil {
		return err
	}
	spans, err := ids(ctx, part, find(part, telemetry.LevelField, telemetry.FieldSpanID, telemetry.TypeBytes), rg)
	if err != nil {
		return err
	}
	var ranges [severityRanges + 1]uint32 // codes of the severities' names, by range
	for i := range severityRanges {
		ranges[i+1] = t.code(telemetry.SeverityText(int64(i*4 + 1)))
	}
	for row := from; row < to; row++ {
		k := key{service: service.at(row), name: texts.at(row)}
		if k.name == 0 {
			k.name = objects.at(row)
		}
		if severities.Values != nil && index.IsValid(severities.Valid, row) {
			if n := severities.Values[row]; n >= 1 && n <= severityRanges*4 {
				k.kind = ranges[(n+3)/4]
			}
		}
		var at int64
		if times.Values != nil && index.IsValid(times.Valid, row) {
			at = times.Values[row]
		}
		s := t.seriesOf(k)
		c := t.cellAt(s, at)
		c.count++
		if best := s.bestAt(c.n); best == nil || best.at == 0 {
			if trace := traces(row); trace != nil {
				x := exemplar{at: at, n: c.n, trace: telemetry.TraceID(trace)}
				if span := spans(row); span != nil {
					x.span = telemetry.SpanID(span)
				}
				s.better(x)
			}
		}
	}
	return nil
}

// severityRanges is how many names there are, each for four numbers: trace, debug, info, warn, error, fatal.
const severityRanges = 6

// labelTemplate is a template as people read it: <*> stands for what varies.
func labelTemplate(template []byte) string {
	var b strings.Builder
	for _, c := range template {
		if isHole(c) {
			b.WriteString(varies)
		} else {
			b.WriteByte(c)
		}
	}
	return cut(b.String())
}
