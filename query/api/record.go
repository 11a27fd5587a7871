package api

import (
	"encoding/json"
	"maps"
	"math"
	"strconv"
	"strings"
	"time"

	"clew/internal/telemetry"
	"clew/query/engine"
)

func formatTime(nano int64) string { return time.Unix(0, nano).UTC().Format(time.RFC3339Nano) }

// value is an attribute's JSON value.
func value(f engine.Field) any {
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

// attributes gathers a level's attributes: cells, and where cells alone cannot give an attribute back, its original (see telemetry's
// attributes.go for the rule).
func attributes(r *engine.Record, level telemetry.Level, exactField, overflowField string) map[string]any {
	var m map[string]any
	for _, f := range r.Fields {
		if f.Column.Level == level {
			if m == nil {
				m = map[string]any{}
			}
			m[f.Column.Key] = value(f)
		}
	}
	m = merge(m, r.Text(overflowField), nil)
	exact := r.Text(exactField)
	return merge(m, exact, func(key string) {
		for k := range m {
			if strings.HasPrefix(k, key+".") {
				delete(m, k)
			}
		}
	})
}

// merge adds the members of a JSON object to m; before, if given, is told of each key that holds an object.
func merge(m map[string]any, object string, before func(key string)) map[string]any {
	if object == "" {
		return m
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &members); err != nil {
		return m
	}
	if m == nil {
		m = map[string]any{}
	}
	for k, v := range members {
		if before != nil && strings.HasPrefix(string(v), "{") {
			before(k)
		}
	}
	maps.Copy(m, exactMembers(members))
	return m
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
	if s.Name == "" && s.Version == "" && s.Attributes == nil && s.DroppedAttributes == 0 && s.SchemaURL == "" {
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

func logRecord(r *engine.Record) LogRecord {
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
		Resource:          resourceOf(r),
		Scope:             scopeOf(r),
	}
	if severity != 0 {
		l.Severity = telemetry.SeverityText(severity)
	}
	return l
}

func spanRecord(r *engine.Record) SpanRecord {
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
		Resource:          resourceOf(r),
		Scope:             scopeOf(r),
	}
}
