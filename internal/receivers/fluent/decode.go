package fluent

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"clew/internal/receivers/way"
)

// tagAttribute is where a record's tag is, as the Collector's receiver has it.
const tagAttribute = "fluent.tag"

// event is a decoded message.
type event struct {
	logs     plog.Logs
	records  plog.LogRecordSlice
	rejected int    // entries that are none
	chunk    string // to be acknowledged; "": nothing is asked for
}

// cursor reads values that a scanner has found whole.
type cursor struct {
	b []byte
}

// head reads the next value's head and passes over it.
func (c *cursor) head() (head, error) {
	if len(c.b) == 0 || len(c.b) < headBytes(c.b[0]) {
		return head{}, way.Malformed("a value is missing")
	}
	h, err := headOf(c.b)
	if err != nil {
		return h, err
	}
	if h.payload > uint64(len(c.b)-h.size) {
		return h, way.Malformed("a value is cut short")
	}
	return h, nil
}

// take passes over the head and gives the payload.
func (c *cursor) take(h head) []byte {
	p := c.b[h.size : uint64(h.size)+h.payload]
	c.b = c.b[uint64(h.size)+h.payload:]
	return p
}

// skip passes over a whole value.
func (c *cursor) skip() error {
	var s scanner
	for {
		h, err := c.head()
		if err != nil {
			return err
		}
		c.take(h)
		if done, err := s.add(h); err != nil || done {
			return err
		}
	}
}

// text reads a string; some senders write bytes.
func (c *cursor) text(what string) (string, error) {
	h, err := c.head()
	if err != nil {
		return "", err
	}
	if h.kind != kindText && h.kind != kindBytes {
		return "", way.Malformed("%s is no string", what)
	}
	return string(c.take(h)), nil
}

// decode reads a message: [tag, time, record, options?], [tag, entries, options?], or [tag, packed entries, options?].
func decode(frame []byte, ticket way.Ticket, needed int64) (e event, err error) {
	defer way.Guard(&err)
	c := cursor{frame}
	h, err := c.head()
	if err != nil {
		return e, err
	}
	if h.kind != kindArray || h.children < 2 || h.children > 4 {
		return e, way.Malformed("message: want an array of 2 to 4 values")
	}
	c.take(h)
	tag, err := c.text("tag")
	if err != nil {
		return e, err
	}
	e.logs = plog.NewLogs()
	e.records = e.logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	second, err := c.head()
	if err != nil {
		return e, err
	}
	left := h.children - 2
	switch second.kind {
	case kindArray:
		c.take(second)
		for range second.children {
			if err := e.entry(&c, tag); err != nil {
				return e, err
			}
		}
		return e, e.options(&c, left, nil)
	case kindText, kindBytes:
		packed, gzipped := c.take(second), false
		if err := e.options(&c, left, &gzipped); err != nil {
			return e, err
		}
		return e, e.packed(packed, gzipped, tag, ticket, needed)
	}
	if left == 0 {
		return e, way.Malformed("message: no record after the time")
	}
	if err := e.record(&c, tag); err != nil {
		return e, err
	}
	return e, e.options(&c, left-1, nil)
}

// options reads what comes after the records.
func (e *event) options(c *cursor, left uint64, gzipped *bool) error {
	if left == 0 {
		return nil
	}
	h, err := c.head()
	if err != nil {
		return err
	}
	if h.kind == kindNil {
		return nil
	}
	if h.kind != kindMap {
		return way.Malformed("options are no map")
	}
	c.take(h)
	for range h.children / 2 {
		key, err := c.text("key of options")
		if err != nil {
			return err
		}
		v, err := c.head()
		if err != nil {
			return err
		}
		switch text := v.kind == kindText || v.kind == kindBytes; {
		case key == "chunk" && text:
			e.chunk = string(c.take(v))
		case key == "compressed" && text && gzipped != nil:
			name := string(c.take(v))
			if name != "gzip" && name != "text" {
				return way.Malformed("compressed: %.40q: want gzip", name)
			}
			*gzipped = name == "gzip"
		default:
			if err := c.skip(); err != nil {
				return err
			}
		}
	}
	return nil
}

