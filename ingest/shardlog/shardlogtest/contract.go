// Package shardlogtest holds the suite that every implementation of shardlog's interfaces has to pass.
package shardlogtest

import (
	"testing"
	"time"

	"clew/ingest/shardlog"
)

// patience bounds every wait: an implementation that needs longer is broken.
const patience = 20 * time.Second

// RunContract runs the suite. open returns an empty log of at least two shards, usable until t ends; it is called once for
// each test. The Leases' owners are in one process.
func RunContract(t *testing.T, open func(t *testing.T) (shardlog.Log, shardlog.Commits, shardlog.Leases)) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(t *testing.T, l shardlog.Log, c shardlog.Commits, le shardlog.Leases)
	}{
		{"append and consume", appendAndConsume},
		{"consume waits for more", consumeWaits},
		{"consume ends", consumeEnds},
		{"shards are apart", shardsApart},
		{"concurrent appends", concurrentAppends},
		{"largest message", largestMessage},
		{"invalid messages", invalidMessages},
		{"trim", trim},
		{"trim beyond the end", trimBeyond},
		{"commit and follow", commitAndFollow},
		{"fence", fence},
		{"racing commits", racingCommits},
		{"follow ends", followEnds},
		{"purge", purge},
		{"lease", lease},
		{"lease waits", leaseWaits},
		{"lease of each shard", leaseOfEachShard},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, co, le := open(t)
			c.test(t, l, co, le)
		})
	}
}
