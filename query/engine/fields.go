package engine

import (
	"slices"
	"strings"

	"clew/internal/telemetry"
)

// textFields are the fields of a signal whose values are prose: a query's words match words of them. All other strings are names
// and ids: they match as wholes.
var textFields = map[telemetry.Signal][]string{
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

// hiddenFields repeat what other columns say, for rebuilding records exactly, or hold attributes (overflow.go): they are no fields to ask.
var hiddenFields = []string{
	telemetry.FieldExact, telemetry.FieldResourceExact, telemetry.FieldScopeExact,
	telemetry.FieldOverflow, telemetry.FieldResourceOverflow, telemetry.FieldScopeOverflow,
}

// timeField is the field that orders a signal's records.
func timeField(s telemetry.Signal) string {
	if s == telemetry.Spans {
		return telemetry.FieldStart
	}
	return telemetry.FieldTime
}

// field is a query's name for columns.
type field struct {
	name  string
	every bool // any:
	prose bool // the signal's text fields, or one of them
	// wants are the (level, key) pairs, in the order in which a record's value is looked for.
	wants []levelKey
}

type levelKey struct {
	level telemetry.Level
	key   string
}

// fieldOf says what name means to records of a signal: a fixed field; or, with resource., scope. or attr. before it, an attribute of that
// level; or an attribute of the record, the scope or the resource, in this order.
func fieldOf(signal telemetry.Signal, name string) field {
	f := field{name: name}
	one := func(level telemetry.Level, key string) field {
		f.wants = []levelKey{{level, key}}
		return f
	}
	switch {
	case name == "any":
		f.every = true
		return f
	case name == "":
		f.prose = true
		for _, k := range textFields[signal] {
			f.wants = append(f.wants, levelKey{telemetry.LevelField, k})
		}
		return f
	case name == "service":
		return one(telemetry.LevelResource, "service.name")
	case name == "time" && signal == telemetry.Spans:
		return one(telemetry.LevelField, telemetry.FieldStart)
	case slices.Contains(fixedFields[signal], name) || slices.Contains(everySignal, name):
		f.prose = slices.Contains(textFields[signal], name)
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
		f.wants = append(f.wants, levelKey{level, name})
	}
	return f
}

// has says whether the field means column c, and which of wants it is.
func (f *field) has(c telemetry.Column) (rank int, ok bool) {
	if f.every {
		return 0, c.Level != telemetry.LevelField || !slices.Contains(hiddenFields, c.Key)
	}
	for i, w := range f.wants {
		if w.level == c.Level && w.key == c.Key {
			return i, true
		}
	}
	return 0, false
}
