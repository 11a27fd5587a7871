package hits

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"

	"clew/query/engine/match"
)

// Cursor is a place between records in the order of a search. It names the last record passed by its times and content, so it holds
// while the record moves from a head to a segment and while new records arrive.
type Cursor struct {
	Time int64
	key  match.OrderKey
	// passed is how many records with this time and key have been passed: records may be the same in everything.
	passed uint32
}

const (
	// cursorVersion is the first byte of a cursor's text. Version 1 had no time of observation.
	cursorVersion = 2
	cursorBytes   = 1 + 4*8 + 4
)

// String is the cursor's text, safe in URLs.
func (c *Cursor) String() string {
	if c == nil {
		return ""
	}
	b := []byte{cursorVersion}
	b = binary.BigEndian.AppendUint64(b, uint64(c.Time))
	b = binary.BigEndian.AppendUint64(b, uint64(c.key.Observed))
	b = binary.BigEndian.AppendUint64(b, c.key.Fixed)
	b = binary.BigEndian.AppendUint64(b, c.key.Rest)
	b = binary.BigEndian.AppendUint32(b, c.passed)
	return base64.RawURLEncoding.EncodeToString(b)
}

// ParseCursor is the inverse of String. An empty text is nil: the beginning.
func ParseCursor(s string) (*Cursor, error) {
	if s == "" {
		return nil, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != cursorBytes || b[0] != cursorVersion {
		return nil, fmt.Errorf("cursor %.60q: want one that an earlier answer gave", s)
	}
	return &Cursor{
		Time:   int64(binary.BigEndian.Uint64(b[1:])),
		key:    match.OrderKey{Observed: int64(binary.BigEndian.Uint64(b[9:])), Fixed: binary.BigEndian.Uint64(b[17:]), Rest: binary.BigEndian.Uint64(b[25:])},
		passed: binary.BigEndian.Uint32(b[33:]),
	}, nil
}

// CursorAt is the place right after a record that a search gave, in either direction; records that are the same as r count as passed.
func CursorAt(r *match.Record) *Cursor {
	return &Cursor{Time: r.Time, key: r.Key, passed: math.MaxUint32}
}

// Passed is how many records of the cursor's own time and content have been passed.
func (c *Cursor) Passed() int { return int(c.passed) }

// PassingAll is the cursor behind all records of its own time and content.
func (c *Cursor) PassingAll() *Cursor {
	all := *c
	all.passed = math.MaxUint32
	return &all
}

// NextCursor is the place after the last of records.
func NextCursor(records []match.Record, before *Cursor) *Cursor {
	last := &records[len(records)-1]
	c := &Cursor{Time: last.Time, key: last.Key}
	i := len(records)
	for i > 0 && records[i-1].Time == c.Time && records[i-1].Key == c.key {
		c.passed++
		i--
	}
	if i == 0 && before != nil && before.Time == c.Time && before.key == c.key {
		c.passed += before.passed
	}
	return c
}
