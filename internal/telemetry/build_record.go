package telemetry

import (
	"strconv"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// AppendLog adds a log record. now is the observed time for records that have none.
func (b *Builder) AppendLog(r plog.LogRecord, now time.Time) {
	row := b.begin()
	t, keep := orderingTime(uint64(r.Timestamp()), uint64(r.ObservedTimestamp()), uint64(now.UnixNano()))
	b.time.addInt(row, int64(t))
	if keep {
		b.statedTime.addInt(row, int64(r.Timestamp()))
	}
	if observed := r.ObservedTimestamp(); observed != 0 {
		b.observedTime.addInt(row, int64(observed))
	}
	if n := r.SeverityNumber(); n != 0 {
		b.severity.addInt(row, int64(n))
	}
	b.addString(b.severityText, row, r.SeverityText())
	switch body := r.Body(); body.Type() {
	case pcommon.ValueTypeEmpty:
	case pcommon.ValueTypeStr:
		if !b.body.addString(row, body.Str()) {
			b.attributes.invalid = true
		}
	default:
		var valid bool
		b.text, valid = AppendValue(b.text[:0], body)
		b.addText(b.bodyJSON, row, valid)
	}
	b.addString(b.eventName, row, r.EventName())
	if id := r.TraceID(); !id.IsEmpty() {
		b.traceID.addBytes(row, id[:])
	}
	if id := r.SpanID(); !id.IsEmpty() {
		b.spanID.addBytes(row, id[:])
	}
	addCount(b.flags, row, uint32(r.Flags()))
	b.finish(row, r.Attributes(), r.DroppedAttributesCount())
}

// AppendSpan adds a span. now stands in for a start that is zero or more than an hour ahead; an end of zero is the start.
func (b *Builder) AppendSpan(s ptrace.Span, now time.Time) {
	row := b.begin()
	stated, end := uint64(s.StartTimestamp()), uint64(s.EndTimestamp())
	t, keep := orderingTime(stated, 0, uint64(now.UnixNano()))
	b.start.addInt(row, int64(t))
	if keep {
		b.statedStart.addInt(row, int64(stated))
	} else {
		stated = t
	}
	if end == 0 {
		end = stated
	}
	b.duration.addInt(row, int64(end-stated))
	if id := s.TraceID(); !id.IsEmpty() {
		b.traceID.addBytes(row, id[:])
	}
	if id := s.SpanID(); !id.IsEmpty() {
		b.spanID.addBytes(row, id[:])
	}
	if id := s.ParentSpanID(); !id.IsEmpty() {
		b.parentSpanID.addBytes(row, id[:])
	}
	addCount(b.flags, row, s.Flags())
	b.addString(b.traceState, row, s.TraceState().AsRaw())
	if !b.name.addString(row, s.Name()) {
		b.attributes.invalid = true
	}
	b.kind.addString(row, kindText(s.Kind()))
	b.status.addString(row, statusText(s.Status().Code()))
	b.addString(b.statusMessage, row, s.Status().Message())
	if s.Events().Len() > 0 {
		b.appendEvents(row, s.Events())
	}
	if s.Links().Len() > 0 {
		var valid bool
		b.text, valid = AppendLinks(b.text[:0], s.Links())
		b.addText(b.links, row, valid)
	}
	addCount(b.droppedEvents, row, s.DroppedEventsCount())
	addCount(b.droppedLinks, row, s.DroppedLinksCount())
	b.finish(row, s.Attributes(), s.DroppedAttributesCount())
}

// addText adds b.text to a column.
func (b *Builder) addText(c *column, row uint32, valid bool) {
	c.addText(row, b.text)
	if !valid {
		b.attributes.invalid = true
	}
}

func (b *Builder) appendEvents(row uint32, events ptrace.SpanEventSlice) {
	var valid bool
	b.text, valid = AppendEvents(b.text[:0], events)
	b.addText(b.events, row, valid)
	b.text = b.text[:0]
	for i := range events.Len() {
		if e := events.At(i); e.Name() == "exception" {
			b.text = appendException(b.text, e.Attributes())
		}
	}
	if len(b.text) > 0 {
		b.exceptions.addText(row, b.text)
	}
}

// appendException appends what an exception event says, on lines of their own: "type: message" and the stack trace.
func appendException(dst []byte, attributes pcommon.Map) []byte {
	start := len(dst)
	for _, part := range [...]struct{ before, key string }{
		{"\n", "exception.type"}, {": ", "exception.message"}, {"\n", "exception.stacktrace"},
	} {
		v, ok := attributes.Get(part.key)
		if !ok || v.Type() != pcommon.ValueTypeStr || v.Str() == "" {
			continue
		}
		switch {
		case len(dst) > start:
			dst = append(dst, part.before...)
		case start > 0:
			dst = append(dst, '\n')
		}
		dst = appendValid(dst, v.Str())
	}
	return dst
}

var kindTexts = [...]string{"unspecified", "internal", "server", "client", "producer", "consumer"}

func kindText(k ptrace.SpanKind) string {
	if k >= 0 && int(k) < len(kindTexts) {
		return kindTexts[k]
	}
	return strconv.Itoa(int(k))
}

var statusTexts = [...]string{"unset", "ok", "error"}

func statusText(c ptrace.StatusCode) string {
	if c >= 0 && int(c) < len(statusTexts) {
		return statusTexts[c]
	}
	return strconv.Itoa(int(c))
}
