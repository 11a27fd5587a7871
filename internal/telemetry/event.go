package telemetry

import (
	"encoding/hex"
	"fmt"
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// The text form of a span's events and links is a JSON array of objects; a member that is absent is zero or empty:
//
//	{"time":1700000000000000000,"name":"exception","attributes":{...},"dropped_attributes_count":1}
//	{"trace_id":"<32 hex digits>","span_id":"<16 hex digits>","trace_state":"...","flags":1,"attributes":{...},"dropped_attributes_count":1}
//
// Times are unsigned integers (nanoseconds since 1970 UTC); attributes have value.go's form.

// AppendEvents appends the text form of events. valid is false if a string in them was not valid UTF-8.
func AppendEvents(dst []byte, events ptrace.SpanEventSlice) (out []byte, valid bool) {
	w := members{dst: append(dst, '['), valid: true}
	for i := range events.Len() {
		e := events.At(i)
		w.open(i)
		w.uint("time", uint64(e.Timestamp()))
		w.str("name", e.Name())
		w.attributes(e.Attributes(), e.DroppedAttributesCount())
		w.dst = append(w.dst, '}')
	}
	return append(w.dst, ']'), w.valid
}

// AppendLinks appends the text form of links.
func AppendLinks(dst []byte, links ptrace.SpanLinkSlice) (out []byte, valid bool) {
	w := members{dst: append(dst, '['), valid: true}
	for i := range links.Len() {
		l := links.At(i)
		w.open(i)
		if id := l.TraceID(); !id.IsEmpty() {
			w.name("trace_id")
			w.dst = append(hex.AppendEncode(append(w.dst, '"'), id[:]), '"')
		}
		if id := l.SpanID(); !id.IsEmpty() {
			w.name("span_id")
			w.dst = append(hex.AppendEncode(append(w.dst, '"'), id[:]), '"')
		}
		w.str("trace_state", l.TraceState().AsRaw())
		w.uint("flags", uint64(l.Flags()))
		w.attributes(l.Attributes(), l.DroppedAttributesCount())
		w.dst = append(w.dst, '}')
	}
	return append(w.dst, ']'), w.valid
}

// members writes the members of objects that are not zero.
type members struct {
	dst   []byte
	first bool
	valid bool
}

func (w *members) open(i int) {
	if i > 0 {
		w.dst = append(w.dst, ',')
	}
	w.dst = append(w.dst, '{')
	w.first = true
}

func (w *members) name(name string) {
	if !w.first {
		w.dst = append(w.dst, ',')
	}
	w.first = false
	w.dst = append(w.dst, '"')
	w.dst = append(w.dst, name...)
	w.dst = append(w.dst, '"', ':')
}

func (w *members) uint(name string, n uint64) {
	if n != 0 {
		w.name(name)
		w.dst = strconv.AppendUint(w.dst, n, 10)
	}
}

func (w *members) str(name, s string) {
	if s != "" {
		w.name(name)
		var ok bool
		w.dst, ok = appendString(w.dst, s)
		w.valid = w.valid && ok
	}
}

func (w *members) attributes(m pcommon.Map, dropped uint32) {
	if m.Len() > 0 {
		w.name("attributes")
		var ok bool
		w.dst, ok = AppendMap(w.dst, m)
		w.valid = w.valid && ok
	}
	w.uint("dropped_attributes_count", uint64(dropped))
}

// ParseEvents reads what AppendEvents wrote and adds it to events. Strings alias text.
func ParseEvents(text string, events ptrace.SpanEventSlice) error {
	return parseObjects(text, func(p *parser) func(string) error {
		e := events.AppendEmpty()
		return func(name string) (err error) {
			switch name {
			case "time":
				var n uint64
				n, err = p.uint()
				e.SetTimestamp(pcommon.Timestamp(n))
			case "name":
				var s string
				s, err = p.quoted()
				e.SetName(s)
			case "attributes":
				err = p.attributes(e.Attributes())
			case "dropped_attributes_count":
				var n uint32
				n, err = p.uint32()
				e.SetDroppedAttributesCount(n)
			default:
				err = p.fail(fmt.Sprintf("unknown member %.40q of an event", name))
			}
			return err
		}
	})
}

// ParseLinks reads what AppendLinks wrote and adds it to links. Strings alias text.
func ParseLinks(text string, links ptrace.SpanLinkSlice) error {
	return parseObjects(text, func(p *parser) func(string) error {
		l := links.AppendEmpty()
		return func(name string) (err error) {
			switch name {
			case "trace_id":
				var id pcommon.TraceID
				err = p.hexID(id[:])
				l.SetTraceID(id)
			case "span_id":
				var id pcommon.SpanID
				err = p.hexID(id[:])
				l.SetSpanID(id)
			case "trace_state":
				var s string
				s, err = p.quoted()
				l.TraceState().FromRaw(s)
			case "flags":
				var n uint32
				n, err = p.uint32()
				l.SetFlags(n)
			case "attributes":
				err = p.attributes(l.Attributes())
			case "dropped_attributes_count":
				var n uint32
				n, err = p.uint32()
				l.SetDroppedAttributesCount(n)
			default:
				err = p.fail(fmt.Sprintf("unknown member %.40q of a link", name))
			}
			return err
		}
	})
}

// parseObjects reads an array of objects: begin is called at each and returns what reads the value of a member.
func parseObjects(text string, begin func(*parser) func(name string) error) error {
	p := &parser{s: text}
	if err := p.expect('['); err != nil {
		return err
	}
	for n := 0; !p.take(']'); n++ {
		if n > 0 {
			if err := p.expect(','); err != nil {
				return err
			}
		}
		if err := p.expect('{'); err != nil {
			return err
		}
		member := begin(p)
		for k := 0; !p.take('}'); k++ {
			if k > 0 {
				if err := p.expect(','); err != nil {
					return err
				}
			}
			name, err := p.key()
			if err != nil {
				return err
			}
			if err := member(name); err != nil {
				return err
			}
		}
	}
	return p.end()
}

func (p *parser) quoted() (string, error) {
	if p.peek() != '"' {
		return "", p.fail("want a string")
	}
	return p.str()
}

func (p *parser) uint32() (uint32, error) {
	n, err := p.uint()
	if err == nil && n > 1<<32-1 {
		err = p.fail("count out of range")
	}
	return uint32(n), err
}

func (p *parser) hexID(id []byte) error {
	s, err := p.quoted()
	if err != nil {
		return err
	}
	if len(s) != 2*len(id) {
		return p.fail(fmt.Sprintf("want %d hex digits", 2*len(id)))
	}
	if _, err := hex.Decode(id, []byte(s)); err != nil {
		return p.fail("want hex digits")
	}
	return nil
}

func (p *parser) attributes(into pcommon.Map) error {
	v := pcommon.NewValueEmpty()
	p.peek()
	if err := p.value(v, 0); err != nil {
		return err
	}
	if v.Type() != pcommon.ValueTypeMap {
		return p.fail("want an object")
	}
	v.Map().MoveTo(into)
	return nil
}
