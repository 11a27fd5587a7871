package otlpreceiver

import "strings"

// This file is OTLP's message types as data: enough to check a body before it is decoded, and to say where it is wrong.
// pdata's decoders recurse without a bound, allocate some hundred bytes for a record of two bytes, and name neither path
// nor position in their errors; see survey_proto.go and survey_json.go.

// kind is how a field is written, in protobuf and in JSON.
type kind uint8

const (
	kindUnknown  kind = iota
	kindVarint        // integers; JSON: number, or number in a string
	kindEnum          // JSON: number, or name
	kindBool          //
	kindFixed64       // fixed64, sfixed64 and double; JSON: number, or number in a string
	kindFixed32       //
	kindString        //
	kindBytes         // JSON: base64
	kindTraceID       // 16 bytes or none; JSON: hex
	kindSpanID        // 8 bytes or none; JSON: hex
	kindMessage       //
	kindFixed64s      // repeated, packed or not
	kindVarints       // repeated, packed or not
)

// field of a message.
type field struct {
	kind     kind
	repeated bool // of messages and strings; kindFixed64s and kindVarints are repeated by themselves
	name     string
	msg      *message
}

// message type.
type message struct {
	name string
	// fields by number; 0 is not used.
	fields []field
	// cost is about how many bytes pdata allocates for one, beside the bytes of its strings.
	cost int
	// record marks what counts as a record of its signal.
	record bool
	// nests marks the type by which messages can contain themselves.
	nests  bool
	byJSON map[string]*field
}

// deprecatedField is the number under which resource_logs and the like carried their scopes before OTLP 0.15; pdata
// still reads it, as field 2.
const deprecatedField = 1000

func (m *message) define(numbers map[int]field) {
	last := 0
	for n := range numbers {
		last = max(last, n)
	}
	m.fields = make([]field, last+1)
	m.byJSON = make(map[string]*field, 2*len(numbers))
	for n, f := range numbers {
		m.fields[n] = f
		m.byJSON[f.name] = &m.fields[n]
		m.byJSON[camel(f.name)] = &m.fields[n]
	}
}

// camel is protobuf's JSON name of a field: trace_id -> traceId.
func camel(name string) string {
	parts := strings.Split(name, "_")
	for i := 1; i < len(parts); i++ {
		parts[i] = strings.ToUpper(parts[i][:1]) + parts[i][1:]
	}
	return strings.Join(parts, "")
}

func leaf(k kind, name string) field    { return field{kind: k, name: name} }
func one(name string, m *message) field { return field{kind: kindMessage, name: name, msg: m} }
func many(name string, m *message) field {
	return field{kind: kindMessage, name: name, msg: m, repeated: true}
}
func varint(name string) field                  { return leaf(kindVarint, name) }
func fixed64(name string) field                 { return leaf(kindFixed64, name) }
func text(name string) field                    { return leaf(kindString, name) }
func attributes(name string) field              { return many(name, keyValue) }
func newMessage(name string, cost int) *message { return &message{name: name, cost: cost} }

// The messages that all signals share.
var (
	anyValue   = &message{name: "AnyValue", cost: 40, nests: true}
	arrayValue = newMessage("ArrayValue", 32)
	keyValues  = newMessage("KeyValueList", 32)
	keyValue   = newMessage("KeyValue", 56)
	entityRef  = newMessage("EntityRef", 96)
	resource   = newMessage("Resource", 80)
	scope      = newMessage("InstrumentationScope", 80)
	exemplar   = newMessage("Exemplar", 112)
)

// The requests.
var (
	logsRequest    = newMessage("ExportLogsServiceRequest", 64)
	tracesRequest  = newMessage("ExportTraceServiceRequest", 64)
	metricsRequest = newMessage("ExportMetricsServiceRequest", 64)
)

func init() {
	anyValue.define(map[int]field{
		1: text("string_value"), 2: leaf(kindBool, "bool_value"), 3: varint("int_value"), 4: fixed64("double_value"),
		5: one("array_value", arrayValue), 6: one("kvlist_value", keyValues), 7: leaf(kindBytes, "bytes_value"),
		8: varint("string_value_strindex"),
	})
	arrayValue.define(map[int]field{1: many("values", anyValue)})
	keyValues.define(map[int]field{1: many("values", keyValue)})
	keyValue.define(map[int]field{1: text("key"), 2: one("value", anyValue), 3: varint("key_strindex")})
	entityRef.define(map[int]field{
		1: text("schema_url"), 2: text("type"),
		3: {kind: kindString, name: "id_keys", repeated: true}, 4: {kind: kindString, name: "description_keys", repeated: true},
	})
	resource.define(map[int]field{1: attributes("attributes"), 2: varint("dropped_attributes_count"), 3: many("entity_refs", entityRef)})
	scope.define(map[int]field{1: text("name"), 2: text("version"), 3: attributes("attributes"), 4: varint("dropped_attributes_count")})
	exemplar.define(map[int]field{
		2: fixed64("time_unix_nano"), 3: fixed64("as_double"), 4: leaf(kindSpanID, "span_id"), 5: leaf(kindTraceID, "trace_id"),
		6: fixed64("as_int"), 7: attributes("filtered_attributes"),
	})
	defineLogs()
	defineTraces()
	defineMetrics()
}

// defineRequest links the three levels that every request has.
func defineRequest(request *message, perResource, perScope, records string, record *message) {
	byScope := newMessage(perScope, 120)
	byScope.define(map[int]field{1: one("scope", scope), 2: many(records, record), 3: text("schema_url")})
	byResource := newMessage(perResource, 160)
	byResource.define(map[int]field{1: one("resource", resource), 2: many(perScope, byScope), 3: text("schema_url")})
	request.define(map[int]field{1: many(perResource, byResource)})
}

