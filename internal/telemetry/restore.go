package telemetry

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/apache/arrow/go/v15/arrow"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Logs gives the batch's records back as pdata: what came in, except that a time of zero is the time the record was given, strings that
// were not valid UTF-8 have U+FFFD, what was too deep is TooDeep, and attributes may come in another order. Each set is a ResourceLogs.
func (b *Batch) Logs() (plog.Logs, error) {
	logs := plog.NewLogs()
	if b.Signal != Logs || b.Rows == nil {
		return logs, errors.New("batch holds no logs")
	}
	err := b.restore(
		func(res func(pcommon.Resource) (string, error), scope func(pcommon.InstrumentationScope) (string, error)) (func(*table, int) error, error) {
			rl := logs.ResourceLogs().AppendEmpty()
			sl := rl.ScopeLogs().AppendEmpty()
			resURL, err := res(rl.Resource())
			if err != nil {
				return nil, err
			}
			scopeURL, err := scope(sl.Scope())
			rl.SetSchemaUrl(resURL)
			sl.SetSchemaUrl(scopeURL)
			return func(t *table, row int) error { return t.log(row, sl.LogRecords().AppendEmpty()) }, err
		})
	if err != nil {
		return plog.NewLogs(), fmt.Errorf("restore logs: %w", err)
	}
	return logs, nil
}

// Traces gives the batch's spans back as pdata. What Logs says holds here too.
func (b *Batch) Traces() (ptrace.Traces, error) {
	traces := ptrace.NewTraces()
	if b.Signal != Spans || b.Rows == nil {
		return traces, errors.New("batch holds no spans")
	}
	err := b.restore(
		func(res func(pcommon.Resource) (string, error), scope func(pcommon.InstrumentationScope) (string, error)) (func(*table, int) error, error) {
			rs := traces.ResourceSpans().AppendEmpty()
			ss := rs.ScopeSpans().AppendEmpty()
			resURL, err := res(rs.Resource())
			if err != nil {
				return nil, err
			}
			scopeURL, err := scope(ss.Scope())
			rs.SetSchemaUrl(resURL)
			ss.SetSchemaUrl(scopeURL)
			return func(t *table, row int) error { return t.span(row, ss.Spans().AppendEmpty()) }, err
		})
	if err != nil {
		return ptrace.NewTraces(), fmt.Errorf("restore spans: %w", err)
	}
	return traces, nil
}

// restore gives every row to the function that group made for its set. The functions that group is given fill in the set's resource and
// scope and return their schema URLs.
func (b *Batch) restore(group func(
	res func(pcommon.Resource) (string, error),
	scope func(pcommon.InstrumentationScope) (string, error),
) (func(*table, int) error, error),
) error {
	sets, err := newTable(b.Sets, 0)
	if err != nil {
		return err
	}
	rows, err := newTable(b.Rows, 1)
	if err != nil {
		return err
	}
	setOf, err := CellsOf(b.Rows.Column(0))
	if err != nil {
		return err
	}
	groups := make([]func(*table, int) error, b.Sets.NumRows())
	for row, set := range setOf.Codes() {
		if groups[set] == nil {
			groups[set], err = group(
				func(r pcommon.Resource) (string, error) { return sets.resource(int(set), r) },
				func(s pcommon.InstrumentationScope) (string, error) { return sets.scope(int(set), s) })
			if err != nil {
				return fmt.Errorf("set %d: %w", set, err)
			}
		}
		if err := groups[set](rows, row); err != nil {
			return fmt.Errorf("row %d: %w", row, err)
		}
	}
	return nil
}

// table is a record whose columns are found by what they are.
type table struct {
	fields     map[Column]*Cells
	attributes [4][]attributeCells
	entries    []entry
}

type attributeCells struct {
	Column
	cells *Cells
}

func newTable(rec arrow.Record, first int) (*table, error) {
	t := &table{fields: map[Column]*Cells{}}
	for i := first; i < int(rec.NumCols()); i++ {
		col, err := ColumnOf(rec.Schema().Field(i))
		if err != nil {
			return nil, err
		}
		cells, err := CellsOf(rec.Column(i))
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", col, err)
		}
		if err := cells.checkType(col, int(rec.NumRows())); err != nil {
			return nil, err
		}
		if col.Level == LevelField {
			t.fields[col] = &cells
		} else {
			t.attributes[col.Level] = append(t.attributes[col.Level], attributeCells{col, &cells})
		}
	}
	return t, nil
}

// cells finds a fixed field that has a value in row.
func (t *table) cells(key string, typ Type, row int) (*Cells, bool) {
	c := t.fields[Column{LevelField, key, typ}]
	return c, c != nil && c.Valid(row)
}

