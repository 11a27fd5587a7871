package elastic

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"clew/internal/receivers/way"
)

// document is a JSON object whose fields are taken out one after the other, by their names in the Elastic Common Schema and by what shippers call them.
type document map[string]any

func parse(line []byte) (document, error) {
	if depth := nesting(line); depth > nestingMax {
		return nil, fmt.Errorf("objects and arrays are nested %d deep: want at most %d", depth, nestingMax)
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	var doc document
	if err := d.Decode(&doc); err != nil {
		return nil, err
	}
	if doc == nil {
		return nil, errors.New("want an object")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more data after the document")
	}
	return doc, nil
}

// nesting is how deep brackets are nested, those in strings aside.
func nesting(line []byte) int {
	depth, deepest, quoted := 0, 0, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}

// take removes the first of the fields that there is and is of the type. A name with dots is a field or nested objects.
func take[T any](d document, names ...string) (value T, ok bool) {
	for _, name := range names {
		if v, ok := takeOne[T](d, name); ok {
			return v, true
		}
	}
	return value, false
}

func takeOne[T any](d map[string]any, name string) (value T, ok bool) {
	if value, ok = d[name].(T); ok {
		delete(d, name)
		return value, true
	}
	for i := range len(name) {
		if name[i] != '.' {
			continue
		}
		inner, isObject := d[name[:i]].(map[string]any)
		if !isObject {
			continue
		}
		if value, ok = takeOne[T](inner, name[i+1:]); ok {
			if len(inner) == 0 {
				delete(d, name[:i])
			}
			return value, true
		}
	}
	return value, false
}

// fill sets what a record has fields for. line is the document's text.
func (d document) fill(lr plog.LogRecord, line string) error {
	if err := d.time(lr); err != nil {
		return err
	}
	body, ok := take[string](d, "message", "log", "msg", "MESSAGE")
	if !ok {
		body = line
	}
	lr.Body().SetStr(body)
	if level, ok := take[string](d, "log.level", "level", "severity"); ok {
		way.SetSeverity(lr, level)
	}
	d.ids(lr)
	return nil
}

// ids takes trace and span id. What is none stays an attribute.
func (d document) ids(lr plog.LogRecord) {
	for _, name := range []string{"trace.id", "trace_id", "traceId"} {
		if s, ok := takeOne[string](d, name); ok {
			id, valid := way.TraceID(s)
			if !valid {
				d[name] = s
				continue
			}
			lr.SetTraceID(id)
			break
		}
	}
	for _, name := range []string{"span.id", "span_id", "spanId"} {
		if s, ok := takeOne[string](d, name); ok {
			id, valid := way.SpanID(s)
			if !valid {
				d[name] = s
				continue
			}
			lr.SetSpanID(id)
			break
		}
	}
}

// time reads the time: text as of RFC 3339, or milliseconds since 1970.
func (d document) time(lr plog.LogRecord) error {
	if text, ok := take[string](d, "@timestamp", "timestamp"); ok {
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05.999999999Z0700"} {
			if t, err := time.Parse(layout, text); err == nil {
				return setTime(lr, t)
			}
		}
		return fmt.Errorf("@timestamp %.40q: want a time such as 2006-01-02T15:04:05.000Z, or milliseconds", text)
	}
	if number, ok := take[json.Number](d, "@timestamp", "timestamp"); ok {
		millis, err := number.Float64()
		if err != nil || millis < 0 || millis > math.MaxInt64/1e6 {
			return fmt.Errorf("@timestamp %.40q: want milliseconds since 1970", number)
		}
		if whole, err := number.Int64(); err == nil {
			return setTime(lr, time.UnixMilli(whole))
		}
		return setTime(lr, time.Unix(0, int64(millis*1e6)))
	}
	return nil // the record's time is when it came
}

func setTime(lr plog.LogRecord, t time.Time) error {
	if t.Year() < 1970 || t.Year() > 2261 {
		return fmt.Errorf("@timestamp: year %d: want 1970 to 2261", t.Year())
	}
	lr.SetTimestamp(pcommon.NewTimestampFromTime(t))
	return nil
}

// resource takes what says where the document comes from.
func (d document) resource(index string) resourceKey {
	k := resourceKey{index: index}
	k.service, _ = take[string](d, "service.name")
	k.version, _ = take[string](d, "service.version")
	k.namespace, _ = take[string](d, "service.namespace")
	k.host, _ = take[string](d, "host.name", "host.hostname", "hostname", "host")
	return k
}

// rest puts what is left, in the order of names.
func (d document) rest(to pcommon.Map) {
	to.EnsureCapacity(len(d))
	for _, name := range slices.Sorted(maps.Keys(d)) {
		if d[name] != nil {
			putValue(to.PutEmpty(name), d[name])
		}
	}
}
