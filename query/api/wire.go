// Package api serves clew's HTTP interface: the native API under /api/v1, health and metrics. Every answer carries its statistics and
// says whether it is complete; openapi.yaml, beside this file, describes it and is held to the handlers by a test.
package api

// The types below are the JSON of the answers. Times are RFC 3339 in UTC with nanoseconds; the same instants in whole nanoseconds
// are decimal strings, because they exceed what JavaScript's numbers hold exactly. Integers beyond 2^53 in attributes are strings for the
// same reason.

// LogRecord is a log record.
type LogRecord struct {
	ID                string     `json:"id"` // its place in the order of records; for /api/v1/context
	Time              string     `json:"time"`
	TimeUnixNano      string     `json:"timeUnixNano"`
	StatedTime        string     `json:"statedTime,omitempty"` // the sender's, where it could not serve
	ObservedTime      string     `json:"observedTime,omitempty"`
	Severity          string     `json:"severity,omitempty"` // TRACE to FATAL, with 2 to 4 behind finer levels
	SeverityNumber    int        `json:"severityNumber,omitempty"`
	SeverityText      string     `json:"severityText,omitempty"`
	Service           string     `json:"service,omitempty"`
	Body              string     `json:"body"`
	EventName         string     `json:"eventName,omitempty"`
	TraceID           string     `json:"traceId,omitempty"`
	SpanID            string     `json:"spanId,omitempty"`
	Flags             uint32     `json:"flags,omitempty"`
	Attributes        Attributes `json:"attributes,omitempty"`
	DroppedAttributes uint32     `json:"droppedAttributesCount,omitempty"`
	InvalidUTF8       bool       `json:"invalidUtf8,omitempty"`
	Resource          Resource   `json:"resource"`
	Scope             *Scope     `json:"scope,omitempty"`
}

// SpanRecord is a span.
type SpanRecord struct {
	ID                string      `json:"id"`
	TraceID           string      `json:"traceId"`
	SpanID            string      `json:"spanId"`
	ParentSpanID      string      `json:"parentSpanId,omitempty"`
	TraceState        string      `json:"traceState,omitempty"`
	Flags             uint32      `json:"flags,omitempty"`
	Service           string      `json:"service,omitempty"`
	Name              string      `json:"name"`
	Kind              string      `json:"kind"`
	Start             string      `json:"start"`
	StartUnixNano     string      `json:"startUnixNano"`
	StatedStart       string      `json:"statedStart,omitempty"`
	DurationNano      int64       `json:"durationNano"`
	Status            string      `json:"status"`
	StatusMessage     string      `json:"statusMessage,omitempty"`
	Attributes        Attributes  `json:"attributes,omitempty"`
	Events            []SpanEvent `json:"events,omitempty"`
	Links             []SpanLink  `json:"links,omitempty"`
	DroppedAttributes uint32      `json:"droppedAttributesCount,omitempty"`
	DroppedEvents     uint32      `json:"droppedEventsCount,omitempty"`
	DroppedLinks      uint32      `json:"droppedLinksCount,omitempty"`
	InvalidUTF8       bool        `json:"invalidUtf8,omitempty"`
	Resource          Resource    `json:"resource"`
	Scope             *Scope      `json:"scope,omitempty"`
}

// SpanEvent is something that happened during a span.
type SpanEvent struct {
	Time              string     `json:"time,omitempty"` // absent where the sender stated none
	TimeUnixNano      string     `json:"timeUnixNano,omitempty"`
	Name              string     `json:"name"`
	Attributes        Attributes `json:"attributes,omitempty"`
	DroppedAttributes uint32     `json:"droppedAttributesCount,omitempty"`
}

// SpanLink is a span, of another trace as a rule, that a span names without being its child.
type SpanLink struct {
	TraceID           string     `json:"traceId"`
	SpanID            string     `json:"spanId"`
	TraceState        string     `json:"traceState,omitempty"`
	Flags             uint32     `json:"flags,omitempty"`
	Attributes        Attributes `json:"attributes,omitempty"`
	DroppedAttributes uint32     `json:"droppedAttributesCount,omitempty"`
}

// Resource is what sent a record.
type Resource struct {
	Attributes        Attributes `json:"attributes,omitempty"`
	DroppedAttributes uint32     `json:"droppedAttributesCount,omitempty"`
	SchemaURL         string     `json:"schemaUrl,omitempty"`

	written *[]byte // its JSON, once somebody has written it; shared by records of the same resource
}

// Scope is the instrumentation scope.
type Scope struct {
	Name              string     `json:"name,omitempty"`
	Version           string     `json:"version,omitempty"`
	Attributes        Attributes `json:"attributes,omitempty"`
	DroppedAttributes uint32     `json:"droppedAttributesCount,omitempty"`
	SchemaURL         string     `json:"schemaUrl,omitempty"`
}

