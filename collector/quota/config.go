package quota

import (
	"fmt"
	"maps"
	"slices"

	"clew/internal/telemetry"
)

// Config is the limits of all tenants.
type Config struct {
	Defaults Limits `yaml:"defaults"`
	// Overrides are tenants' own limits, by name; what one does not mention is the default's.
	Overrides map[string]Override `yaml:"overrides,omitempty"`
}

// Limits bound one tenant. 0 is no bound.
type Limits struct {
	// BytesPerSecond bounds decompressed OTLP; BurstBytes may come at once (0: ten seconds' worth).
	BytesPerSecond int64 `yaml:"bytes_per_second" json:"bytes_per_second"`
	BurstBytes     int64 `yaml:"burst_bytes" json:"burst_bytes"`
	// Services and Series bound how many different ones are sent within an hour or two: values of service.name in all signals, and metric series.
	Services int `yaml:"services" json:"services"`
	Series   int `yaml:"series" json:"series"`
}

// Override is Limits of which any may be absent.
type Override struct {
	BytesPerSecond *int64 `yaml:"bytes_per_second,omitempty"`
	BurstBytes     *int64 `yaml:"burst_bytes,omitempty"`
	Services       *int   `yaml:"services,omitempty"`
	Series         *int   `yaml:"series,omitempty"`
}

// DefaultConfig has no bound on bytes: how much is too much is the operator's to say. Ten thousand services are a service name with an id in it.
func DefaultConfig() Config { return Config{Defaults: Limits{Services: 10_000}} }

// Of gives a tenant's limits.
func (c Config) Of(tenant string) Limits {
	l := c.Defaults
	o := c.Overrides[tenant]
	override(&l.BytesPerSecond, o.BytesPerSecond)
	override(&l.BurstBytes, o.BurstBytes)
	override(&l.Services, o.Services)
	override(&l.Series, o.Series)
	return l
}

func override[T any](to *T, by *T) {
	if by != nil {
		*to = *by
	}
}

func (l Limits) burst() int64 {
	if l.BurstBytes > 0 {
		return l.BurstBytes
	}
	return burstSeconds * l.BytesPerSecond
}

// Validate returns every problem, each starting with the key's path.
func (c Config) Validate() []error {
	errs := c.Defaults.validate("defaults")
	for _, name := range slices.Sorted(maps.Keys(c.Overrides)) {
		path := "overrides." + name
		if err := telemetry.CheckTenant(name); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", path, err))
		}
		errs = append(errs, c.Of(name).validate(path)...)
	}
	return errs
}

func (l Limits) validate(path string) []error {
	var errs []error
	check := func(key string, value int64) {
		if value < 0 {
			errs = append(errs, fmt.Errorf("%s.%s: %d: want 0 (no bound) or more", path, key, value))
		}
	}
	check("bytes_per_second", l.BytesPerSecond)
	check("burst_bytes", l.BurstBytes)
	check("services", int64(l.Services))
	check("series", int64(l.Series))
	return errs
}
