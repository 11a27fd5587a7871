package catalog

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"clew/internal/telemetry"
)

// Metrics are kept in several resolutions: points as they came, and windows of five minutes and of an hour. A segment of a coarser one lives beside those that
// it was made of, until retention removes these. Three things say where a point is, so that a reader takes it exactly once:
//
//   - a segment that is not Sampled is the only one that holds what it holds;
//   - what a Sampled one holds is in segments of the next coarser resolution too;
//   - retention has removed Sampled segments of a resolution only before its cut: from there on all are there.
//
// So of each resolution a reader takes what is not Sampled, and of what is Sampled the times from the cut on, or from a later one of its choice; of the
// coarser ones it takes only what is before that. Cuts are on full hours, where windows of all resolutions end.

// Cut says that a tenant's Sampled segments of a resolution may be gone as far as they are not after a moment.
type Cut struct {
	Tenant     string        `json:"tenant"`
	Resolution time.Duration `json:"resolution"`
	At         int64         `json:"at"` // nanoseconds, a full hour
}

type cutKey struct {
	tenant     string
	resolution time.Duration
}

// Cut is the moment, in nanoseconds, after which all of a tenant's metrics of a resolution are there that ever were; math.MinInt64 if none has been removed.
func (v *Version) Cut(tenant string, resolution time.Duration) int64 {
	if at, ok := v.cuts[cutKey{tenant, resolution}]; ok {
		return at
	}
	return math.MinInt64
}

func (v *Version) allCuts() []Cut {
	all := make([]Cut, 0, len(v.cuts))
	for k, at := range v.cuts {
		all = append(all, Cut{Tenant: k.tenant, Resolution: k.resolution, At: at})
	}
	slices.SortFunc(all, func(a, b Cut) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Resolution, b.Resolution))
	})
	return all
}

// addCuts returns the cuts with more added. A cut only moves on.
func addCuts(old map[cutKey]int64, more []Cut) map[cutKey]int64 {
	if len(more) == 0 {
		return old
	}
	all := maps.Clone(old)
	if all == nil {
		all = map[cutKey]int64{}
	}
	for _, c := range more {
		k := cutKey{c.Tenant, c.Resolution}
		if at, ok := all[k]; !ok || at < c.At {
			all[k] = c.At
		}
	}
	return all
}

func checkCuts(cuts []Cut) error {
	for _, c := range cuts {
		if err := telemetry.CheckTenant(c.Tenant); err != nil {
			return fmt.Errorf("cut: %w", err)
		}
		if c.Resolution < 0 || c.At%int64(time.Hour) != 0 {
			return fmt.Errorf("cut of %v of %s at %d: want a resolution, and a full hour", c.Resolution, c.Tenant, c.At)
		}
	}
	return nil
}

// sampleLocked makes segments of v's Sampled. Versions before v keep theirs as they were.
func (c *Catalog) sampleLocked(v *Version, ids []string) {
	changes := map[listKey]*listChange{}
	for _, id := range ids {
		old := c.byID[id] // checkLocked has seen it
		s := *old
		s.Sampled = true
		c.byID[id] = &s
		k := listKey{s.Tenant, s.Signal}
		if changes[k] == nil {
			changes[k] = &listChange{}
		}
		changes[k].remove(old)
		changes[k].add(&s)
	}
	for k, change := range changes {
		v.lists[k] = v.lists[k].with(change)
	}
}
