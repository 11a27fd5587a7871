package otlpreceiver

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// survey is what is known of a body before it is decoded.
type survey struct {
	records int
	// decoded is about how many bytes the decoded request will take, beside its strings.
	decoded int
}

// BodyError says where a body is not readable as OTLP.
type BodyError struct {
	// Path is the field's, such as "resource_logs[0].scope_logs[0].log_records[17].time_unix_nano"; empty where none is known.
	Path string
	// Offset is the byte in the (decompressed) body, or -1.
	Offset int
	What   string
	path   []string // reversed, while it is being collected
}

func (e *BodyError) Error() string {
	var b strings.Builder
	if e.Path != "" {
		fmt.Fprintf(&b, "%s: ", e.Path)
	}
	b.WriteString(e.What)
	if e.Offset >= 0 {
		fmt.Fprintf(&b, " (at byte %d)", e.Offset)
	}
	return b.String()
}

// finish turns the collected path into Path.
func (e *BodyError) finish() *BodyError {
	slices.Reverse(e.path)
	if len(e.path) > pathElementsMax {
		e.path = append(e.path[:pathElementsMax], "...")
	}
	e.Path, e.path = strings.Join(e.path, "."), nil
	return e
}

func bodyErrorAt(offset int, format string, args ...any) *BodyError {
	return &BodyError{Offset: offset, What: fmt.Sprintf(format, args...)}
}

// surveyProto checks the structure of a protobuf body against the schema: tags, lengths, wire types, lengths of ids, and
// nesting. What passes, pdata can decode without harm. A body costs about 5 ns a field.
func surveyProto(body []byte, request *message) (survey, error) {
	var s survey
	if err := s.message(request, body, 0, 0); err != nil {
		return s, err.finish()
	}
	return s, nil
}

var (
	errTruncated = errors.New("ends in the middle of a field")
	errOverflow  = errors.New("varint of more than 64 bits")
	// proto3 has no groups, and pdata loses its way after one.
	errGroup = errors.New("a group, which OTLP does not have")
)

// uvarint reads a varint at pos; most have one byte.
func uvarint(buf []byte, pos int) (value uint64, next int, err error) {
	if pos < len(buf) && buf[pos] < 0x80 {
		return uint64(buf[pos]), pos + 1, nil
	}
	value, n := binary.Uvarint(buf[pos:])
	switch {
	case n == 0:
		return 0, pos, errTruncated
	case n < 0:
		return 0, pos, errOverflow
	}
	return value, pos + n, nil
}

// message checks one message; base is buf's offset in the body, nesting the number of values around it.
func (s *survey) message(m *message, buf []byte, base, nesting int) *BodyError {
	s.decoded += m.cost
	if m.record {
		s.records++
	}
	if m.nests {
		if nesting++; nesting > nestingMax {
			return bodyErrorAt(base, "values nest deeper than %d", nestingMax)
		}
	}
	for pos := 0; pos < len(buf); {
		start := pos
		if end, e := s.short(m, buf, base, pos, nesting); e != nil {
			return e
		} else if end > 0 {
			pos = end
			continue
		}
		tag, next, err := uvarint(buf, pos)
		if err != nil {
			return bodyErrorAt(base+start, "tag of a field of %s: %v", m.name, err)
		}
		number := tag >> 3
		if number == 0 || number > 1<<29-1 {
			return bodyErrorAt(base+start, "field number %d in %s", number, m.name)
		}
		if number == deprecatedField && len(m.fields) > 2 && m.fields[2].repeated {
			number = 2
		}
		var f *field
		if number < uint64(len(m.fields)) {
			f = &m.fields[number]
		}
		if pos, err = s.value(f, buf, next, int(tag&7)); err != nil {
			return s.at(m, f, buf, base, start, err.Error())
		}
		if f != nil && f.kind == kindMessage {
			// value has checked the length, so the content is what follows it.
			_, from, _ := uvarint(buf, next)
			if e := s.message(f.msg, buf[from:pos], base+from, nesting); e != nil {
				e.path = append(e.path, f.element(m, buf, start))
				return e
			}
		}
	}
	return nil
}

// short checks the field at pos if it is like most: known, with a number below 16 and a content of less than 128
// bytes. It returns where the field ends, or 0 if it is not like that.
func (s *survey) short(m *message, buf []byte, base, pos, nesting int) (int, *BodyError) {
	if pos+2 > len(buf) {
		return 0, nil
	}
	tag, length := buf[pos], buf[pos+1]
	end := pos + 2 + int(length)
	if tag&0x87 != 2 || length >= 0x80 || end > len(buf) || int(tag>>3) >= len(m.fields) {
		return 0, nil
	}
	f := &m.fields[tag>>3]
	switch f.kind {
	case kindString, kindBytes:
		return end, nil
	case kindMessage:
		content := buf[pos+2 : end]
		if f.msg == anyValue && nesting < nestingMax && plainValue(content) {
			s.decoded += anyValue.cost
			return end, nil
		}
		if e := s.message(f.msg, content, base+pos+2, nesting); e != nil {
			e.path = append(e.path, f.element(m, buf, pos))
			return 0, e
		}
		return end, nil
	}
	return 0, nil
}

