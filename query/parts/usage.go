package parts

import (
	"cmp"
	"math"
	"slices"

	"clew/internal/telemetry"
)

// TenantUsage is what a tenant has of a signal in segments.
type TenantUsage struct {
	Tenant      string
	Signal      telemetry.Signal
	Records     uint64
	Bytes       int64
	Segments    int
	First, Last int64 // of its records, nanoseconds
}

// UsageByTenant says what each tenant has in segments that reach into the time range (nanoseconds, from inclusive, to exclusive; 0: unbounded), most bytes first.
func (s *Segments) UsageByTenant(from, to int64) []TenantUsage {
	if to == 0 {
		to = math.MaxInt64
	}
	type key struct {
		tenant string
		signal telemetry.Signal
	}
	sums := map[key]*TenantUsage{}
	version := s.catalog.Acquire()
	defer version.Release()
	for seg := range version.All() {
		if seg.MaxTime < from || seg.MinTime >= to {
			continue
		}
		k := key{seg.Tenant, seg.Signal}
		u := sums[k]
		if u == nil {
			u = &TenantUsage{Tenant: seg.Tenant, Signal: seg.Signal, First: seg.MinTime, Last: seg.MaxTime}
			sums[k] = u
		}
		u.Records += uint64(seg.Records)
		u.Bytes += seg.Bytes
		u.Segments++
		u.First, u.Last = min(u.First, seg.MinTime), max(u.Last, seg.MaxTime)
	}
	out := make([]TenantUsage, 0, len(sums))
	for _, u := range sums {
		out = append(out, *u)
	}
	slices.SortFunc(out, func(a, b TenantUsage) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Signal, b.Signal))
	})
	return out
}
