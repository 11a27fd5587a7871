package telemetry

import (
	"fmt"
	"strings"
)

// Level says which part of a record a column describes.
type Level uint8

// The levels. The numbers are written to disk: never renumber them.
const (
	LevelField    Level = 0 // a fixed field of the record, such as time or body
	LevelRecord   Level = 1 // an attribute of the record
	LevelScope    Level = 2 // an attribute of its instrumentation scope
	LevelResource Level = 3 // an attribute of its resource
)

func (l Level) String() string {
	switch l {
	case LevelField:
		return "field"
	case LevelRecord:
		return "record"
	case LevelScope:
		return "scope"
	case LevelResource:
		return "resource"
	}
	return fmt.Sprintf("level(%d)", uint8(l))
}

// Type is the type of a column's values. An attribute key whose values differ in type has one column per type.
type Type uint8

// The types. The numbers are written to disk: never renumber them.
const (
	TypeString Type = 1
	TypeInt    Type = 2
	TypeDouble Type = 3
	TypeBool   Type = 4
	TypeBytes  Type = 5 // bytes: attribute values of type bytes, and ids
	TypeJSON   Type = 6 // JSON text: arrays, and bodies that are not strings (see value.go for the form)
	TypeTime   Type = 7 // int64, nanoseconds since 1970 UTC
)

func (t Type) String() string {
	switch t {
	case TypeString:
		return "string"
	case TypeInt:
		return "int"
	case TypeDouble:
		return "double"
	case TypeBool:
		return "bool"
	case TypeBytes:
		return "bytes"
	case TypeJSON:
		return "json"
	case TypeTime:
		return "time"
	}
	return fmt.Sprintf("type(%d)", uint8(t))
}

// Column identifies a column within a signal.
type Column struct {
	Level Level
	Key   string // the field's or attribute's own name, without any prefix
	Type  Type
}

// Keys of fixed fields (LevelField).
//
// Of time (logs) and start (spans): they order, partition and retain the record. Where a sender's
// own time cannot serve (more than an hour in the future), they hold the observed time, and the
// sender's is kept in stated_time / stated_start.
const (
	FieldTime         = "time"          // logs: TypeTime
	FieldStatedTime   = "stated_time"   // logs: TypeTime, rare
	FieldObservedTime = "observed_time" // logs: TypeTime; spans: absent
	FieldSeverity     = "severity"      // logs: TypeInt, OTel severity number 1..24; absent when 0
	FieldSeverityText = "severity_text" // logs: TypeString; absent when empty
	FieldBody         = "body"          // logs: TypeString, or TypeJSON when the body is not a string; absent when empty value
	FieldEventName    = "event_name"    // logs: TypeString; absent when empty
	FieldTraceID      = "trace_id"      // logs, spans: TypeBytes, 16; absent when zero
	FieldSpanID       = "span_id"       // logs, spans: TypeBytes, 8; absent when zero
	FieldFlags        = "flags"         // logs, spans: TypeInt; absent when 0

	FieldStart         = "start"                // spans: TypeTime
	FieldStatedStart   = "stated_start"         // spans: TypeTime, rare
	FieldDuration      = "duration"             // spans: TypeInt, nanoseconds, end - stated start; may be negative
	FieldParentSpanID  = "parent_span_id"       // spans: TypeBytes, 8; absent when zero
	FieldTraceState    = "trace_state"          // spans: TypeString; absent when empty
	FieldName          = "name"                 // spans: TypeString (may be empty); metrics: the metric's name
	FieldKind          = "kind"                 // spans: TypeString: unspecified internal server client producer consumer, or the number
	FieldStatus        = "status"               // spans: TypeString: unset ok error, or the number
	FieldStatusMessage = "status_message"       // spans: TypeString; absent when empty
	FieldEvents        = "events"               // spans: TypeJSON, array of events (event.go); absent when none
	FieldLinks         = "links"                // spans: TypeJSON, array of links (event.go); absent when none
	FieldExceptions    = "exceptions"           // spans: TypeString, derived: type, message and stack trace of exception events, for search
	FieldDroppedEvents = "dropped_events_count" // spans: TypeInt; absent when 0
	FieldDroppedLinks  = "dropped_links_count"  // spans: TypeInt; absent when 0

	FieldDroppedAttributes         = "dropped_attributes_count" // TypeInt; absent when 0, like those of resource and scope
	FieldExact                     = "exact"                    // TypeJSON, rare: attributes that columns alone cannot give back (attributes.go)
	FieldInvalidUTF8               = "invalid_utf8"             // TypeBool: true if a string of the record, its resource or scope was not valid UTF-8; else absent
	FieldResourceSchemaURL         = "resource_schema_url"      // TypeString; absent when empty, like all strings of sets
	FieldResourceDroppedAttributes = "resource_dropped_attributes_count"
	FieldResourceExact             = "resource_exact"
	FieldScopeName                 = "scope.name"
	FieldScopeVersion              = "scope.version"
	FieldScopeSchemaURL            = "scope_schema_url"
	FieldScopeDroppedAttributes    = "scope_dropped_attributes_count"
	FieldScopeExact                = "scope_exact"

	// FieldOverflow holds, as a JSON object, the attributes of a batch's or segment's rare columns; likewise for resource and scope.
	FieldOverflow         = "overflow"
	FieldResourceOverflow = "resource_overflow"
	FieldScopeOverflow    = "scope_overflow"
)