// packed reads entries that follow each other as bytes. Compressed ones are asked memory for as they grow.
func (e *event) packed(data []byte, gzipped bool, tag string, ticket way.Ticket, needed int64) error {
	if gzipped {
		zr, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return way.Malformed("decompress entries: %w", err)
		}
		if data, err = inflate(zr, ticket, needed); err != nil {
			return err
		}
		needed += int64(len(data))
	}
	values, err := scanAll(data)
	if err != nil {
		return err
	}
	if err := ticket.Need(needed + int64(len(data)) + valueCost*int64(values)); err != nil {
		return err
	}
	for c := (cursor{data}); len(c.b) > 0; {
		if err := e.entry(&c, tag); err != nil {
			return err
		}
	}
	return nil
}

func inflate(r io.Reader, ticket way.Ticket, needed int64) ([]byte, error) {
	var out []byte
	for {
		if len(out) == cap(out) {
			bigger := max(2*cap(out), readStep)
			if err := ticket.Need(needed + int64(cap(out)+bigger)); err != nil {
				return nil, err
			}
			out = append(make([]byte, 0, bigger), out...)
		}
		n, err := r.Read(out[len(out):cap(out)])
		out = out[:len(out)+n]
		if len(out) > frameBytesMax {
			return nil, &way.Error{Status: 413, Reason: "too_large", Err: fmt.Errorf("entries are larger than %d bytes", frameBytesMax)}
		}
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, way.Malformed("decompress entries: %w", err)
		}
	}
}

// entry reads [time, record], or Fluent Bit's [[time, metadata], record]. What is none is rejected by itself.
func (e *event) entry(c *cursor, tag string) error {
	begin := *c
	if err := c.skip(); err != nil {
		return err
	}
	h, err := begin.head()
	if err != nil {
		return err
	}
	if h.kind != kindArray || h.children != 2 {
		e.rejected++
		return nil
	}
	begin.take(h)
	if e.record(&begin, tag) != nil {
		e.rejected++
	}
	return nil
}

// record reads a time and a map. Nothing is added if they are none.
func (e *event) record(c *cursor, tag string) error {
	lr := plog.NewLogRecord()
	h, err := c.head()
	if err != nil {
		return err
	}
	if h.kind == kindArray && h.children == 2 {
		c.take(h)
		if err := setTime(c, lr); err != nil {
			return err
		}
		metadata := pcommon.NewValueEmpty()
		if err := value(c, metadata, 1); err != nil {
			return err
		}
		if metadata.Type() == pcommon.ValueTypeMap && metadata.Map().Len() > 0 {
			metadata.CopyTo(lr.Attributes().PutEmpty("fluent.metadata"))
		}
	} else if err := setTime(c, lr); err != nil {
		return err
	}
	if h, err = c.head(); err != nil {
		return err
	}
	if h.kind != kindMap {
		return way.Malformed("record is no map")
	}
	c.take(h)
	lr.Attributes().PutStr(tagAttribute, tag)
	if err := fields(c, h.children/2, lr); err != nil {
		return err
	}
	lr.MoveTo(e.records.AppendEmpty())
	return nil
}

// fields puts a record's fields where OpenTelemetry has them: the message is the body, the rest are attributes. Of a severity and ids under usual names the
// record's own fields are made in addition.
func fields(c *cursor, n uint64, lr plog.LogRecord) error {
	for range n {
		key, err := c.text("key of a record")
		if err != nil {
			return err
		}
		if (key == "message" || key == "log") && lr.Body().Type() == pcommon.ValueTypeEmpty {
			if err := value(c, lr.Body(), 1); err != nil {
				return err
			}
			continue
		}
		v := lr.Attributes().PutEmpty(key)
		if err := value(c, v, 1); err != nil {
			return err
		}
		if v.Type() != pcommon.ValueTypeStr {
			continue
		}
		switch key {
		case "level", "severity":
			way.SetSeverity(lr, v.Str())
		case "trace_id":
			if id, ok := way.TraceID(v.Str()); ok {
				lr.SetTraceID(id)
			}
		case "span_id":
			if id, ok := way.SpanID(v.Str()); ok {
				lr.SetSpanID(id)
			}
		}
	}
	return nil
}

