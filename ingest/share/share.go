// Package share says which process takes a shard that nobody owns, and who hands one over. It knows nothing of how that is done: a lease makes each shard's
// owner the only one, whatever is said here. Here it is only decided who tries, so that shards are spread evenly without anybody in charge.
//
// Every process sees the same others, give or take a second, and decides for itself:
//
//   - a shard without an owner is for whoever has fewest: the others wait a second for each shard that they have more;
//   - a process that has its share already waits longer, and takes it nevertheless if nobody does: better unevenly owned than not at all;
//   - a process that has two more than another hands one over, once everything has been as it is for a while.
package share

import (
	"slices"
	"time"
)

const (
	// stepAside is how long a process lets those go first that own a shard less: longer than a look at the lease takes.
	stepAside = time.Second
	// fullPatience is how long one that has its share waits on top: a process that has just started opens its caches first.
	fullPatience = 5 * time.Second
)

// Peer is a process that owns shards, or would.
type Peer struct {
	ID     string // unique to one life of the process
	Shards []int  // owned
	Able   bool   // may take more: it knows the catalog, and has not just failed to own one
}

// Owned says whether another process than self owns a shard, and which.
func Owned(self string, peers []Peer, shard int) (by string, owned bool) {
	for i := range peers {
		if p := &peers[i]; p.ID != self && slices.Contains(p.Shards, shard) {
			return p.ID, true
		}
	}
	return "", false
}

// Patience is how long a shard must have been without an owner before self, which owns so many of all shards, tries to take it.
func Patience(self string, peers []Peer, own, shards int) time.Duration {
	able, least := 1, own
	for i := range peers {
		if p := &peers[i]; p.ID != self && p.Able {
			able++
			least = min(least, len(p.Shards))
		}
	}
	patience := time.Duration(own-least) * stepAside
	if own >= fair(shards, able) && able > 1 {
		patience += fullPatience
	}
	return patience
}

// Excess is how many of its own shards self is to hand over now. It is 0 while a shard has no owner: that one is for who has least.
func Excess(self string, peers []Peer, own, shards int) int {
	able, least, owned := 1, own, own
	most := true // nobody has more, or as many and comes first
	for i := range peers {
		p := &peers[i]
		if p.ID == self {
			continue
		}
		n := len(p.Shards)
		owned += n
		if n > own || n == own && p.ID < self {
			most = false
		}
		if p.Able {
			able++
			least = min(least, n)
		}
	}
	switch {
	case owned < shards || own < least+2:
		return 0
	case own > fair(shards, able):
		return own - fair(shards, able)
	case most:
		return 1
	}
	return 0
}

// fair is the most that one of n processes owns when all is even.
func fair(shards, n int) int { return (shards + n - 1) / n }