// Keys of the fixed fields that only rows of metrics have (ingest/series says what they mean), besides time and name.
const (
	FieldUnit        = "unit"
	FieldDescription = "description"
	FieldMetricType  = "type"
	FieldTemporality = "temporality"
	FieldMonotonic   = "monotonic"
	FieldEnd         = "end"
	FieldChunk       = "chunk"
	FieldChunkKind   = "chunk_kind"
	FieldSamples     = "samples"
	FieldExtra       = "extra"
)

// reserved are the names of LevelField columns; a record attribute of such a key is named "attr.<key>".
var reserved = func() map[string]bool {
	m := map[string]bool{}
	for _, k := range []string{
		FieldTime, FieldStatedTime, FieldObservedTime, FieldSeverity, FieldSeverityText, FieldBody, FieldEventName,
		FieldTraceID, FieldSpanID, FieldFlags, FieldStart, FieldStatedStart, FieldDuration, FieldParentSpanID,
		FieldTraceState, FieldName, FieldKind, FieldStatus, FieldStatusMessage, FieldEvents, FieldLinks,
		FieldExceptions, FieldDroppedEvents, FieldDroppedLinks, FieldDroppedAttributes, FieldExact, FieldInvalidUTF8,
		FieldResourceSchemaURL, FieldResourceDroppedAttributes, FieldResourceExact, FieldScopeName, FieldScopeVersion,
		FieldScopeSchemaURL, FieldScopeDroppedAttributes, FieldScopeExact,
		FieldOverflow, FieldResourceOverflow, FieldScopeOverflow,
		FieldUnit, FieldDescription, FieldMetricType, FieldTemporality, FieldMonotonic, FieldEnd, FieldChunk, FieldChunkKind,
		FieldSamples, FieldExtra,
		// Names that the query language gives a meaning of their own, and the first column of Rows.
		"service", "any", SetColumn,
	} {
		m[k] = true
	}
	return m
}()

// Name is the column's name without its type: the name that queries use and that a Parquet reader sees
// (a second type of the same key gets the suffix "#<type>" there).
//
// Distinct (level, key) pairs have distinct names, with such suffixes too: a '#' in a key is doubled, so that only a suffix makes a run of
// them odd. Fixed fields have their key; attributes of resource and scope the prefix "resource." or "scope."; a record's
// attributes have their key as it is, or with the prefix "attr." where it is empty, reserved or begins with one of the prefixes.
func (c Column) Name() string {
	key := c.Key
	if strings.Contains(key, "#") {
		key = strings.ReplaceAll(key, "#", "##")
	}
	switch c.Level {
	case LevelField:
		return key
	case LevelResource:
		return "resource." + key
	case LevelScope:
		if key == "name" || key == "version" || strings.HasPrefix(key, "attr.") {
			return "scope.attr." + key
		}
		return "scope." + key
	}
	if key == "" || reserved[key] || strings.HasPrefix(key, "resource.") || strings.HasPrefix(key, "scope.") || strings.HasPrefix(key, "attr.") {
		return "attr." + key
	}
	return key
}

func (c Column) String() string { return c.Name() + "#" + c.Type.String() }

// Compare orders columns: fixed fields, then record, scope and resource attributes, each by key and type.
func (c Column) Compare(d Column) int {
	if c.Level != d.Level {
		return int(c.Level) - int(d.Level)
	}
	if k := strings.Compare(c.Key, d.Key); k != 0 {
		return k
	}
	return int(c.Type) - int(d.Type)
}