func (t *table) int(key string, row int) int64 {
	if c, ok := t.cells(key, TypeInt, row); ok {
		return c.Int(row)
	}
	return 0
}

func (t *table) time(key string, row int) uint64 {
	if c, ok := t.cells(key, TypeTime, row); ok {
		return uint64(c.Int(row))
	}
	return 0
}

func (t *table) text(key string, typ Type, row int) string {
	if c, ok := t.cells(key, typ, row); ok {
		return string(c.Bytes(row))
	}
	return ""
}

// id copies an id; a batch whose ids have another length is refused.
func (t *table) id(key string, row int, into []byte) error {
	c, ok := t.cells(key, TypeBytes, row)
	if !ok {
		return nil
	}
	if v := c.Bytes(row); copy(into, v) != len(into) || len(v) != len(into) {
		return fmt.Errorf("%s has %d bytes, want %d", key, len(v), len(into))
	}
	return nil
}

func (t *table) resource(set int, r pcommon.Resource) (schemaURL string, err error) {
	r.SetDroppedAttributesCount(uint32(t.int(FieldResourceDroppedAttributes, set)))
	err = t.restoreAttributes(LevelResource, set, FieldResourceExact, FieldResourceOverflow, r.Attributes())
	return t.text(FieldResourceSchemaURL, TypeString, set), err
}

func (t *table) scope(set int, s pcommon.InstrumentationScope) (schemaURL string, err error) {
	s.SetName(t.text(FieldScopeName, TypeString, set))
	s.SetVersion(t.text(FieldScopeVersion, TypeString, set))
	s.SetDroppedAttributesCount(uint32(t.int(FieldScopeDroppedAttributes, set)))
	err = t.restoreAttributes(LevelScope, set, FieldScopeExact, FieldScopeOverflow, s.Attributes())
	return t.text(FieldScopeSchemaURL, TypeString, set), err
}

func (t *table) log(row int, r plog.LogRecord) error {
	r.SetTimestamp(pcommon.Timestamp(t.time(FieldTime, row)))
	if _, ok := t.cells(FieldStatedTime, TypeTime, row); ok {
		r.SetTimestamp(pcommon.Timestamp(t.time(FieldStatedTime, row)))
	}
	r.SetObservedTimestamp(pcommon.Timestamp(t.time(FieldObservedTime, row)))
	r.SetSeverityNumber(plog.SeverityNumber(t.int(FieldSeverity, row)))
	r.SetSeverityText(t.text(FieldSeverityText, TypeString, row))
	r.SetEventName(t.text(FieldEventName, TypeString, row))
	r.SetFlags(plog.LogRecordFlags(t.int(FieldFlags, row)))
	r.SetDroppedAttributesCount(uint32(t.int(FieldDroppedAttributes, row)))
	if c, ok := t.cells(FieldBody, TypeString, row); ok {
		r.Body().SetStr(string(c.Bytes(row)))
	} else if c, ok := t.cells(FieldBody, TypeJSON, row); ok {
		if err := ParseValue(string(c.Bytes(row)), r.Body()); err != nil {
			return fmt.Errorf("body: %w", err)
		}
	}
	var trace pcommon.TraceID
	var span pcommon.SpanID
	if err := errors.Join(t.id(FieldTraceID, row, trace[:]), t.id(FieldSpanID, row, span[:])); err != nil {
		return err
	}
	r.SetTraceID(trace)
	r.SetSpanID(span)
	return t.restoreAttributes(LevelRecord, row, FieldExact, FieldOverflow, r.Attributes())
}

