// Package retention decides which segments are kept no longer: by age and by bytes, per signal and tenant. It is pure; who removes them is ingest.
package retention

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"clew/internal/telemetry"
)

// Policy says what is kept. What exceeds a bound goes, oldest first, a segment at a time.
type Policy struct {
	Spans   Bounds `yaml:"spans"`
	Logs    Bounds `yaml:"logs"`
	Metrics Bounds `yaml:"metrics"`
	// TotalBytes bounds all signals together.
	TotalBytes int64 `yaml:"total_bytes"`
	// Tenants says what holds for some tenants, by their names.
	Tenants map[string]Tenant `yaml:"tenants,omitempty"`
}

// Tenant is a tenant's own bounds.
type Tenant struct {
	Spans   TenantBounds `yaml:"spans,omitempty"`
	Logs    TenantBounds `yaml:"logs,omitempty"`
	Metrics TenantBounds `yaml:"metrics,omitempty"`
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
)

// Default is what holds where the configuration says nothing: 7 days, and at most 50 GiB; see TotalBytesFor.
func Default() Policy {
	week := Bounds{Age: ageDefault}
	return Policy{Spans: week, Logs: week, Metrics: week, TotalBytes: totalBytesDefault}
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
	for _, tenant := range slices.Sorted(maps.Keys(p.Tenants)) {
		key := "tenants." + tenant
		if err := telemetry.CheckTenant(tenant); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
		for _, s := range telemetry.Signals {
			b := p.Tenants[tenant].Of(s)
			check(b.Age == nil || *b.Age >= 0, key+"."+s.String()+".age", p.Age(s, tenant), "0 (no bound) or more")
			check(b.Bytes == nil || *b.Bytes >= 0, key+"."+s.String()+".bytes", p.TenantBytes(s, tenant), "0 (no bound) or more")
		}
	}
	return errs
}
