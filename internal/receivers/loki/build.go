package loki

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"clew/internal/receivers/way"
)

// pair is a label or an entry's metadata.
type pair struct{ name, value string }

// entry is one line.
type entry struct {
	nanos    int64
	line     string
	metadata []pair
}

// builder makes log records of streams and entries.
type builder struct {
	x              *way.Exchange
	recordBytesMax int
	logs           plog.Logs
	records        plog.LogRecordSlice // of the stream; valid unless unreadable
	// unreadable is why the stream's entries are rejected.
	unreadable string
}

// Reasons for which entries are rejected while others of the request are kept.
const (
	reasonLabels   = "malformed_labels"
	reasonTime     = "malformed_time"
	reasonTooLarge = "record_too_large"
)

func (b *builder) decode(decode func(*builder, []byte) error) (err error) {
	defer way.Guard(&err)
	return decode(b, b.x.Body)
}

// services are the labels that say which service a stream is of, in the order in which Loki looks for them.
var services = []string{
	"service_name", "service", "app", "application", "name", "app_kubernetes_io_name", "container", "container_name", "k8s_container_name",
	"component", "workload", "job", "k8s_job_name",
}

// hosts are the labels that name a host.
var hosts = []string{"host", "hostname", "host_name", "nodename", "node_name", "node"}

// stream begins a stream. bad is why its labels cannot be read.
func (b *builder) stream(labels []pair, bad bool) error {
	b.unreadable = ""
	if bad {
		b.unreadable = reasonLabels
		return nil
	}
	if err := b.x.Take(streamCost + pairCost*int64(len(labels))); err != nil {
		return err
	}
	rl := b.logs.ResourceLogs().AppendEmpty()
	attributes := rl.Resource().Attributes()
	attributes.EnsureCapacity(len(labels) + 2)
	for _, l := range labels {
		attributes.PutStr(l.name, l.value)
	}
	nameAfter(attributes, "service.name", services)
	nameAfter(attributes, "host.name", hosts)
	b.records = rl.ScopeLogs().AppendEmpty().LogRecords()
	return nil
}

func nameAfter(attributes pcommon.Map, key string, labels []string) {
	for _, label := range labels {
		if v, ok := attributes.Get(label); ok && v.Str() != "" {
			attributes.PutStr(key, v.Str())
			return
		}
	}
}

// entry adds a line to the stream.
func (b *builder) entry(e *entry) error {
	size := len(e.line)
	for _, m := range e.metadata {
		size += len(m.name) + len(m.value)
	}
	switch {
	case b.unreadable != "":
		b.x.Reject(b.unreadable, 1)
		return nil
	case e.nanos < 0:
		b.x.Reject(reasonTime, 1)
		return nil
	case size > b.recordBytesMax:
		b.x.Reject(reasonTooLarge, 1)
		return nil
	}
	if err := b.x.Take(entryCost + pairCost*int64(len(e.metadata))); err != nil {
		return err
	}
	lr := b.records.AppendEmpty()
	lr.SetTimestamp(pcommon.Timestamp(e.nanos))
	lr.Body().SetStr(e.line)
	for _, m := range e.metadata {
		if !setOwn(lr, m) {
			lr.Attributes().PutStr(m.name, m.value)
		}
	}
	return nil
}

// setOwn sets what a record has fields for. A value that does not fit one stays an attribute.
func setOwn(lr plog.LogRecord, m pair) bool {
	switch m.name {
	case "trace_id", "traceID", "traceId", "TraceID":
		id, ok := way.TraceID(m.value)
		if ok {
			lr.SetTraceID(id)
		}
		return ok
	case "span_id", "spanID", "spanId", "SpanID":
		id, ok := way.SpanID(m.value)
		if ok {
			lr.SetSpanID(id)
		}
		return ok
	case "level", "detected_level", "severity", "severity_text":
		if lr.SeverityText() != "" {
			return false
		}
		way.SetSeverity(lr, m.value)
		return true
	}
	return false
}
