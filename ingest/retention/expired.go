package retention

import (
	"cmp"
	"slices"
	"time"

	"clew/index/catalog"
	"clew/index/compact"
	"clew/internal/telemetry"
)

// Expired chooses what has to go: what is too old, then the oldest beyond a tenant's bytes, then those beyond a signal's, then those beyond the total.
func Expired(v *catalog.Version, p Policy, now time.Time) []*catalog.Segment {
	var all, victims []*catalog.Segment
	for s := range v.All() {
		all = append(all, s)
	}
	slices.SortStableFunc(all, func(a, b *catalog.Segment) int { return cmp.Compare(compact.KeptSince(a), compact.KeptSince(b)) })
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
		age := p.Age(s.Signal, s.Tenant)
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
