package engine

import (
	"clew/query/engine/counts"
	"clew/query/engine/hits"
	"clew/query/engine/match"
)

// What answers are made of is what is read of parts, and what is counted there.
type (
	// Record is a record as its columns have it.
	Record = match.Record
	// Field is one value of a record.
	Field = match.Field
	// Value is a value; which member holds it, the column's type says.
	Value = match.Value
	// LeafExplanation is a question to one column, and what the column's vocabulary says to it.
	LeafExplanation = match.LeafExplanation
	// LimitError says that a query asks for more than the limits allow, and which.
	LimitError = match.LimitError
	// Group is the records of one value.
	Group = counts.Group
	// Cursor is a place between records in the order of a search.
	Cursor = hits.Cursor
	// TraceCursor is a place between traces in the order of a search for traces.
	TraceCursor = hits.TraceCursor
	// TracePlace is a trace and the time of its newest span that matches.
	TracePlace = hits.TracePlace
	// Series is the counts of one value over time.
	Series = counts.Series
)

// ParseCursor is the inverse of a Cursor's String. An empty text is nil: the beginning.
func ParseCursor(s string) (*Cursor, error) { return hits.ParseCursor(s) }

// ParseTraceCursor is the inverse of a TraceCursor's String. An empty text is nil: the beginning.
func ParseTraceCursor(s string) (*TraceCursor, error) { return hits.ParseTraceCursor(s) }

// CursorAt is the place right after a record that a search gave, in either direction; records that are the same as r count as passed.
func CursorAt(r *Record) *Cursor { return hits.CursorAt(r) }