// plainValue says whether an AnyValue of less than 128 bytes is a string, a bool, a small integer or a double, and nothing else.
func plainValue(content []byte) bool {
	if len(content) < 2 {
		return false
	}
	switch content[0] {
	case 1<<3 | 2:
		return int(content[1]) == len(content)-2
	case 2 << 3, 3 << 3:
		return len(content) == 2 && content[1] < 0x80
	case 4<<3 | 1:
		return len(content) == 9
	}
	return false
}

// value checks the value of wire type wire at pos and returns where it ends. f is nil for an unknown field.
func (s *survey) value(f *field, buf []byte, pos, wire int) (int, error) {
	known := f != nil && f.kind != kindUnknown
	if known && !f.kind.takes(wire) {
		return pos, fmt.Errorf("wire type %d, want %s", wire, f.kind.wires())
	}
	switch wire {
	case 0:
		_, next, err := uvarint(buf, pos)
		return next, err
	case 1:
		return skip(buf, pos, 8)
	case 5:
		return skip(buf, pos, 4)
	case 2:
		n, next, err := uvarint(buf, pos)
		if err != nil {
			return pos, err
		}
		if n > uint64(len(buf)-next) {
			return pos, fmt.Errorf("length %d, but %d bytes are left", n, len(buf)-next)
		}
		if known {
			if err := f.checkLength(int(n)); err != nil {
				return pos, err
			}
			if f.kind == kindVarints {
				s.decoded += 8 * int(n)
			}
		}
		return next + int(n), nil
	case 3, 4:
		return pos, errGroup
	}
	return pos, fmt.Errorf("wire type %d", wire)
}

func skip(buf []byte, pos, n int) (int, error) {
	if n > len(buf)-pos {
		return pos, errTruncated
	}
	return pos + n, nil
}

// takes says whether a field of the kind may have the wire type.
func (k kind) takes(wire int) bool {
	switch k {
	case kindVarint, kindEnum, kindBool:
		return wire == 0
	case kindFixed64:
		return wire == 1
	case kindFixed32:
		return wire == 5
	case kindFixed64s:
		return wire == 1 || wire == 2
	case kindVarints:
		return wire == 0 || wire == 2
	}
	return wire == 2
}

// wires is the wire types that takes accepts, for messages.
func (k kind) wires() string {
	var ok []string
	for wire := range 6 {
		if k.takes(wire) {
			ok = append(ok, fmt.Sprint(wire))
		}
	}
	return strings.Join(ok, " or ")
}

// checkLength checks the length of a field that has a fixed one.
func (f *field) checkLength(n int) error {
	switch f.kind {
	case kindTraceID:
		if n != 0 && n != 16 {
			return fmt.Errorf("trace id of %d bytes, want 16", n)
		}
	case kindSpanID:
		if n != 0 && n != 8 {
			return fmt.Errorf("span id of %d bytes, want 8", n)
		}
	case kindFixed64s:
		if n%8 != 0 {
			return fmt.Errorf("packed 64-bit numbers of %d bytes in all", n)
		}
	}
	return nil
}

// at makes the error of a field's own value.
func (s *survey) at(m *message, f *field, buf []byte, base, start int, what string) *BodyError {
	e := bodyErrorAt(base+start, "%s", what)
	if f == nil || f.kind == kindUnknown {
		e.What = "unknown field of " + m.name + ": " + what
		return e
	}
	e.path = append(e.path, f.element(m, buf, start))
	return e
}

// element is the field's name for a path, with the index of the occurrence at start if it is repeated. It counts the
// occurrences before; only errors ask.
func (f *field) element(m *message, buf []byte, start int) string {
	if !f.repeated {
		return f.name
	}
	var s survey
	index := 0
	for pos := 0; pos < start; {
		tag, next, err := uvarint(buf, pos)
		if err != nil {
			break
		}
		number := tag >> 3
		if number == deprecatedField {
			number = 2
		}
		if number < uint64(len(m.fields)) && &m.fields[number] == f {
			index++
		}
		if pos, err = s.value(nil, buf, next, int(tag&7)); err != nil {
			break
		}
	}
	return fmt.Sprintf("%s[%d]", f.name, index)
}
