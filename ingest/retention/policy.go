// Package retention decides which segments are kept no longer: by age and by bytes, per signal and tenant. It is pure; who removes them is ingest.
package retention

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"clew/index/catalog"
	"clew/internal/points"
	"clew/internal/telemetry"
)

// Policy says what is kept. What exceeds a bound goes, oldest first, a segment at a time.
type Policy struct {
	Spans   Bounds `yaml:"spans"`
	Logs    Bounds `yaml:"logs"`
	Metrics Bounds `yaml:"metrics"`
	// TotalBytes bounds all signals together.
	TotalBytes int64 `yaml:"total_bytes"`
	// Downsampled is how long down-sampled metrics are kept.
	Downsampled Ages `yaml:"downsampled"`
	// Tenants says what holds for some tenants, by their names.
	Tenants map[string]Tenant `yaml:"tenants,omitempty"`
}

// Tenant is a tenant's own bounds.
type Tenant struct {
	Spans   TenantBounds `yaml:"spans,omitempty"`
	Logs    TenantBounds `yaml:"logs,omitempty"`
	Metrics TenantBounds `yaml:"metrics,omitempty"`
	// Downsampled stands in for the ages that hold for all tenants.
	Downsampled TenantAges `yaml:"downsampled,omitempty"`
}

// Ages are how long metrics of windows of five minutes and of an hour are kept; 0 is for ever. What is coarser is kept at least as long as what is finer.
type Ages struct {
	Five time.Duration `yaml:"5m"`
	Hour time.Duration `yaml:"1h"`
}

// TenantAges are a tenant's own. Nil is not given.
type TenantAges struct {
	Five *time.Duration `yaml:"5m,omitempty"`
	Hour *time.Duration `yaml:"1h,omitempty"`
}

// TenantBounds bound a tenant's signal. Age stands in for the one that holds for all tenants; Bytes bounds this tenant's segments and comes on top of
// the one that bounds all tenants' together. Nil is not given; 0 is no bound.
type TenantBounds struct {
	Age   *time.Duration `yaml:"age,omitempty"`
	Bytes *int64         `yaml:"bytes,omitempty"`
}

// Bounds bound a signal. Zero: no bound.
type Bounds struct {
	Age   time.Duration `yaml:"age"`
	Bytes int64         `yaml:"bytes"`
}

// Of is a signal's bounds.
func (p Policy) Of(s telemetry.Signal) Bounds { return bySignal(s, p.Spans, p.Logs, p.Metrics) }

// Of is a signal's bounds.
func (t Tenant) Of(s telemetry.Signal) TenantBounds { return bySignal(s, t.Spans, t.Logs, t.Metrics) }

func bySignal[T any](s telemetry.Signal, spans, logs, metrics T) T {
	switch s {
	case telemetry.Spans:
		return spans
	case telemetry.Logs:
		return logs
	}
	return metrics
}

// Age is how long a tenant's records of a signal are kept; 0 is for ever.
func (p Policy) Age(s telemetry.Signal, tenant string) time.Duration {
	if age := p.Tenants[tenant].Of(s).Age; age != nil {
		return *age
	}
	return p.Of(s).Age
}

// AgeOf is how long what is in a segment is kept; 0 is for ever.
func (p Policy) AgeOf(s *catalog.Segment) time.Duration {
	age := p.Age(s.Signal, s.Tenant)
	if s.Resolution == 0 {
		return age
	}
	own := p.Tenants[s.Tenant].Downsampled
	for _, step := range []struct {
		resolution time.Duration
		all        time.Duration
		own        *time.Duration
	}{{points.Five, p.Downsampled.Five, own.Five}, {points.Hour, p.Downsampled.Hour, own.Hour}} {
		next := step.all
		if step.own != nil {
			next = *step.own
		}
		if age != 0 && (next == 0 || next > age) {
			age = next
		}
		if s.Resolution <= step.resolution {
			break
		}
	}
	return age
}

// TenantBytes bounds a tenant's segments of a signal; 0 is no bound.
func (p Policy) TenantBytes(s telemetry.Signal, tenant string) int64 {
	if bytes := p.Tenants[tenant].Of(s).Bytes; bytes != nil {
		return *bytes
	}
	return 0
}

const (
	ageDefault        = 7 * 24 * time.Hour
	totalBytesDefault = 50 << 30

	// Of points every fifteen seconds windows of five minutes take a sixth of the bytes or so, windows of an hour a sixtieth: a month and a year of them are about
	// a week and a half of points.
	fiveDefault = 30 * 24 * time.Hour
	hourDefault = 365 * 24 * time.Hour
)

// Default is what holds where the configuration says nothing: 7 days, metrics of five minutes a month and of an hour a year, and at most 50 GiB; see TotalBytesFor.
func Default() Policy {
	week := Bounds{Age: ageDefault}
	return Policy{Spans: week, Logs: week, Metrics: week, TotalBytes: totalBytesDefault, Downsampled: Ages{Five: fiveDefault, Hour: hourDefault}}
}

// TotalBytesFor is the default of TotalBytes on a disk of this size: 50 GiB or half of the disk, whichever is less.
func TotalBytesFor(diskBytes int64) int64 { return min(totalBytesDefault, diskBytes/2) }

// Validate returns all that is wrong, each with its key.
func (p Policy) Validate() []error {
	var errs []error
	check := func(ok bool, key string, have any, want string) {
		if !ok {
			errs = append(errs, fmt.Errorf("%s: %v: want %s", key, have, want))
		}
	}
	check(p.TotalBytes >= 0, "total_bytes", p.TotalBytes, "0 (no bound) or more")
	for _, s := range telemetry.Signals {
		b := p.Of(s)
		check(b.Age >= 0, s.String()+".age", b.Age, "0 (no bound) or more")
		check(b.Bytes >= 0, s.String()+".bytes", b.Bytes, "0 (no bound) or more")
	}
	check(p.Downsampled.Five >= 0, "downsampled.5m", p.Downsampled.Five, "0 (no bound) or more")
	check(p.Downsampled.Hour >= 0, "downsampled.1h", p.Downsampled.Hour, "0 (no bound) or more")
	for _, tenant := range slices.Sorted(maps.Keys(p.Tenants)) {
		key := "tenants." + tenant
		if err := telemetry.CheckTenant(tenant); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
		own := p.Tenants[tenant].Downsampled
		check(own.Five == nil || *own.Five >= 0, key+".downsampled.5m", own.Five, "0 (no bound) or more")
		check(own.Hour == nil || *own.Hour >= 0, key+".downsampled.1h", own.Hour, "0 (no bound) or more")
		for _, s := range telemetry.Signals {
			b := p.Tenants[tenant].Of(s)
			check(b.Age == nil || *b.Age >= 0, key+"."+s.String()+".age", p.Age(s, tenant), "0 (no bound) or more")
			check(b.Bytes == nil || *b.Bytes >= 0, key+"."+s.String()+".bytes", p.TenantBytes(s, tenant), "0 (no bound) or more")
		}
	}
	return errs
}
