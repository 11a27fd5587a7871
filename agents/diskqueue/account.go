package diskqueue

import (
	"cmp"
	"maps"
	"slices"
)

// Counts are what became of the records of an origin, since the queue's directory was made. At any moment
//
//	Read   = Queued + Refused and Dropped with a reason of the door (ReasonFull, ReasonDisk, ReasonLarge, ReasonBroken, ReasonSampled)
//	Queued = Acked + Refused and Dropped for other reasons + what is in the queue
//
// Replayed records are outside of this: they are in Read from the first time.
type Counts struct {
	Read     uint64            `json:"read"`
	Queued   uint64            `json:"queued"`
	Sent     uint64            `json:"sent"` // at least once
	Acked    uint64            `json:"acked"`
	Replayed uint64            `json:"replayed,omitempty"`
	Refused  map[string]uint64 `json:"refused,omitempty"`
	Dropped  map[string]uint64 `json:"dropped,omitempty"`
}

// Reasons for which the queue itself does not take or keep records.
const (
	ReasonFull      = "queue_full"         // at the door: no room, and nothing that may be dropped for it
	ReasonDisk      = "queue_disk"         // at the door: the disk is almost full
	ReasonLarge     = "queue_entry_large"  // at the door: one entry beyond what a collector takes
	ReasonBroken    = "queue_write_failed" // at the door: the disk fails
	ReasonOldest    = "queue_full_oldest"  // dropped to make room for newer ones
	ReasonDamaged   = "queue_damaged"      // the disk does not give back what was written
	ReasonSampled   = "sampled"            // before the door: left out as the configuration says
	otherOriginName = "(others)"
)

// Source is an origin on a lane with its counts.
type Source struct {
	Lane string `json:"lane"`
	Origin
	Counts
}

type sourceKey struct {
	lane string
	Origin
}

// accounts holds the counts of all sources. The queue's lock guards it.
type accounts map[sourceKey]*Counts

// of finds the counts of an origin, or of the others of its kind if there are too many.
func (a accounts) of(lane string, o Origin) *Counts {
	key := sourceKey{lane, o}
	if c := a[key]; c != nil {
		return c
	}
	if len(a) >= originsMax {
		key.Name = otherOriginName
		if c := a[key]; c != nil {
			return c
		}
	}
	c := &Counts{}
	a[key] = c
	return c
}

func add(m *map[string]uint64, reason string, n int) {
	if n <= 0 {
		return
	}
	if *m == nil {
		*m = map[string]uint64{}
	}
	(*m)[reason] += uint64(n)
}

func (c *Counts) clone() Counts {
	d := *c
	d.Refused, d.Dropped = maps.Clone(c.Refused), maps.Clone(c.Dropped)
	return d
}

func (a accounts) list() []Source {
	list := make([]Source, 0, len(a))
	for key, c := range a {
		list = append(list, Source{key.lane, key.Origin, c.clone()})
	}
	slices.SortFunc(list, func(a, b Source) int {
		return cmp.Or(cmp.Compare(a.Lane, b.Lane), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return list
}

func atDoor(reason string) bool {
	switch reason {
	case ReasonFull, ReasonDisk, ReasonLarge, ReasonBroken, ReasonSampled:
		return true
	}
	return false
}

// refusedBySome is how many records a collector has refused.
func (c *Counts) refusedBySome() uint64 {
	var n uint64
	for reason, v := range c.Refused {
		if !atDoor(reason) {
			n += v
		}
	}
	return n
}

// settled is how many queued records have left the queue.
func (c *Counts) settled() uint64 {
	n := c.Acked
	for _, m := range []map[string]uint64{c.Refused, c.Dropped} {
		for reason, v := range m {
			if !atDoor(reason) {
				n += v
			}
		}
	}
	return n
}

// merge adds tallies of the same origins up.
func merge(into []Tally, more []Tally) []Tally {
	for _, t := range more {
		i := slices.IndexFunc(into, func(have Tally) bool { return have.Origin == t.Origin })
		if i < 0 {
			into = append(into, t)
		} else {
			into[i].Records += t.Records
		}
	}
	return into
}

// share spreads n refused records over tallies by their size: a collector says how many it did not take, not whose. The sum is exact.
func share(n int, tallies []Tally) []int {
	out := make([]int, len(tallies))
	total := 0
	for _, t := range tallies {
		total += t.Records
	}
	if total == 0 {
		return out
	}
	n = min(n, total)
	rest := n
	for i, t := range tallies {
		out[i] = int(int64(n) * int64(t.Records) / int64(total))
		rest -= out[i]
	}
	for i := 0; rest > 0; i = (i + 1) % len(out) {
		if out[i] < tallies[i].Records {
			out[i]++
			rest--
		}
	}
	return out
}

// Waiting is how many records are in the queue, in flight too.
func (c *Counts) Waiting() uint64 { return c.Queued - c.settled() }
