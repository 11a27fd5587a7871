package match

import "fmt"

// LimitError says that a query asks for more than the limits allow, and which.
type LimitError struct {
	What string // "groups", "buckets", "cells"
	Max  int
	Hint string
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("the query needs more than %d %s; %s", e.Max, e.What, e.Hint)
}

const (
	// cacheEntryMax is the largest vocabulary answer worth keeping; fastcache refuses more than 64 KB in one value.
	cacheEntryMax = 60 << 10
	// planKeyMax is how long a plan's canonical form may be for it to be remembered which parts cannot match it: it is kept once a part.
	planKeyMax = 1 << 10
	// acceleratedIDsMax bounds the entry ids that are kept: 8 bytes each.
	acceleratedIDsMax = 4 << 20
	// pageShare: rows that are in at most one of so many pages are read by pages, others with their whole row group, which is kept and may
	// serve the next query too.
	pageShare = 4
	// explainedExamplesMax and explainedBytesMax bound what is told of a leaf: templates, and bytes of one.
	explainedExamplesMax = 5
	explainedBytesMax    = 200
	// soughtShare: looking for a word in all variables of a row group pays if it can rule out all but one in so many rows that may match, and
	// soughtOfRows if these are one in so many of all: few are asked faster one by one.
	soughtShare  = 2
	soughtOfRows = 8
	// checkEvery is how many rows are looked at between two looks at the context, checkBytes how many bytes of values or of rebuilt texts are
	// tested: a millisecond or so, but for a dear regular expression.
	checkEvery = 4096
	checkBytes = 1 << 20
	// templatesMax is how many templates are picked out of a text column, rather than reading all its variables.
	templatesMax = 64
)
