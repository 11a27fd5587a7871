package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
)

// Answers with records are written by appending: reflection over a trace of thirty spans took longer than finding it. What is appended is what
// encoding/json makes of the same structs, but for the escapes that only HTML needs; a test compares the two.

// writer appends the members of a JSON object. The zero value with a "{" in it is an empty one.
type writer struct{ b []byte }

func (w *writer) open()  { w.b = append(w.b, '{') }
func (w *writer) close() { w.b = append(w.b, '}') }

// key begins a member. Keys are ours and need no escapes.
func (w *writer) key(key string) {
	if w.b[len(w.b)-1] != '{' {
		w.b = append(w.b, ',')
	}
	w.b = append(append(append(w.b, '"'), key...), '"', ':')
}

func (w *writer) text(key, value string) {
	w.key(key)
	w.b = appendString(w.b, value)
}

// textIf leaves an empty value out; so do the other methods that end in If.
func (w *writer) textIf(key, value string) {
	if value != "" {
		w.text(key, value)
	}
}

func (w *writer) int(key string, value int64) {
	w.key(key)
	w.b = strconv.AppendInt(w.b, value, 10)
}

func (w *writer) intIf(key string, value int64) {
	if value != 0 {
		w.int(key, value)
	}
}

func (w *writer) trueIf(key string, value bool) {
	if value {
		w.key(key)
		w.b = append(w.b, "true"...)
	}
}

func (w *writer) attributesIf(a Attributes) {
	if len(a) > 0 {
		w.key("attributes")
		w.b = a.append(w.b)
	}
}

func (l *LogRecord) append(dst []byte) []byte {
	w := writer{dst}
	w.open()
	w.text("id", l.ID)
	w.text("time", l.Time)
	w.text("timeUnixNano", l.TimeUnixNano)
	w.textIf("statedTime", l.StatedTime)
	w.textIf("observedTime", l.ObservedTime)
	w.textIf("severity", l.Severity)
	w.intIf("severityNumber", int64(l.SeverityNumber))
	w.textIf("severityText", l.SeverityText)
	w.textIf("service", l.Service)
	w.text("body", l.Body)
	w.textIf("eventName", l.EventName)
	w.textIf("traceId", l.TraceID)
	w.textIf("spanId", l.SpanID)
	w.intIf("flags", int64(l.Flags))
	w.attributesIf(l.Attributes)
	w.intIf("droppedAttributesCount", int64(l.DroppedAttributes))
	w.trueIf("invalidUtf8", l.InvalidUTF8)
	w.origin(&l.Resource, l.Scope)
	w.close()
	return w.b
}

func (s *SpanRecord) append(dst []byte) []byte {
	w := writer{dst}
	w.open()
	w.text("id", s.ID)
	w.text("traceId", s.TraceID)
	w.text("spanId", s.SpanID)
	w.textIf("parentSpanId", s.ParentSpanID)
	w.textIf("traceState", s.TraceState)
	w.intIf("flags", int64(s.Flags))
	w.textIf("service", s.Service)
	w.text("name", s.Name)
	w.text("kind", s.Kind)
	w.text("start", s.Start)
	w.text("startUnixNano", s.StartUnixNano)
	w.textIf("statedStart", s.StatedStart)
	w.int("durationNano", s.DurationNano)
	w.text("status", s.Status)
	w.textIf("statusMessage", s.StatusMessage)
	w.attributesIf(s.Attributes)
	if len(s.Events) > 0 {
		w.key("events")
		w.b = appendAny(w.b, s.Events)
	}
	if len(s.Links) > 0 {
		w.key("links")
		w.b = appendAny(w.b, s.Links)
	}
	w.intIf("droppedAttributesCount", int64(s.DroppedAttributes))
	w.intIf("droppedEventsCount", int64(s.DroppedEvents))
	w.intIf("droppedLinksCount", int64(s.DroppedLinks))
	w.trueIf("invalidUtf8", s.InvalidUTF8)
	w.origin(&s.Resource, s.Scope)
	w.close()
	return w.b
}

// origin appends the resource and the scope, which records have in common with others: the first of them leaves its JSON for the rest.
func (w *writer) origin(r *Resource, s *Scope) {
	w.key("resource")
	if r.written == nil {
		w.b = r.append(w.b)
	} else {
		if len(*r.written) == 0 {
			*r.written = r.append(nil)
		}
		w.b = append(w.b, *r.written...)
	}
	if s != nil {
		w.key("scope")
		w.b = s.append(w.b)
	}
}

func (r *Resource) append(dst []byte) []byte {
	w := writer{dst}
	w.open()
	w.attributesIf(r.Attributes)
	w.intIf("droppedAttributesCount", int64(r.DroppedAttributes))
	w.textIf("schemaUrl", r.SchemaURL)
	w.close()
	return w.b
}

func (s *Scope) append(dst []byte) []byte {
	w := writer{dst}
	w.open()
	w.textIf("name", s.Name)
	w.textIf("version", s.Version)
	w.attributesIf(s.Attributes)
	w.intIf("droppedAttributesCount", int64(s.DroppedAttributes))
	w.textIf("schemaUrl", s.SchemaURL)
	w.close()
	return w.b
}

func (a Attributes) append(dst []byte) []byte {
	dst = append(dst, '{')
	for i := range a {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, a[i].Key), ':')
		switch v := a[i].Value.(type) {
		case string:
			dst = appendString(dst, v)
		case int64:
			dst = strconv.AppendInt(dst, v, 10)
		case bool:
			dst = strconv.AppendBool(dst, v)
		case json.RawMessage:
			dst = append(dst, v...)
		default:
			dst = appendAny(dst, v)
		}
	}
	return append(dst, '}')
}

// appendAny appends what is rare, or has no form of its own here.
func appendAny(dst []byte, v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return append(dst, "null"...) // nothing that is answered has such a value
	}
	return append(dst, b...)
}

// appendString appends a JSON string. What is not UTF-8 becomes U+FFFD.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			continue
		}
		if c >= utf8.RuneSelf {
			if !utf8.ValidString(s[i:]) {
				quoted := appendAny(nil, s[from:])
				return append(dst, quoted[1:]...)
			}
			// All of the rest is UTF-8: only ASCII needs to be looked at.
			return appendEscaped(append(dst, s[from:i]...), s[i:])
		}
		dst = appendEscape(append(dst, s[from:i]...), c)
		from = i + 1
	}
	return append(append(dst, s[from:]...), '"')
}

// appendEscaped appends UTF-8 with its escapes, and the closing quote.
func appendEscaped(dst []byte, s string) []byte {
	from := 0
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' {
			dst = appendEscape(append(dst, s[from:i]...), c)
			from = i + 1
		}
	}
	return append(append(dst, s[from:]...), '"')
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// list appends a member that is an array of records.
func list[T any, P interface {
	*T
	append(dst []byte) []byte
}](w *writer, key string, records []T,
) {
	w.key(key)
	w.b = append(w.b, '[')
	for i := range records {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.b = P(&records[i]).append(w.b)
	}
	w.b = append(w.b, ']')
}

// rest appends the members of a struct, and ends the object.
func (w *writer) rest(v any) {
	if more := appendAny(nil, v); len(more) > len("{}") {
		if w.b[len(w.b)-1] != '{' {
			w.b = append(w.b, ',')
		}
		w.b = append(w.b, more[1:]...)
		return
	}
	w.close()
}

// answer writes what the writer has.
func (w *writer) answer(c *gin.Context) {
	c.Data(http.StatusOK, "application/json; charset=utf-8", w.b)
}