// setTime reads seconds, or the extension type 0 with seconds and nanoseconds.
func setTime(c *cursor, lr plog.LogRecord) error {
	h, err := c.head()
	if err != nil {
		return err
	}
	first := c.b[0]
	ext := c.b[h.size-1] // the type of an extension
	p := c.take(h)
	switch {
	case h.kind == kindExt && ext == 0 && len(p) == 8:
		lr.SetTimestamp(pcommon.NewTimestampFromTime(eventTime(p)))
	case h.kind == kindInt || h.kind == kindUint:
		seconds := integer(h, first, p)
		if seconds < 0 || seconds > math.MaxInt64/int64(time.Second) {
			return way.Malformed("time: %d seconds", seconds)
		}
		lr.SetTimestamp(pcommon.Timestamp(seconds) * pcommon.Timestamp(time.Second))
	case h.kind == kindFloat:
		if f := float(p); f >= 0 && f < math.MaxInt64/1e9 {
			lr.SetTimestamp(pcommon.Timestamp(f * 1e9))
			return nil
		}
		return way.Malformed("time: out of range")
	default:
		return way.Malformed("time is no number")
	}
	return nil
}

func eventTime(p []byte) time.Time {
	return time.Unix(int64(bigEndian(p[:4])), int64(bigEndian(p[4:]))).UTC()
}

// integer is a whole number; those beyond an int64 are negative.
func integer(h head, first byte, p []byte) int64 {
	if len(p) == 0 {
		return int64(int8(first))
	}
	n := bigEndian(p)
	if h.kind == kindInt {
		shift := 64 - 8*len(p)
		return int64(n<<shift) >> shift
	}
	return int64(n)
}

func float(p []byte) float64 {
	if len(p) == 4 {
		return float64(math.Float32frombits(uint32(bigEndian(p))))
	}
	return math.Float64frombits(bigEndian(p))
}

// value reads any value. Numbers beyond an int64 become their digits.
func value(c *cursor, into pcommon.Value, depth int) error {
	h, err := c.head()
	if err != nil {
		return err
	}
	if depth > depthMax {
		return way.Malformed("a record is nested more than %d deep", depthMax)
	}
	first := c.b[0]
	ext := c.b[h.size-1]
	p := c.take(h)
	switch h.kind {
	case kindFalse, kindTrue:
		into.SetBool(h.kind == kindTrue)
	case kindInt:
		into.SetInt(integer(h, first, p))
	case kindUint:
		if n := bigEndian(p); n > math.MaxInt64 {
			into.SetStr(strconv.FormatUint(n, 10))
		} else {
			into.SetInt(int64(n))
		}
	case kindFloat:
		into.SetDouble(float(p))
	case kindText, kindBytes:
		into.SetStr(string(p))
	case kindExt:
		if ext == 0 && len(p) == 8 {
			into.SetStr(eventTime(p).Format(time.RFC3339Nano))
		} else {
			into.SetEmptyBytes().FromRaw(p)
		}
	case kindArray:
		list := into.SetEmptySlice()
		for range h.children {
			if err := value(c, list.AppendEmpty(), depth+1); err != nil {
				return err
			}
		}
	case kindMap:
		m := into.SetEmptyMap()
		for range h.children / 2 {
			key, err := c.text("key of a map")
			if err != nil {
				return err
			}
			if err := value(c, m.PutEmpty(key), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}
