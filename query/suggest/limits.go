package suggest

import "time"

const (
	// timeMax bounds the search for what may have been meant; leavesMax the leaves of a query that are looked at, candidatesMax the candidates that are counted for each
	// leaf and the suggestions that are given, valuesMax the values of a field that are compared, at about a microsecond each.
	timeMax       = 2 * time.Second
	leavesMax     = 8
	candidatesMax = 5
	valuesMax     = 10_000
	// completeFor is how long a completion may count records: who types does not wait longer.
	completeFor = 300 * time.Millisecond
)