// Search is the answer of /api/v1/search. Logs or Spans is set, by signal.
type Search struct {
	Signal string       `json:"signal"`
	Logs   []LogRecord  `json:"logs,omitempty"`
	Spans  []SpanRecord `json:"spans,omitempty"`
	Cursor string       `json:"cursor,omitempty"` // for the next page; absent on the last
	Stats  Stats        `json:"stats"`
}

// Count is the answer of /api/v1/count.
type Count struct {
	Count  uint64  `json:"count"`
	Field  string  `json:"field,omitempty"`
	Groups []Group `json:"groups,omitempty"` // by count, descending
	Other  uint64  `json:"other,omitempty"`  // matching records of values beyond the groups shown
	Absent uint64  `json:"absent,omitempty"` // matching records without the field
	Stats  Stats   `json:"stats"`
}

// Group is the records of one value.
type Group struct {
	Value string `json:"value"`
	Count uint64 `json:"count"`
}

// Histogram is the answer of /api/v1/histogram.
type Histogram struct {
	Start  string   `json:"start"`  // of the first bucket
	StepMs int64    `json:"stepMs"` // width of a bucket
	Count  uint64   `json:"count"`
	Series []Series `json:"series"`
	Stats  Stats    `json:"stats"`
}

// Series is the counts of one value, a bucket each.
type Series struct {
	Value  string   `json:"value"`
	Absent bool     `json:"absent,omitempty"` // the records without the field
	Other  bool     `json:"other,omitempty"`  // the records of values beyond the top ones
	Count  uint64   `json:"count"`
	Counts []uint64 `json:"counts"`
}

// Fields is the answer of /api/v1/fields.
type Fields struct {
	Fields []Field `json:"fields"`
	Count  uint64  `json:"count"` // matching records
	Stats  Stats   `json:"stats"`
}

// Field is a field that records have.
type Field struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Level string `json:"level"` // field, record, scope, resource
	Count uint64 `json:"count"` // matching records that have it
}

// Values is the answer of /api/v1/values.
type Values struct {
	Field  string  `json:"field"`
	Values []Group `json:"values"`
	Stats  Stats   `json:"stats"`
}

// Trace is the answer of /api/v1/traces/{id}: the chain as query/chain computes it, its spans and its log records.
type Trace struct {
	TraceID      string       `json:"traceId"`
	Start        string       `json:"start"`
	StartNano    string       `json:"startUnixNano"`
	DurationNano int64        `json:"durationNano"`
	Nodes        []Node       `json:"nodes"` // parents before children, siblings by start
	Spans        []SpanRecord `json:"spans"`
	Logs         []LogRecord  `json:"logs"`
	LogNodes     []int        `json:"logNodes"` // of each log record: its node, or -1
	Critical     []Step       `json:"criticalPath"`
	Clocks       []Clock      `json:"clocks,omitempty"`
	Missing      int          `json:"missing"`
	Errors       int          `json:"errors"`
	ErrorOrigins []int        `json:"errorOrigins,omitempty"`
	Duplicates   int          `json:"duplicates,omitempty"`
	Truncated    bool         `json:"truncated,omitempty"` // there are more spans or log records than an answer holds
	Services     []Service    `json:"services"`
	Stats        Stats        `json:"stats"`
}

// Node is a hop of the chain. Offsets are nanoseconds after the trace's start.
type Node struct {
	Span         int    `json:"span"` // index into spans; -1: a parent that has not arrived
	Parent       int    `json:"parent"`
	Depth        int    `json:"depth"`
	SpanID       string `json:"spanId"`
	Service      string `json:"service,omitempty"`
	Name         string `json:"name"`
	Kind         string `json:"kind,omitempty"`
	Reason       string `json:"reason,omitempty"` // missing, cycle, duplicate
	Error        bool   `json:"error,omitempty"`
	OffsetNano   int64  `json:"offsetNano"`
	DurationNano int64  `json:"durationNano"`
	SkewNano     int64  `json:"skewNano,omitempty"`
	SelfNano     int64  `json:"selfNano"`
	CriticalNano int64  `json:"criticalNano,omitempty"`
}

// Step is a piece of the critical path.
type Step struct {
	Node     int   `json:"node"`
	FromNano int64 `json:"fromNano"` // after the trace's start
	ToNano   int64 `json:"toNano"`
}

// Clock is a process whose clock was moved.
type Clock struct {
	Process    string `json:"process"`
	OffsetNano int64  `json:"offsetNano"`
	Calls      int    `json:"calls"`
}

