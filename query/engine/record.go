package engine

import "clew/query/engine/match"

// What answers are made of is what is read of parts.
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
)
