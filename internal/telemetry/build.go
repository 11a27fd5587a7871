package telemetry

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Builder collects records of one signal (Spans or Logs) and tenant into a Batch. Not safe for concurrent use.
//
// It keeps strings of the records given to it, not the records, until Build; its own memory it keeps from batch to batch, within bounds.
type Builder struct {
	signal Signal
	tenant string

	rows  columnSet
	setOf []uint32 // each row's set

	// Fields of Rows. Those of the other signal remain empty.
	time, statedTime, observedTime, severity, severityText, body, bodyJSON, eventName *column
	traceID, spanID, flags, droppedAttributes, exact, invalidUTF8                     *column
	start, statedStart, duration, parentSpanID, traceState, name, kind, status        *column
	statusMessage, events, links, exceptions, droppedEvents, droppedLinks             *column

	sets setInterner

	attributes attributeWriter
	text       []byte
}

// NewBuilder returns an empty builder.
func NewBuilder(signal Signal, tenant string) *Builder {
	b := &Builder{signal: signal, tenant: tenant}
	r := &b.rows
	b.traceID = r.field(FieldTraceID, TypeBytes, 16)
	b.spanID = r.field(FieldSpanID, TypeBytes, 8)
	b.flags = r.field(FieldFlags, TypeInt, 0)
	b.droppedAttributes = r.field(FieldDroppedAttributes, TypeInt, 0)
	b.exact = r.unique(FieldExact, TypeJSON)
	b.invalidUTF8 = r.field(FieldInvalidUTF8, TypeBool, 0)
	r.overflow[LevelRecord] = r.unique(FieldOverflow, TypeJSON)
	if signal == Logs {
		b.time = r.field(FieldTime, TypeTime, 0)
		b.statedTime = r.field(FieldStatedTime, TypeTime, 0)
		b.observedTime = r.field(FieldObservedTime, TypeTime, 0)
		b.severity = r.field(FieldSeverity, TypeInt, 0)
		b.severityText = r.field(FieldSeverityText, TypeString, 0)
		b.body = r.field(FieldBody, TypeString, 0)
		b.bodyJSON = r.field(FieldBody, TypeJSON, 0)
		b.eventName = r.field(FieldEventName, TypeString, 0)
	} else {
		b.start = r.field(FieldStart, TypeTime, 0)
		b.statedStart = r.field(FieldStatedStart, TypeTime, 0)
		b.duration = r.field(FieldDuration, TypeInt, 0)
		b.parentSpanID = r.field(FieldParentSpanID, TypeBytes, 8)
		b.traceState = r.field(FieldTraceState, TypeString, 0)
		b.name = r.field(FieldName, TypeString, 0)
		b.kind = r.field(FieldKind, TypeString, 0)
		b.status = r.field(FieldStatus, TypeString, 0)
		b.statusMessage = r.field(FieldStatusMessage, TypeString, 0)
		b.events = r.unique(FieldEvents, TypeJSON)
		b.links = r.unique(FieldLinks, TypeJSON)
		b.exceptions = r.unique(FieldExceptions, TypeString)
		b.droppedEvents = r.field(FieldDroppedEvents, TypeInt, 0)
		b.droppedLinks = r.field(FieldDroppedLinks, TypeInt, 0)
	}
	b.sets.init()
	return b
}

// UseSet makes the resource and scope of the following AppendLog or AppendSpan calls. It compares contents: calling it with what is in use already
// costs about as much as reading the attributes.
func (b *Builder) UseSet(res pcommon.Resource, resSchemaURL string, scope pcommon.InstrumentationScope, scopeSchemaURL string) {
	b.sets.use(res, resSchemaURL, scope, scopeSchemaURL)
}

// Len is the number of records.
func (b *Builder) Len() int { return int(b.rows.rows) }

// Size estimates the bytes of the records as columns. Encode compresses them to a third to a tenth of that; Size is an upper bound of
// what it makes, but for some hundred bytes for each column. Build long before it reaches 128 MiB: Encode refuses larger batches.
func (b *Builder) Size() int { return b.rows.size + 4*len(b.setOf) + b.sets.table.size }

// Build returns what was appended as a Batch and empties the builder for the next. The batch shares no memory with the builder.
func (b *Builder) Build() *Batch {
	batch := &Batch{
		Signal:  b.signal,
		Tenant:  b.tenant,
		Sets:    b.sets.table.build(nil),
		Rows:    b.rows.build(b.setOf),
		Records: len(b.setOf),
	}
	b.rows.reset()
	b.setOf = kept(b.setOf)
	b.sets.reset()
	return batch
}

// begin starts a row and returns its number.
func (b *Builder) begin() uint32 {
	set, invalid := b.sets.current()
	b.setOf = append(b.setOf, set)
	b.attributes.invalid = invalid
	return b.rows.rows
}

// finish ends a row: its attributes, and what is kept of them beside the columns.
func (b *Builder) finish(row uint32, attributes pcommon.Map, dropped uint32) {
	if exact := b.attributes.write(&b.rows, LevelRecord, row, attributes); exact != nil {
		b.exact.addText(row, exact)
	}
	addCount(b.droppedAttributes, row, dropped)
	if b.attributes.invalid {
		b.invalidUTF8.addBool(row, true)
	}
	b.rows.rows++
}

// text adds a string field unless it is empty.
func (b *Builder) addString(c *column, row uint32, s string) {
	if s != "" && !c.addString(row, s) {
		b.attributes.invalid = true
	}
}

func addCount(c *column, row, n uint32) {
	if n != 0 {
		c.addInt(row, int64(n))
	}
}

// aheadMax is how far in the future a record's time may be to order and partition it.
const aheadMax = time.Hour

// orderingTime is the time that orders a record, given its own time and what stands in for a time that cannot serve. late says that its own time
// has to be kept besides.
func orderingTime(stated, observed, now uint64) (ordering uint64, keep bool) {
	limit := now + uint64(aheadMax)
	if observed == 0 || observed > limit {
		observed = now
	}
	switch {
	case stated == 0:
		return observed, false
	case stated > limit:
		return observed, true
	}
	return stated, false
}