func (t *table) span(row int, s ptrace.Span) error {
	start := t.time(FieldStart, row)
	if _, ok := t.cells(FieldStatedStart, TypeTime, row); ok {
		start = t.time(FieldStatedStart, row)
	}
	s.SetStartTimestamp(pcommon.Timestamp(start))
	s.SetEndTimestamp(pcommon.Timestamp(start + uint64(t.int(FieldDuration, row))))
	s.SetFlags(uint32(t.int(FieldFlags, row)))
	s.TraceState().FromRaw(t.text(FieldTraceState, TypeString, row))
	s.SetName(t.text(FieldName, TypeString, row))
	s.Status().SetMessage(t.text(FieldStatusMessage, TypeString, row))
	s.SetDroppedAttributesCount(uint32(t.int(FieldDroppedAttributes, row)))
	s.SetDroppedEventsCount(uint32(t.int(FieldDroppedEvents, row)))
	s.SetDroppedLinksCount(uint32(t.int(FieldDroppedLinks, row)))
	kind, err := numberOf(kindTexts[:], t.text(FieldKind, TypeString, row))
	if err != nil {
		return fmt.Errorf("kind: %w", err)
	}
	status, err := numberOf(statusTexts[:], t.text(FieldStatus, TypeString, row))
	if err != nil {
		return fmt.Errorf("status: %w", err)
	}
	s.SetKind(ptrace.SpanKind(kind))
	s.Status().SetCode(ptrace.StatusCode(status))
	var trace pcommon.TraceID
	var span, parent pcommon.SpanID
	err = errors.Join(t.id(FieldTraceID, row, trace[:]), t.id(FieldSpanID, row, span[:]), t.id(FieldParentSpanID, row, parent[:]))
	if err != nil {
		return err
	}
	s.SetTraceID(trace)
	s.SetSpanID(span)
	s.SetParentSpanID(parent)
	if c, ok := t.cells(FieldEvents, TypeJSON, row); ok {
		if err := ParseEvents(string(c.Bytes(row)), s.Events()); err != nil {
			return fmt.Errorf("events: %w", err)
		}
	}
	if c, ok := t.cells(FieldLinks, TypeJSON, row); ok {
		if err := ParseLinks(string(c.Bytes(row)), s.Links()); err != nil {
			return fmt.Errorf("links: %w", err)
		}
	}
	return t.restoreAttributes(LevelRecord, row, FieldExact, FieldOverflow, s.Attributes())
}

// numberOf is the inverse of kindText and statusText. Empty is 0.
func numberOf(texts []string, s string) (int32, error) {
	if i := slices.Index(texts, s); i >= 0 || s == "" {
		return int32(max(i, 0)), nil
	}
	n, err := strconv.ParseInt(s, 10, 32)
	return int32(n), err
}

// restoreAttributes fills m with the row's attributes of a level (see attributes.go).
func (t *table) restoreAttributes(level Level, row int, exactKey, overflowKey string, m pcommon.Map) error {
	entries := t.entries[:0]
	exact := pcommon.NewMap()
	var accounted map[Column]struct{} // cells that exact's attributes account for
	if c, ok := t.cells(exactKey, TypeJSON, row); ok {
		if err := ParseMap(string(c.Bytes(row)), exact); err != nil {
			return fmt.Errorf("%s: %w", exactKey, err)
		}
		accounted = map[Column]struct{}{}
		for k, v := range exact.All() {
			account(accounted, level, []byte(k), v, 0)
			entries = append(entries, entry{k, v})
		}
	}
	for _, a := range t.attributes[level] {
		if !a.cells.Valid(row) {
			continue
		}
		if _, ok := accounted[a.Column]; ok {
			continue
		}
		v, err := a.value(row)
		if err != nil {
			return fmt.Errorf("attribute %.100q: %w", a.Key, err)
		}
		entries = append(entries, entry{a.Key, v})
	}
	if c, ok := t.cells(overflowKey, TypeJSON, row); ok {
		over := pcommon.NewMap()
		if err := ParseMap(string(c.Bytes(row)), over); err != nil {
			return fmt.Errorf("%s: %w", overflowKey, err)
		}
		for k, v := range over.All() {
			typ := typeOf(v)
			if _, ok := accounted[Column{level, k, typ}]; !ok && typ != typeMap && typ != 0 {
				entries = append(entries, entry{k, v})
			}
		}
	}
	t.entries = entries
	return fillMap(m, entries)
}

// account adds the columns that an attribute's cells are in.
func account(into map[Column]struct{}, level Level, key []byte, v pcommon.Value, depth int) {
	t := typeOf(v)
	if depth > 0 {
		t = leafType(key, v, depth)
	}
	switch t {
	case 0:
	case typeMap:
		for k, e := range v.Map().All() {
			account(into, level, appendLeafKey(slices.Clip(key), k), e, depth+1)
		}
	default:
		into[Column{level, string(key), t}] = struct{}{}
	}
}

// value is the attribute's value in a row that has one.
func (a *attributeCells) value(row int) (pcommon.Value, error) {
	switch a.Type {
	case TypeString:
		return pcommon.NewValueStr(string(a.cells.Bytes(row))), nil
	case TypeInt:
		return pcommon.NewValueInt(a.cells.Int(row)), nil
	case TypeDouble:
		return pcommon.NewValueDouble(a.cells.Double(row)), nil
	case TypeBool:
		return pcommon.NewValueBool(a.cells.Bool(row)), nil
	case TypeBytes:
		v := pcommon.NewValueBytes()
		v.Bytes().FromRaw(a.cells.Bytes(row))
		return v, nil
	case TypeJSON:
		v := pcommon.NewValueEmpty()
		return v, ParseValue(string(a.cells.Bytes(row)), v)
	}
	return pcommon.Value{}, fmt.Errorf("attribute of type %s", a.Type)
}
