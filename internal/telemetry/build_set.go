package telemetry

import (
	"bytes"
	"encoding/binary"
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// setInterner gives each distinct pair of resource and scope of a batch one row in the table of sets.
type setInterner struct {
	table   columnSet
	rows    map[string]uint32 // by the set's bytes (key)
	invalid []bool            // by row: a string was not valid UTF-8

	// The set in use. It is interned when a record comes.
	res                     pcommon.Resource
	scope                   pcommon.InstrumentationScope
	resURL, scopeURL        string
	key                     []byte // of the set in use
	row                     uint32
	interned                bool
	scratch                 []byte
	attributes              attributeWriter
	resourceURLs, scopeURLs *column
	resourceDropped         *column
	resourceExact           *column
	scopeName, scopeVersion *column
	scopeDropped            *column
	scopeExact              *column
}

func (s *setInterner) init() {
	t := &s.table
	s.rows = map[string]uint32{}
	s.res, s.scope = pcommon.NewResource(), pcommon.NewInstrumentationScope()
	s.resourceURLs = t.field(FieldResourceSchemaURL, TypeString, 0)
	s.resourceDropped = t.field(FieldResourceDroppedAttributes, TypeInt, 0)
	s.resourceExact = t.unique(FieldResourceExact, TypeJSON)
	s.scopeName = t.field(FieldScopeName, TypeString, 0)
	s.scopeVersion = t.field(FieldScopeVersion, TypeString, 0)
	s.scopeURLs = t.field(FieldScopeSchemaURL, TypeString, 0)
	s.scopeDropped = t.field(FieldScopeDroppedAttributes, TypeInt, 0)
	s.scopeExact = t.unique(FieldScopeExact, TypeJSON)
	t.overflow[LevelResource] = t.unique(FieldResourceOverflow, TypeJSON)
	t.overflow[LevelScope] = t.unique(FieldScopeOverflow, TypeJSON)
}

// use changes the set in use.
func (s *setInterner) use(res pcommon.Resource, resURL string, scope pcommon.InstrumentationScope, scopeURL string) {
	key := s.scratch[:0]
	key = appendSized(key, resURL)
	key = appendSized(key, scopeURL)
	key = appendSized(key, scope.Name())
	key = appendSized(key, scope.Version())
	key = binary.LittleEndian.AppendUint32(key, res.DroppedAttributesCount())
	key = binary.LittleEndian.AppendUint32(key, scope.DroppedAttributesCount())
	key = s.appendAttributes(key, res.Attributes())
	key = s.appendAttributes(key, scope.Attributes())
	s.scratch = key
	if s.interned && bytes.Equal(key, s.key) {
		return
	}
	s.key, s.scratch = s.scratch, s.key
	s.res, s.resURL, s.scope, s.scopeURL = res, resURL, scope, scopeURL
	s.row, s.interned = s.rows[string(key)]
}

// current returns the row of the set in use, and whether it had strings that were not valid UTF-8.
func (s *setInterner) current() (row uint32, invalid bool) {
	if !s.interned {
		s.intern()
	}
	return s.row, s.invalid[s.row]
}

func (s *setInterner) intern() {
	row := s.table.rows
	w := &s.attributes
	w.invalid = false
	if exact := w.write(&s.table, LevelResource, row, s.res.Attributes()); exact != nil {
		s.resourceExact.addText(row, exact)
	}
	if exact := w.write(&s.table, LevelScope, row, s.scope.Attributes()); exact != nil {
		s.scopeExact.addText(row, exact)
	}
	for _, f := range [...]struct {
		c *column
		s string
	}{{s.resourceURLs, s.resURL}, {s.scopeURLs, s.scopeURL}, {s.scopeName, s.scope.Name()}, {s.scopeVersion, s.scope.Version()}} {
		if f.s != "" && !f.c.addString(row, f.s) {
			w.invalid = true
		}
	}
	addCount(s.resourceDropped, row, s.res.DroppedAttributesCount())
	addCount(s.scopeDropped, row, s.scope.DroppedAttributesCount())
	s.table.rows++
	s.invalid = append(s.invalid, w.invalid)
	s.row, s.interned = row, true
	s.rows[string(s.key)] = row
}

// reset forgets the sets; the one in use stays in use.
func (s *setInterner) reset() {
	s.table.reset()
	if len(s.rows) > keptEntriesMax {
		s.rows = map[string]uint32{}
	}
	clear(s.rows)
	s.invalid = s.invalid[:0]
	s.interned = false
}

func appendSized(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// appendAttributes appends bytes that tell different attributes apart.
func (s *setInterner) appendAttributes(dst []byte, m pcommon.Map) []byte {
	dst = binary.AppendUvarint(dst, uint64(m.Len()))
	for k, v := range m.All() {
		dst = append(appendSized(dst, k), byte(v.Type()))
		switch v.Type() {
		case pcommon.ValueTypeStr:
			dst = appendSized(dst, v.Str())
		case pcommon.ValueTypeInt:
			dst = binary.LittleEndian.AppendUint64(dst, uint64(v.Int()))
		case pcommon.ValueTypeDouble:
			dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(v.Double()))
		default:
			// The text form has an end of its own.
			dst, _ = AppendValue(dst, v)
		}
	}
	return dst
}
