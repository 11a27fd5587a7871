package ruletest

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"clew/index"
	"clew/index/table"
	"clew/internal/telemetry"
	"clew/internal/tracetext"
	"clew/query/engine"
	"clew/query/parts"
)

// epoch is the time of records at a test's beginning, which is 1970 in PromQL: a record without a time is another thing.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// records are the log records and spans of a test, as the index's tables have them.
type records struct {
	parts map[telemetry.Signal][]index.Part
	spans int
}

// View implements parts.Source.
func (r *records) View(_ context.Context, scope parts.Scope) (*parts.View, error) {
	return &parts.View{Parts: r.parts[scope.Signal], Release: func() {}}, nil
}

func (r *records) engine() *engine.Engine {
	return engine.New(r, engine.Limits{}, slog.New(slog.DiscardHandler))
}

// add makes a table of a batch.
func (r *records) add(b *telemetry.Batch) error {
	if r.parts == nil {
		r.parts = map[telemetry.Signal][]index.Part{}
	}
	t := table.New(fmt.Sprint(b.Signal, len(r.parts[b.Signal])), b.Signal, telemetry.DefaultTenant, 0)
	if err := t.Append(b, nil); err != nil {
		return err
	}
	r.parts[b.Signal] = append(r.parts[b.Signal], t.Snapshot())
	return nil
}

// addLogs reads log records, one a line.
func (r *records) addLogs(text string) error {
	b := telemetry.NewBuilder(telemetry.Logs, telemetry.DefaultTenant)
	count := 0
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		at, resource, record, err := parseLog(line)
		if err != nil {
			return fmt.Errorf("line %d: %w", i+1, err)
		}
		if count += len(at); count > recordsMax {
			return fmt.Errorf("line %d: more than %d records", i+1, recordsMax)
		}
		b.UseSet(resource, "", pcommon.NewInstrumentationScope(), "")
		for _, after := range at {
			record.SetTimestamp(pcommon.NewTimestampFromTime(epoch.Add(after)))
			record.SetObservedTimestamp(record.Timestamp())
			b.AppendLog(record, epoch.Add(after))
		}
	}
	if count == 0 {
		return nil
	}
	return r.add(b.Build())
}

// parseLog reads @time service severity "body" key=value ...
func parseLog(line string) ([]time.Duration, pcommon.Resource, plog.LogRecord, error) {
	resource, record := pcommon.NewResource(), plog.NewLogRecord()
	head, rest, _ := strings.Cut(line, `"`)
	words := strings.Fields(head)
	quoted, err := strconv.QuotedPrefix(`"` + rest)
	if err != nil || len(words) != 3 || !strings.HasPrefix(words[0], "@") {
		return nil, resource, record, fmt.Errorf(`%.80s: want @time service severity "body", and key=value as often as needed`, line)
	}
	at, err := times(words[0][1:])
	if err != nil {
		return nil, resource, record, err
	}
	severity, err := telemetry.ParseSeverity(words[2])
	if err != nil {
		return nil, resource, record, err
	}
	body, err := strconv.Unquote(quoted)
	if err != nil {
		return nil, resource, record, fmt.Errorf("%.80s: %w", quoted, err)
	}
	resource.Attributes().PutStr("service.name", words[1])
	record.SetSeverityNumber(plog.SeverityNumber(severity))
	record.Body().SetStr(body)
	for _, word := range strings.Fields(line[len(head)+len(quoted):]) {
		key, value, ok := strings.Cut(word, "=")
		if !ok || key == "" {
			return nil, resource, record, fmt.Errorf("%.80q: want key=value", word)
		}
		if into, ok := strings.CutPrefix(key, "resource."); ok {
			putValue(resource.Attributes(), into, value)
		} else {
			putValue(record.Attributes(), key, value)
		}
	}
	return at, resource, record, nil
}

// putValue puts a number as one.
func putValue(into pcommon.Map, key, value string) {
	if n, err := strconv.ParseInt(value, 10, 64); err == nil {
		into.PutInt(key, n)
	} else if f, err := strconv.ParseFloat(value, 64); err == nil {
		into.PutDouble(key, f)
	} else {
		into.PutStr(key, strings.Trim(value, `"`))
	}
}

// addTrace reads a trace and adds it once for each time.
func (r *records) addTrace(in inputTrace) error {
	at := []time.Duration{0}
	if in.At != "" {
		var err error
		if at, err = times(in.At); err != nil {
			return fmt.Errorf("at: %w", err)
		}
	}
	spans, err := tracetext.Parse(strings.NewReader(in.Trace))
	if err != nil {
		return fmt.Errorf("trace: %w", err)
	}
	if len(spans) == 0 {
		return fmt.Errorf("trace: has no spans")
	}
	if r.spans += len(spans) * len(at); r.spans > recordsMax {
		return fmt.Errorf("more than %d spans", recordsMax)
	}
	b := telemetry.NewBuilder(telemetry.Spans, telemetry.DefaultTenant)
	received := 0
	for i, after := range at {
		var id pcommon.TraceID
		binary.BigEndian.PutUint64(id[:8], uint64(r.spans))
		binary.BigEndian.PutUint64(id[8:], uint64(i+1))
		for k := range spans {
			if spans[k].Received {
				appendSpan(b, id, &spans[k], epoch.Add(after))
				received++
			}
		}
	}
	if received == 0 {
		return nil
	}
	return r.add(b.Build())
}

var kinds = map[string]ptrace.SpanKind{
	"internal": ptrace.SpanKindInternal, "server": ptrace.SpanKindServer, "client": ptrace.SpanKindClient,
	"producer": ptrace.SpanKindProducer, "consumer": ptrace.SpanKindConsumer,
}

var statuses = map[string]ptrace.StatusCode{"ok": ptrace.StatusCodeOk, "error": ptrace.StatusCodeError}

func appendSpan(b *telemetry.Builder, id pcommon.TraceID, from *tracetext.Span, base time.Time) {
	resource := pcommon.NewResource()
	resource.Attributes().PutStr("service.name", from.Service)
	b.UseSet(resource, "", pcommon.NewInstrumentationScope(), "")
	s := ptrace.NewSpan()
	s.SetTraceID(id)
	s.SetSpanID(pcommon.SpanID(from.ID))
	s.SetParentSpanID(pcommon.SpanID(from.Parent))
	s.SetName(from.Name)
	s.SetKind(kinds[from.Kind])
	start := base.Add(from.Start)
	s.SetStartTimestamp(pcommon.NewTimestampFromTime(start))
	s.SetEndTimestamp(pcommon.NewTimestampFromTime(start.Add(from.Duration)))
	s.Status().SetCode(statuses[from.Status])
	s.Status().SetMessage(from.Message)
	for _, a := range from.Attributes {
		putValue(s.Attributes(), a.Key, a.Value)
	}
	b.AppendSpan(s, start)
}
