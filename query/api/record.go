package api

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"time"

	"clew/internal/telemetry"
	"clew/query/engine"
)

func formatTime(nano int64) string { return time.Unix(0, nano).UTC().Format(time.RFC3339Nano) }

// value is an attribute's JSON value.
func value(f *engine.Field) any {
	switch f.Column.Type {
	case telemetry.TypeString:
		return f.Value.Text
	case telemetry.TypeInt, telemetry.TypeTime:
		if f.Value.Int > exactInt || f.Value.Int < -exactInt {
			return strconv.FormatInt(f.Value.Int, 10)
		}
		return f.Value.Int
	case telemetry.TypeDouble:
		if math.IsNaN(f.Value.Double) || math.IsInf(f.Value.Double, 0) {
			return map[string]string{"$double": strconv.FormatFloat(f.Value.Double, 'g', -1, 64)}
		}
		return f.Value.Double
	case telemetry.TypeBool:
		return f.Value.Int != 0
	case telemetry.TypeJSON:
		return rawJSON(f.Value.Text)
	}
	return map[string][]byte{"$bytes": []byte(f.Value.Text)}
}

// rawJSON passes JSON text through, with exact integers; text that is not JSON (which only damage could make) stays a string.
func rawJSON(text string) any {
	if !json.Valid([]byte(text)) {
		return text
	}
	return json.RawMessage(exactJSON([]byte(text)))
}

// knownResources turns records into their JSON's structs, one after the other.
type knownResources struct {
	known [16]knownResource
	next  int // of known, to be given up
}

type knownResource struct {
	of *engine.Record // nil: none
	Resource
}

// resource is a record's resource. The records of an answer are of few: each is put together, and written, once.
func (k *knownResources) resource(r *engine.Record) Resource {
	for i := range k.known {
		if of := k.known[i].of; of != nil && sameResource(of, r) {
			return k.known[i].Resource
		}
	}
	known := &k.known[k.next]
	k.next = (k.next + 1) % len(k.known)
	known.of, known.Resource = r, resourceOf(r)
	known.written = new([]byte)
	return known.Resource
}

func sameResource(a, b *engine.Record) bool {
	return slices.Equal(a.Level(telemetry.LevelResource), b.Level(telemetry.LevelResource)) &&
		a.Text(telemetry.FieldResourceExact) == b.Text(telemetry.FieldResourceExact) &&
		a.Text(telemetry.FieldResourceOverflow) == b.Text(telemetry.FieldResourceOverflow) &&
		a.Text(telemetry.FieldResourceSchemaURL) == b.Text(telemetry.FieldResourceSchemaURL) &&
		a.Int(telemetry.FieldResourceDroppedAttributes) == b.Int(telemetry.FieldResourceDroppedAttributes)
}

func resourceOf(r *engine.Record) Resource {
	return Resource{
		Attributes:        attributes(r, telemetry.LevelResource, telemetry.FieldResourceExact, telemetry.FieldResourceOverflow),
		DroppedAttributes: uint32(r.Int(telemetry.FieldResourceDroppedAttributes)),
		SchemaURL:         r.Text(telemetry.FieldResourceSchemaURL),
	}
}

func scopeOf(r *engine.Record) *Scope {
	s := Scope{
		Name:              r.Text(telemetry.FieldScopeName),
		Version:           r.Text(telemetry.FieldScopeVersion),
		Attributes:        attributes(r, telemetry.LevelScope, telemetry.FieldScopeExact, telemetry.FieldScopeOverflow),
		DroppedAttributes: uint32(r.Int(telemetry.FieldScopeDroppedAttributes)),
		SchemaURL:         r.Text(telemetry.FieldScopeSchemaURL),
	}
	if s.Name == "" && s.Version == "" && len(s.Attributes) == 0 && s.DroppedAttributes == 0 && s.SchemaURL == "" {
		return nil
	}
	return &s
}

// optionalTime formats a time field, "" if the record has none.
func optionalTime(r *engine.Record, key string) string {
	f, ok := r.Get(telemetry.LevelField, key)
	if !ok {
		return ""
	}
	return formatTime(f.Value.Int)
}

func (k *knownResources) log(r *engine.Record) LogRecord {
	severity := r.Int(telemetry.FieldSeverity)
	l := LogRecord{
		ID:                engine.CursorAt(r).String(),
		Time:              formatTime(r.Time),
		TimeUnixNano:      strconv.FormatInt(r.Time, 10),
		StatedTime:        optionalTime(r, telemetry.FieldStatedTime),
		ObservedTime:      optionalTime(r, telemetry.FieldObservedTime),
		SeverityNumber:    int(severity),
		SeverityText:      r.Text(telemetry.FieldSeverityText),
		Service:           r.Service(),
		Body:              r.Text(telemetry.FieldBody),
		EventName:         r.Text(telemetry.FieldEventName),
		TraceID:           r.Text(telemetry.FieldTraceID),
		SpanID:            r.Text(telemetry.FieldSpanID),
		Flags:             uint32(r.Int(telemetry.FieldFlags)),
		Attributes:        attributes(r, telemetry.LevelRecord, telemetry.FieldExact, telemetry.FieldOverflow),
		DroppedAttributes: uint32(r.Int(telemetry.FieldDroppedAttributes)),
		InvalidUTF8:       r.Text(telemetry.FieldInvalidUTF8) == "true",
		Resource:          k.resource(r),
		Scope:             scopeOf(r),
	}
	if severity != 0 {
		l.Severity = telemetry.SeverityText(severity)
	}
	return l
}

func (k *knownResources) span(r *engine.Record) SpanRecord {
	return SpanRecord{
		ID:                engine.CursorAt(r).String(),
		TraceID:           r.Text(telemetry.FieldTraceID),
		SpanID:            r.Text(telemetry.FieldSpanID),
		ParentSpanID:      r.Text(telemetry.FieldParentSpanID),
		TraceState:        r.Text(telemetry.FieldTraceState),
		Flags:             uint32(r.Int(telemetry.FieldFlags)),
		Service:           r.Service(),
		Name:              r.Text(telemetry.FieldName),
		Kind:              r.Text(telemetry.FieldKind),
		Start:             formatTime(r.Time),
		StartUnixNano:     strconv.FormatInt(r.Time, 10),
		StatedStart:       optionalTime(r, telemetry.FieldStatedStart),
		DurationNano:      r.Int(telemetry.FieldDuration),
		Status:            r.Text(telemetry.FieldStatus),
		StatusMessage:     r.Text(telemetry.FieldStatusMessage),
		Attributes:        attributes(r, telemetry.LevelRecord, telemetry.FieldExact, telemetry.FieldOverflow),
		Events:            spanEvents(r.Text(telemetry.FieldEvents)),
		Links:             spanLinks(r.Text(telemetry.FieldLinks)),
		DroppedAttributes: uint32(r.Int(telemetry.FieldDroppedAttributes)),
		DroppedEvents:     uint32(r.Int(telemetry.FieldDroppedEvents)),
		DroppedLinks:      uint32(r.Int(telemetry.FieldDroppedLinks)),
		InvalidUTF8:       r.Text(telemetry.FieldInvalidUTF8) == "true",
		Resource:          k.resource(r),
		Scope:             scopeOf(r),
	}
}