// Service is a service's part in a trace.
type Service struct {
	Service  string `json:"service"`
	Spans    int    `json:"spans"`
	Errors   int    `json:"errors"`
	SelfNano int64  `json:"selfNano"`
}

// Traces is the answer of /api/v1/traces: the trace with the newest matching span first.
type Traces struct {
	Traces []TraceSummary `json:"traces"`
	Cursor string         `json:"cursor,omitempty"` // for the next page; absent on the last
	Stats  Stats          `json:"stats"`
}

// TraceSummary is a trace in a list, summed up from all of its spans, but for traces that go on for more than an hour: of those from the
// spans within an hour of the newest matching ones of the page. Times are as the senders' clocks had them.
type TraceSummary struct {
	TraceID      string         `json:"traceId"`
	Start        string         `json:"start"`
	StartNano    string         `json:"startUnixNano"`
	DurationNano int64          `json:"durationNano"`
	RootService  string         `json:"rootService"`
	RootName     string         `json:"rootName"`
	RootMissing  bool           `json:"rootMissing"` // no span without a parent has arrived; the root is the earliest span
	Spans        int            `json:"spans"`
	Errors       int            `json:"errors"`
	Matched      int            `json:"matched"`  // spans that match the query
	Services     []TraceService `json:"services"` // by spans, descending
}

// TraceService is a service's part in a trace of a list.
type TraceService struct {
	Service string `json:"service"`
	Spans   int    `json:"spans"`
	Errors  int    `json:"errors"`
}

// Heatmap is the answer of /api/v1/heatmap: spans by time and duration.
type Heatmap struct {
	Start   string          `json:"start"`   // of the first column
	StepMs  int64           `json:"stepMs"`  // width of a column
	Bounds  []int64         `json:"bounds"`  // upper bounds of the rows, in nanoseconds, inclusive; the first row also holds what is shorter
	Columns []HeatmapColumn `json:"columns"` // a step each
	Count   uint64          `json:"count"`
	Stats   Stats           `json:"stats"`
}

// HeatmapColumn is the spans that begin within a step, a row each.
type HeatmapColumn struct {
	Counts []uint64 `json:"counts"`
	Errors []uint64 `json:"errors"` // of them with status error
}

// SpanDetail is the answer of /api/v1/traces/{id}/spans/{spanId}.
type SpanDetail struct {
	Span      SpanRecord   `json:"span"`
	Others    []SpanRecord `json:"others,omitempty"` // further spans of the same id, such as the other side of a call
	Logs      []LogRecord  `json:"logs"`
	Truncated bool         `json:"truncated,omitempty"` // there are more log records than an answer holds
	Stats     Stats        `json:"stats"`
}

// Context is the answer of /api/v1/context: records of one service instance around a time, oldest first.
type Context struct {
	Before []LogRecord `json:"before"`
	After  []LogRecord `json:"after"`
	Stats  Stats       `json:"stats"`
}

// Stats says what an answer cost and whether it is whole.
type Stats struct {
	TookMs         float64  `json:"tookMs"`
	Parts          int      `json:"parts"`             // segments and head generations considered
	Heads          int      `json:"heads"`             // of them head generations
	Skipped        int      `json:"skipped,omitempty"` // segments not looked at: the trace index knows that they hold none of the traces asked for
	RowGroups      int      `json:"rowGroups"`         // considered
	PrunedTime     int      `json:"prunedTime"`        // row groups passed over by their times, or because newer ones sufficed
	PrunedVocab    int      `json:"prunedVocab"`       // by vocabularies and histograms
	PrunedFilter   int      `json:"prunedFilter"`      // by id and word filters
	RowsMatched    int64    `json:"rowsMatched"`
	RowsRebuilt    int64    `json:"rowsRebuilt"` // texts rebuilt and tested
	BytesRead      int64    `json:"bytesRead"`   // from the store
	CatalogVersion uint64   `json:"catalogVersion"`
	Partial        bool     `json:"partial"`
	Reasons        []string `json:"reasons,omitempty"` // why partial
	Notes          []string `json:"notes,omitempty"`   // what agents are known not to have brought: losses, silence and lag, by host
}

// Error is the body of every answer that is not 2xx.
type Error struct {
	Error ErrorDetail `json:"error"`
}

// ErrorDetail says what was wrong, where, and what would be right.
type ErrorDetail struct {
	Code    string `json:"code"` // bad_request, not_found, timeout, overload, too_large, unavailable, internal
	Message string `json:"message"`
	Field   string `json:"field,omitempty"` // the parameter
	// Of errors in a query: byte offsets of the piece, and what would be right.
	Pos  *int   `json:"pos,omitempty"`
	End  *int   `json:"end,omitempty"`
	Hint string `json:"hint,omitempty"`
}
