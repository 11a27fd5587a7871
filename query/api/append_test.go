package api

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// What is appended is what encoding/json makes of the structs: the same once read again, whatever is in them.
func TestAppendedIsMarshalled(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 7))
	text := func() string {
		parts := []string{"", "a", "GET /cart", "\"quoted\"", "back\\slash", "line\nbreak\r\t", "\x00\x1f\x7f", "日本 €", "<&>", "\u2028", "bad \xff utf8", "é\"\n"}
		return strings.Repeat(parts[rnd.IntN(len(parts))], rnd.IntN(3)) + parts[rnd.IntN(len(parts))]
	}
	some := func() Attributes {
		m := map[string]any{}
		for range rnd.IntN(5) {
			values := []any{text(), rnd.Int64() >> rnd.IntN(60), rnd.NormFloat64(), rnd.IntN(2) == 0, json.RawMessage(`{"a":[1,2]}`), map[string][]byte{"$bytes": {1, 2}}, nil}
			m[text()] = values[rnd.IntN(len(values))]
		}
		return attributesOf(m)
	}
	for range 2000 {
		resource := Resource{Attributes: some(), DroppedAttributes: rnd.Uint32() >> rnd.IntN(33), SchemaURL: text()}
		if rnd.IntN(2) == 0 {
			resource.written = new([]byte)
		}
		var scope *Scope
		if rnd.IntN(2) == 0 {
			scope = &Scope{Name: text(), Version: text(), Attributes: some(), SchemaURL: text(), DroppedAttributes: 3}
		}
		l := &LogRecord{
			ID: text(), Time: text(), TimeUnixNano: text(), StatedTime: text(), ObservedTime: text(), Severity: text(), SeverityNumber: rnd.IntN(3), SeverityText: text(),
			Service: text(), Body: text(), EventName: text(), TraceID: text(), SpanID: text(), Flags: uint32(rnd.IntN(2)), Attributes: some(),
			DroppedAttributes: uint32(rnd.IntN(2)), InvalidUTF8: rnd.IntN(2) == 0, Resource: resource, Scope: scope,
		}
		sameJSON(t, l.append(nil), l)
		s := &SpanRecord{
			ID: text(), TraceID: text(), SpanID: text(), ParentSpanID: text(), TraceState: text(), Flags: uint32(rnd.IntN(2)), Service: text(), Name: text(), Kind: text(),
			Start: text(), StartUnixNano: text(), StatedStart: text(), DurationNano: rnd.Int64(), Status: text(), StatusMessage: text(), Attributes: some(),
			Events: []SpanEvent{{Name: text(), Attributes: some()}}[:rnd.IntN(2)], Links: []SpanLink{{TraceID: text(), Attributes: some()}}[:rnd.IntN(2)],
			DroppedAttributes: uint32(rnd.IntN(2)), DroppedEvents: uint32(rnd.IntN(2)), DroppedLinks: uint32(rnd.IntN(2)), InvalidUTF8: rnd.IntN(2) == 0,
			Resource: resource, Scope: scope,
		}
		sameJSON(t, s.append(nil), s)
	}
}

// Every member of the structs is appended: one that was forgotten would be missing here.
func TestAppendedIsWhole(t *testing.T) {
	fill := func(v any) {
		for i, s := 0, reflect.ValueOf(v).Elem(); i < s.NumField(); i++ {
			switch f := s.Field(i); {
			case !f.CanSet():
			case f.Kind() == reflect.String:
				f.SetString("x")
			case f.CanInt():
				f.SetInt(1)
			case f.CanUint():
				f.SetUint(1)
			case f.Kind() == reflect.Bool:
				f.SetBool(true)
			case f.Type() == reflect.TypeFor[Attributes]():
				f.Set(reflect.ValueOf(Attributes{{"k", "v"}}))
			}
		}
	}
	scope, resource := &Scope{}, Resource{}
	fill(scope)
	fill(&resource)
	l := &LogRecord{Resource: resource, Scope: scope}
	fill(l)
	sameJSON(t, l.append(nil), l)
	s := &SpanRecord{Resource: resource, Scope: scope, Events: []SpanEvent{{Name: "e"}}, Links: []SpanLink{{TraceID: "t"}}}
	fill(s)
	sameJSON(t, s.append(nil), s)
}

func sameJSON(t *testing.T, appended []byte, v any) {
	t.Helper()
	marshalled, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var have, want any
	if err := json.Unmarshal(appended, &have); err != nil {
		t.Fatalf("%s: %v", appended, err)
	}
	if err := json.Unmarshal(marshalled, &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(have, want) {
		t.Fatalf("appended\n%s\nwant\n%s", appended, marshalled)
	}
}
