package retention

import (
	"cmp"
	"slices"
	"time"

	"clew/index/catalog"
	"clew/index/compact"
	"clew/internal/points"
	"clew/internal/telemetry"
)

// samplingWait is how long metrics that are not down-sampled yet are kept beyond their age: a clew that was off for a day must not lose the month.
const samplingWait = 24 * time.Hour

// Expired chooses what has to go: what is too old, then the oldest beyond a tenant's bytes, then those beyond a signal's, then those beyond the total. sampling says that
// metrics are down-sampled: those that are too old and are not yet have a day more.
//
// Down-sampled metrics are far fewer bytes and are kept far longer: a bound on bytes takes a month of them for as old as the points are at the same part of their age.
func Expired(v *catalog.Version, p Policy, sampling bool, now time.Time) []*catalog.Segment {
	var all, victims []*catalog.Segment
	for s := range v.All() {
		all = append(all, s)
	}
	slices.SortStableFunc(all, func(a, b *catalog.Segment) int { return cmp.Compare(p.standing(b, now), p.standing(a, now)) })
	type key struct {
		signal telemetry.Signal
		tenant string
	}
	total := int64(0)
	bytes, tenants := map[telemetry.Signal]int64{}, map[key]int64{}
	count := func(s *catalog.Segment, n int64) {
		tenants[key{s.Signal, s.Tenant}] += n
		bytes[s.Signal] += n
		total += n
	}
	for _, s := range all {
		count(s, s.Bytes)
	}
	take := func(exceeds func(*catalog.Segment) bool) {
		all = slices.DeleteFunc(all, func(s *catalog.Segment) bool {
			if !exceeds(s) {
				return false
			}
			victims = append(victims, s)
			count(s, -s.Bytes)
			return true
		})
	}
	take(func(s *catalog.Segment) bool {
		age := p.AgeOf(s)
		if _, coarser := points.Coarser(s.Resolution); sampling && coarser && age > 0 && s.Signal == telemetry.Metrics && !s.Sampled {
			age += samplingWait
		}
		return age > 0 && compact.KeptSince(s) < now.Add(-age).UnixNano()
	})
	take(func(s *catalog.Segment) bool {
		bound := p.TenantBytes(s.Signal, s.Tenant)
		return bound > 0 && tenants[key{s.Signal, s.Tenant}] > bound
	})
	take(func(s *catalog.Segment) bool {
		bound := p.Of(s.Signal).Bytes
		return bound > 0 && bytes[s.Signal] > bound
	})
	take(func(*catalog.Segment) bool { return p.TotalBytes > 0 && total > p.TotalBytes })
	return victims
}

// standing is how old a segment is, in nanoseconds; of down-sampled metrics in the measure of the points they were made of.
func (p Policy) standing(s *catalog.Segment, now time.Time) float64 {
	old := float64(now.UnixNano() - compact.KeptSince(s))
	if s.Resolution == 0 {
		return old
	}
	raw, own := p.Age(s.Signal, s.Tenant), p.AgeOf(s)
	switch {
	case own == 0:
		return 0 // for ever
	case raw == 0:
		return old
	}
	return old * float64(raw) / float64(own)
}
