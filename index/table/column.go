package table

import (
	"encoding/binary"
	"slices"

	"clew/index"
	"clew/index/vocabulary"
	"clew/internal/telemetry"
)

// column is one column being written. A record column's rows are the table's; a resource or scope column's rows are the table's sets, and
// it has one value a set however many rows there are.
type column struct {
	telemetry.Column
	kind  index.Kind
	ofSet bool
	width int // of fixed-width raw values, or 0

	values *vocabulary.Interner // KindValue
	coder  *vocabulary.Coder    // KindText

	full []*chunk // of earlier row groups, ascending; never change
	last *chunk   // nil before the first value

	count     uint64 // values held
	rows      uint64 // rows of the table that have a value
	checkAt   uint64 // count at which the kind is questioned next
	fullBytes int64
	bytes     int64 // at the last measure

	view *columnView // of the last snapshot, if nothing was added since
}

// columnBytes is about what a column costs before its first value: the struct, its place in maps and lists, its key.
const columnBytes = 400

func newColumn(id telemetry.Column) *column {
	c := &column{Column: id, kind: kindOf(id), checkAt: kindCheckRows}
	c.ofSet = isSetColumn(id)
	switch {
	case id.Level != telemetry.LevelField:
	case id.Key == telemetry.FieldTraceID:
		c.width = len(telemetry.TraceID{})
	case id.Key == telemetry.FieldSpanID, id.Key == telemetry.FieldParentSpanID:
		c.width = len(telemetry.SpanID{})
	}
	c.useKind(c.kind)
	return c
}

// isSetColumn says whether a column comes from a batch's sets.
func isSetColumn(id telemetry.Column) bool {
	switch id.Level {
	case telemetry.LevelResource, telemetry.LevelScope:
		return true
	case telemetry.LevelField:
		switch id.Key {
		case telemetry.FieldResourceSchemaURL, telemetry.FieldResourceDroppedAttributes, telemetry.FieldResourceExact,
			telemetry.FieldScopeName, telemetry.FieldScopeVersion, telemetry.FieldScopeSchemaURL,
			telemetry.FieldScopeDroppedAttributes, telemetry.FieldScopeExact, telemetry.FieldResourceOverflow, telemetry.FieldScopeOverflow:
			return true
		}
	}
	return false
}

// kindOf is the kind a column starts with.
func kindOf(id telemetry.Column) index.Kind {
	switch id.Type {
	case telemetry.TypeInt, telemetry.TypeTime:
		return index.KindInt
	case telemetry.TypeDouble:
		return index.KindDouble
	case telemetry.TypeBytes:
		return index.KindRaw
	case telemetry.TypeBool:
		return index.KindValue
	}
	if id.Level == telemetry.LevelField {
		switch id.Key {
		case telemetry.FieldBody, telemetry.FieldEvents, telemetry.FieldLinks, telemetry.FieldExceptions,
			telemetry.FieldStatusMessage, telemetry.FieldExact, telemetry.FieldOverflow:
			return index.KindText
		}
	}
	return index.KindValue
}

func (c *column) useKind(k index.Kind) {
	c.kind, c.values, c.coder = k, nil, nil
	switch k {
	case index.KindValue:
		c.values = vocabulary.NewInterner()
	case index.KindText:
		c.coder = vocabulary.NewCoder(vocabulary.DefaultCoderLimits())
	}
}

// chunk returns the chunk of a row group, to append to. Row groups come in ascending order.
func (c *column) chunk(group int) *chunk {
	if c.last != nil && c.last.group == group {
		return c.last
	}
	if c.last != nil {
		c.last.heap.clip()
		c.last.codes.buf = clip(c.last.codes.buf)
		c.last.ints.buf = clip(c.last.ints.buf)
		c.last.doubles = slices.Clip(c.last.doubles)
		c.full = append(c.full, c.last)
		c.fullBytes += c.last.bytes()
	}
	next := &chunk{group: group}
	next.heap.fixed = c.width
	if c.last != nil {
		next.presize(c.last)
	}
	c.last = next
	return next
}

// measure updates and returns how much larger the column has become since the last call.
func (c *column) measure() int64 {
	was := c.bytes
	c.bytes = columnBytes + int64(len(c.Key)) + c.fullBytes
	if c.last != nil {
		c.bytes += c.last.bytes()
	}
	if c.values != nil {
		c.bytes += c.values.Bytes()
	}
	if c.coder != nil {
		c.bytes += c.coder.Bytes()
	}
	return c.bytes - was
}

// reconsider changes a value column whose values hardly repeat into a raw or a text column. What is there is coded anew into new chunks;
// snapshots keep the old ones. It is asked each time the number of values doubles, so a column is recoded once and early.
func (c *column) reconsider() {
	if c.kind != index.KindValue || c.ofSet || c.Type == telemetry.TypeBool || c.count < c.checkAt {
		return
	}
	c.checkAt = 2 * c.count
	if !nearUnique(c.count, uint64(c.values.Len())) {
		return
	}
	arena := *c.values.Snapshot()
	chunks := c.full
	if c.last != nil {
		chunks = append(slices.Clone(chunks), c.last)
	}
	c.useKind(nearUniqueKind(&arena))
	c.full, c.last, c.fullBytes = nil, nil, 0
	var codes []uint32
	for _, old := range chunks {
		ch := c.chunk(old.group)
		ch.rows = old.rows
		n := old.codes.len()
		codes = slices.Grow(codes[:0], n)[:n]
		old.codes.expand(codes)
		for i, code := range codes {
			if c.kind == index.KindRaw {
				ch.heap.append(arena.At(int(code)))
			} else {
				codes[i] = c.codeText(&ch.heap, arena.At(int(code)))
			}
		}
		if c.kind == index.KindText {
			ch.codes.appendAll(codes, uint32(c.coder.Len()))
		}
	}
}

// nearUnique says whether count values with this many distinct ones hardly repeat: most are distinct. Of few values nearly all must be, as many
// vocabularies that a head sees all of soon (users, pods) look so at first.
func nearUnique(count, distinct uint64) bool {
	if count < kindSureRows {
		return distinct*16 > count*15
	}
	return distinct*2 > count
}

// nearUniqueKind chooses between raw and text for values that hardly repeat: raw for short ones that look like one word (ids), text for those
// that consist of several, and for those that are few templates with ids in them (URLs, paths).
func nearUniqueKind(a *vocabulary.Arena) index.Kind {
	s := vocabulary.Sample(a, kindSample)
	switch {
	case s.Values == 0:
		return index.KindRaw
	case s.Spaced*2 > s.Values, s.Bytes > textBytesMean*s.Values:
		return index.KindText
	case s.Templated(textStaticMin), s.Templates >= textPathsMin && s.Templated(textPathStaticMin):
		return index.KindText
	}
	return index.KindRaw
}

// codeText adds a text's variables to h and returns its template's code.
func (c *column) codeText(h *heap, text []byte) uint32 {
	code, holes := c.coder.Code(text)
	if len(text) >= apartBytesMin {
		h.appendApart(appendVars(make([]byte, 0, len(text)+binary.MaxVarintLen64*len(holes)), text, holes))
		return code
	}
	start := len(h.data)
	h.data = appendVars(h.data, text, holes)
	h.end(start)
	return code
}
