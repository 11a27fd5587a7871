package index

import "clew/internal/telemetry"

// Generation is a head's rows of one key (shard, signal, tenant) from log position From+1 to To.
type Generation struct {
	Part Part
	From uint64
	To   uint64
}

// HeadView is what a head holds of one key: every record after log position Committed, up to what it has consumed. Or it is what was counted of these records,
// as rows of metrics: they are committed with the records, so Signal, whose positions tell what is committed, is the records'.
//
// A reader takes the heads' views first and the catalog's version after them, so that whatever a head gave up between the two is in the version's
// segments. It then drops the generations whose To is not above the version's position of the key. A version whose position is below
// Committed is too old: wait for a newer one.
type HeadView struct {
	Shard       int
	Signal      telemetry.Signal
	Epoch       uint64
	Committed   uint64
	Generations []Generation
}