func defineLogs() {
	record := &message{name: "LogRecord", cost: 200, record: true}
	record.define(map[int]field{
		1: fixed64("time_unix_nano"), 2: leaf(kindEnum, "severity_number"), 3: text("severity_text"), 5: one("body", anyValue),
		6: attributes("attributes"), 7: varint("dropped_attributes_count"), 8: leaf(kindFixed32, "flags"),
		9: leaf(kindTraceID, "trace_id"), 10: leaf(kindSpanID, "span_id"), 11: fixed64("observed_time_unix_nano"), 12: text("event_name"),
	})
	defineRequest(logsRequest, "resource_logs", "scope_logs", "log_records", record)
}

func defineTraces() {
	event := newMessage("Span.Event", 72)
	event.define(map[int]field{
		1: fixed64("time_unix_nano"), 2: text("name"), 3: attributes("attributes"), 4: varint("dropped_attributes_count"),
	})
	link := newMessage("Span.Link", 96)
	link.define(map[int]field{
		1: leaf(kindTraceID, "trace_id"), 2: leaf(kindSpanID, "span_id"), 3: text("trace_state"), 4: attributes("attributes"),
		5: varint("dropped_attributes_count"), 6: leaf(kindFixed32, "flags"),
	})
	status := newMessage("Status", 24)
	status.define(map[int]field{2: text("message"), 3: leaf(kindEnum, "code")})
	span := &message{name: "Span", cost: 320, record: true}
	span.define(map[int]field{
		1: leaf(kindTraceID, "trace_id"), 2: leaf(kindSpanID, "span_id"), 3: text("trace_state"), 4: leaf(kindSpanID, "parent_span_id"),
		5: text("name"), 6: leaf(kindEnum, "kind"), 7: fixed64("start_time_unix_nano"), 8: fixed64("end_time_unix_nano"),
		9: attributes("attributes"), 10: varint("dropped_attributes_count"), 11: many("events", event), 12: varint("dropped_events_count"),
		13: many("links", link), 14: varint("dropped_links_count"), 15: one("status", status), 16: leaf(kindFixed32, "flags"),
	})
	defineRequest(tracesRequest, "resource_spans", "scope_spans", "spans", span)
}

func defineMetrics() {
	point := func(name string, cost int, fields map[int]field) *message {
		m := &message{name: name, cost: cost, record: true}
		m.define(fields)
		return m
	}
	number := point("NumberDataPoint", 128, map[int]field{
		2: fixed64("start_time_unix_nano"), 3: fixed64("time_unix_nano"), 4: fixed64("as_double"), 5: many("exemplars", exemplar),
		6: fixed64("as_int"), 7: attributes("attributes"), 8: varint("flags"),
	})
	histogramPoint := point("HistogramDataPoint", 240, map[int]field{
		2: fixed64("start_time_unix_nano"), 3: fixed64("time_unix_nano"), 4: fixed64("count"), 5: fixed64("sum"),
		6: leaf(kindFixed64s, "bucket_counts"), 7: leaf(kindFixed64s, "explicit_bounds"), 8: many("exemplars", exemplar),
		9: attributes("attributes"), 10: varint("flags"), 11: fixed64("min"), 12: fixed64("max"),
	})
	buckets := newMessage("Buckets", 40)
	buckets.define(map[int]field{1: varint("offset"), 2: leaf(kindVarints, "bucket_counts")})
	exponentialPoint := point("ExponentialHistogramDataPoint", 280, map[int]field{
		1: attributes("attributes"), 2: fixed64("start_time_unix_nano"), 3: fixed64("time_unix_nano"), 4: fixed64("count"),
		5: fixed64("sum"), 6: varint("scale"), 7: fixed64("zero_count"), 8: one("positive", buckets), 9: one("negative", buckets),
		10: varint("flags"), 11: many("exemplars", exemplar), 12: fixed64("min"), 13: fixed64("max"), 14: fixed64("zero_threshold"),
	})
	quantile := newMessage("ValueAtQuantile", 24)
	quantile.define(map[int]field{1: fixed64("quantile"), 2: fixed64("value")})
	summaryPoint := point("SummaryDataPoint", 136, map[int]field{
		2: fixed64("start_time_unix_nano"), 3: fixed64("time_unix_nano"), 4: fixed64("count"), 5: fixed64("sum"),
		6: many("quantile_values", quantile), 7: attributes("attributes"), 8: varint("flags"),
	})
	data := func(name string, point *message, more map[int]field) *message {
		m := newMessage(name, 48)
		fields := map[int]field{1: many("data_points", point)}
		for n, f := range more {
			fields[n] = f
		}
		m.define(fields)
		return m
	}
	temporality := leaf(kindEnum, "aggregation_temporality")
	metric := newMessage("Metric", 112)
	metric.define(map[int]field{
		1: text("name"), 2: text("description"), 3: text("unit"),
		5:  one("gauge", data("Gauge", number, nil)),
		7:  one("sum", data("Sum", number, map[int]field{2: temporality, 3: leaf(kindBool, "is_monotonic")})),
		9:  one("histogram", data("Histogram", histogramPoint, map[int]field{2: temporality})),
		10: one("exponential_histogram", data("ExponentialHistogram", exponentialPoint, map[int]field{2: temporality})),
		11: one("summary", data("Summary", summaryPoint, nil)),
		12: attributes("metadata"),
	})
	defineRequest(metricsRequest, "resource_metrics", "scope_metrics", "metrics", metric)
}
