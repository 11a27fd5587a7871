package catalog

import (
	"iter"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"clew/internal/telemetry"
)

// Version is the catalog after one commit. It is immutable; all methods are safe for concurrent use.
type Version struct {
	sequence uint64
	lists    map[listKey]*segmentList
	shards   map[int]*shardState
	deleted  map[string]int64 // records, by job of deletion
	cuts     map[cutKey]int64 // nanoseconds
	segments int

	// refs are the readers, plus one while this is the current version, plus one while the version before it lives. next and removed
	// are set when the version is superseded, before the current version's reference is given up.
	refs       atomic.Int64
	next       *Version
	removed    []Segment // by the commit that made next
	superseded chan struct{}
	dead       func([]Segment)
}

type listKey struct {
	tenant string
	signal telemetry.Signal
}

// shardState is what is known of a shard. Immutable.
type shardState struct {
	last      uint64
	epoch     uint64
	floor     uint64
	positions map[posKey]uint64 // above floor
	sources   []Source
	lost      []Loss
}

type posKey struct {
	signal telemetry.Signal
	tenant string
}

// Sequence is the last commit's.
func (v *Version) Sequence() uint64 { return v.sequence }

// Len is the number of segments.
func (v *Version) Len() int { return v.segments }

// Segments returns the segments of a tenant and signal that may hold records from time from to time to (nanoseconds, both inclusive),
// newest first (by MinTime). The segments are shared and must not be changed.
func (v *Version) Segments(tenant string, signal telemetry.Signal, from, to int64) []*Segment {
	l := v.lists[listKey{tenant, signal}]
	if l == nil {
		return nil
	}
	return l.between(from, to)
}

// All gives every segment, by tenant, signal and MinTime.
func (v *Version) All() iter.Seq[*Segment] {
	return func(yield func(*Segment) bool) {
		for _, k := range v.keys() {
			for s := range v.lists[k].all() {
				if !yield(s) {
					return
				}
			}
		}
	}
}

// keys are the lists' keys in order.
func (v *Version) keys() []listKey {
	return slices.SortedFunc(maps.Keys(v.lists), func(a, b listKey) int {
		if c := strings.Compare(a.tenant, b.tenant); c != 0 {
			return c
		}
		return int(a.signal) - int(b.signal)
	})
}

func comparePosKeys(a, b posKey) int {
	if c := strings.Compare(a.tenant, b.tenant); c != 0 {
		return c
	}
	return int(a.signal) - int(b.signal)
}

// Bytes is the size of a signal's segments, of all tenants.
func (v *Version) Bytes(signal telemetry.Signal) int64 {
	var n int64
	for k, l := range v.lists {
		if k.signal == signal {
			n += l.bytes
		}
	}
	return n
}

// Tenants are the tenants that have segments, sorted.
func (v *Version) Tenants() []string {
	names := map[string]bool{}
	for k := range v.lists {
		names[k.tenant] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// Position is the log position up to which the key's messages are in segments.
func (v *Version) Position(k Key) uint64 {
	s := v.shards[k.Shard]
	if s == nil {
		return 0
	}
	return max(s.floor, s.positions[posKey{k.Signal, k.Tenant}])
}

// Shard is what the catalog knows of a shard's log.
type Shard struct {
	Last      uint64     // the shard's last commit
	Epoch     uint64     // of the owner that wrote it
	Floor     uint64     // every message up to it is in segments
	Positions []Position // of the keys that are further than Floor, by tenant and signal
	Sources   []Source   // as of Floor; shared, not to be changed
	Lost      []Loss     // of its log, oldest first; shared, not to be changed
}

// Shard describes a shard; zero if it has no commit yet.
func (v *Version) Shard(shard int) Shard {
	s := v.shards[shard]
	if s == nil {
		return Shard{}
	}
	d := Shard{Last: s.last, Epoch: s.epoch, Floor: s.floor, Sources: s.sources, Lost: s.lost}
	for _, k := range slices.SortedFunc(maps.Keys(s.positions), comparePosKeys) {
		d.Positions = append(d.Positions, Position{Signal: k.signal, Tenant: k.tenant, Position: s.positions[k]})
	}
	return d
}

// Deleted is how many records the commits have taken out for a deletion, by its job.
func (v *Version) Deleted(job string) int64 { return v.deleted[job] }

// Shards are the shards that have commits, sorted.
func (v *Version) Shards() []int { return slices.Sorted(maps.Keys(v.shards)) }

// acquire adds a reader unless the version is dead already.
func (v *Version) acquire() bool {
	for {
		n := v.refs.Load()
		if n == 0 {
			return false
		}
		if v.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Release ends a reader's use of the version. It must be called once per Acquire.
func (v *Version) Release() {
	for v != nil {
		n := v.refs.Add(-1)
		if n < 0 {
			// A reader that releases twice would let the objects of others die under them.
			panic("catalog: version released more often than acquired")
		}
		if n > 0 {
			return
		}
		// Every version before this one is dead (it would hold a reference), so nobody can meet what the next commit removed.
		if len(v.removed) > 0 && v.dead != nil {
			v.dead(v.removed)
		}
		v = v.next
	}
}
