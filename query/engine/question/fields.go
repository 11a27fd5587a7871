package question

import (
	"slices"
	"strings"

	"clew/internal/telemetry"
)

// TextFields are the fields of a signal whose values are prose: a query's words match words of them. All other strings are names
// and ids: they match as wholes.
var TextFields = map[telemetry.Signal][]string{
	telemetry.Logs:  {telemetry.FieldBody},
	telemetry.Spans: {telemetry.FieldName, telemetry.FieldStatusMessage, telemetry.FieldExceptions},
}

// fixedFields are the fields that records of a signal have by themselves.
var fixedFields = map[telemetry.Signal][]string{
	telemetry.Logs: {
		telemetry.FieldTime, telemetry.FieldStatedTime, telemetry.FieldObservedTime, telemetry.FieldSeverity, telemetry.FieldSeverityText,
		telemetry.FieldBody, telemetry.FieldEventName, telemetry.FieldTraceID, telemetry.FieldSpanID, telemetry.FieldFlags,
	},
	telemetry.Spans: {
		telemetry.FieldStart, telemetry.FieldStatedStart, telemetry.FieldDuration, telemetry.FieldTraceID, telemetry.FieldSpanID,
		telemetry.FieldParentSpanID, telemetry.FieldTraceState, telemetry.FieldName, telemetry.FieldKind, telemetry.FieldStatus,
		telemetry.FieldStatusMessage, telemetry.FieldEvents, telemetry.FieldLinks, telemetry.FieldExceptions, telemetry.FieldFlags,
		telemetry.FieldDroppedEvents, telemetry.FieldDroppedLinks,
	},
	telemetry.Metrics: {telemetry.FieldTime, telemetry.FieldName, "unit", "description", "type", "temporality", "monotonic", "end", "samples", "chunk_kind"},
}

// everySignal are the fixed fields that records of every signal may have.
var everySignal = []string{
	telemetry.FieldDroppedAttributes, telemetry.FieldInvalidUTF8, telemetry.FieldResourceSchemaURL, telemetry.FieldResourceDroppedAttributes,
	telemetry.FieldScopeName, telemetry.FieldScopeVersion, telemetry.FieldScopeSchemaURL, telemetry.FieldScopeDroppedAttributes,
}

// HiddenFields repeat what other columns say, for rebuilding records exactly, or hold attributes (overflow.go): they are no fields to ask.
var HiddenFields = []string{
	telemetry.FieldExact, telemetry.FieldResourceExact, telemetry.FieldScopeExact,
	telemetry.FieldOverflow, telemetry.FieldResourceOverflow, telemetry.FieldScopeOverflow,
}

// TimeField is the field that orders a signal's records.
func TimeField(s telemetry.Signal) string {
	if s == telemetry.Spans {
		return telemetry.FieldStart
	}
	return telemetry.FieldTime
}

// Field is a query's name for columns.
type Field struct {
	Name  string
	Every bool // any:
	Prose bool // the signal's text fields, or one of them
	// Wants are the (level, key) pairs, in the order in which a record's value is looked for.
	Wants []LevelKey
}

// LevelKey names columns of all types.
type LevelKey struct {
	Level telemetry.Level
	Key   string
}

// FieldOf says what name means to records of a signal: a fixed field; or, with resource., scope. or attr. before it, an attribute of that
// level; or an attribute of the record, the scope or the resource, in this order.
func FieldOf(signal telemetry.Signal, name string) Field {
	f := Field{Name: name}
	one := func(level telemetry.Level, key string) Field {
		f.Wants = []LevelKey{{level, key}}
		return f
	}
	switch {
	case name == "any":
		f.Every = true
		return f
	case name == "":
		f.Prose = true
		for _, k := range TextFields[signal] {
			f.Wants = append(f.Wants, LevelKey{telemetry.LevelField, k})
		}
		return f
	case name == "service":
		return one(telemetry.LevelResource, "service.name")
	case name == "time" && signal == telemetry.Spans:
		return one(telemetry.LevelField, telemetry.FieldStart)
	case slices.Contains(fixedFields[signal], name) || slices.Contains(everySignal, name):
		f.Prose = slices.Contains(TextFields[signal], name)
		return one(telemetry.LevelField, name)
	}
	if key, ok := strings.CutPrefix(name, "resource."); ok {
		return one(telemetry.LevelResource, key)
	}
	if key, ok := strings.CutPrefix(name, "scope."); ok {
		return one(telemetry.LevelScope, strings.TrimPrefix(key, "attr."))
	}
	if key, ok := strings.CutPrefix(name, "attr."); ok {
		return one(telemetry.LevelRecord, key)
	}
	for _, level := range []telemetry.Level{telemetry.LevelRecord, telemetry.LevelScope, telemetry.LevelResource} {
		f.Wants = append(f.Wants, LevelKey{level, name})
	}
	return f
}

// Has says whether the field means column c, and which of wants it is.
func (f *Field) Has(c telemetry.Column) (rank int, ok bool) {
	if f.Every {
		return 0, c.Level != telemetry.LevelField || !slices.Contains(HiddenFields, c.Key)
	}
	for i, w := range f.Wants {
		if w.Level == c.Level && w.Key == c.Key {
			return i, true
		}
	}
	return 0, false
}
