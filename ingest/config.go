package ingest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"clew/ingest/tailsample"
	"clew/internal/telemetry"
)

// Config configures ingest.
type Config struct {
	// Shards is how many shards there are. All are served, as far as their leases can be had.
	Shards int `yaml:"-"`
	// HeadBytes bounds the rows in memory that are still growing, of all shards, signals and tenants together; past it the largest are sealed.
	HeadBytes int64 `yaml:"head_bytes"`
	// FrozenBytes bounds the rows in memory that wait to be sealed; past it the log is not read on. It should exceed HeadBytes, so that
	// one full head can be sealed while the next fills.
	FrozenBytes int64 `yaml:"frozen_bytes"`
	// SealRows seals what has grown to so many rows, SealAfter what is so old.
	SealRows  int           `yaml:"seal_rows"`
	SealAfter time.Duration `yaml:"seal_after"`
	// SealWorkers is how many segments are written at a time.
	SealWorkers int `yaml:"seal_workers"`

	Retention  Retention  `yaml:"retention"`
	Compaction Compaction `yaml:"compaction"`

	// TailSampling says which traces are kept; by default all are.
	TailSampling tailsample.Config `yaml:"tail_sampling"`

	// DeleteAfter is how long the objects of removed segments stay for readers in other processes.
	DeleteAfter time.Duration `yaml:"delete_after"`
	// CollectAfter is the age at which an object that no commit names is taken for the remains of a crash.
	CollectAfter time.Duration `yaml:"collect_after"`
}

// Retention says what is kept. What exceeds a bound goes, oldest first, a segment at a time.
type Retention struct {
	Spans   Bounds `yaml:"spans"`
	Logs    Bounds `yaml:"logs"`
	Metrics Bounds `yaml:"metrics"`
	// TotalBytes bounds all signals together.
	TotalBytes int64 `yaml:"total_bytes"`
	// Tenants says what holds for some tenants, by their names.
	Tenants map[string]TenantRetention `yaml:"tenants,omitempty"`
}

// TenantRetention is a tenant's own bounds.
type TenantRetention struct {
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

// Compaction bounds what the merging of small segments may take.
type Compaction struct {
	// Share is how much of one core, 0 to 1. 0: nothing is merged.
	Share float64 `yaml:"share"`
}

// Bounds bound a signal. Zero: no bound.
type Bounds struct {
	Age   time.Duration `yaml:"age"`
	Bytes int64         `yaml:"bytes"`
}

// Of is a signal's bounds.
func (r Retention) Of(s telemetry.Signal) Bounds { return bySignal(s, r.Spans, r.Logs, r.Metrics) }

// Of is a signal's bounds.
func (r TenantRetention) Of(s telemetry.Signal) TenantBounds {
	return bySignal(s, r.Spans, r.Logs, r.Metrics)
}

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
func (r Retention) Age(s telemetry.Signal, tenant string) time.Duration {
	if age := r.Tenants[tenant].Of(s).Age; age != nil {
		return *age
	}
	return r.Of(s).Age
}

// TenantBytes bounds a tenant's segments of a signal; 0 is no bound.
func (r Retention) TenantBytes(s telemetry.Signal, tenant string) int64 {
	if bytes := r.Tenants[tenant].Of(s).Bytes; bytes != nil {
		return *bytes
	}
	return 0
}

const totalBytesDefault = 50 << 30

// DefaultConfig is what holds where the configuration says nothing. It keeps 7 days and at most 50 GiB; see TotalBytesFor.
func DefaultConfig() Config {
	week := Bounds{Age: 7 * 24 * time.Hour}
	return Config{
		Shards:      1,
		HeadBytes:   128 << 20,
		FrozenBytes: 192 << 20,
		SealRows:    1_000_000,
		SealAfter:   15 * time.Minute,
		SealWorkers: 1,
		Retention:   Retention{Spans: week, Logs: week, Metrics: week, TotalBytes: totalBytesDefault},
		Compaction:  Compaction{Share: compactionShare},

		TailSampling: tailsample.DefaultConfig(),
		// A query in another process ends within a minute; a seal takes seconds and its commit is retried for as long as the owner lives, which
		// Collect knows of, so an hour is generous.
		DeleteAfter:  time.Minute,
		CollectAfter: time.Hour,
	}
}

// TotalBytesFor is the default of Retention.TotalBytes on a disk of this size: 50 GiB or half of the disk, whichever is less.
func TotalBytesFor(diskBytes int64) int64 { return min(totalBytesDefault, diskBytes/2) }

// Validate returns all that is wrong, each with its key.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, key string, have any, want string) {
		if !ok {
			errs = append(errs, fmt.Errorf("%s: %v: want %s", key, have, want))
		}
	}
	check(c.Shards >= 1, "shards", c.Shards, "1 or more")
	check(c.HeadBytes >= 1<<20, "head_bytes", c.HeadBytes, "1 MiB or more")
	check(c.FrozenBytes >= 1<<20, "frozen_bytes", c.FrozenBytes, "1 MiB or more")
	check(c.SealRows >= 1, "seal_rows", c.SealRows, "1 or more")
	check(c.SealAfter > 0, "seal_after", c.SealAfter, "a time above 0")
	check(c.SealWorkers >= 1 && c.SealWorkers <= 64, "seal_workers", c.SealWorkers, "1 to 64")
	check(c.DeleteAfter >= 0, "delete_after", c.DeleteAfter, "0 or more")
	check(c.CollectAfter > 0, "collect_after", c.CollectAfter, "a time above 0")
	check(c.Retention.TotalBytes >= 0, "retention.total_bytes", c.Retention.TotalBytes, "0 (no bound) or more")
	for _, s := range telemetry.Signals {
		b := c.Retention.Of(s)
		check(b.Age >= 0, "retention."+s.String()+".age", b.Age, "0 (no bound) or more")
		check(b.Bytes >= 0, "retention."+s.String()+".bytes", b.Bytes, "0 (no bound) or more")
	}
	for _, tenant := range slices.Sorted(maps.Keys(c.Retention.Tenants)) {
		key := "retention.tenants." + tenant
		if err := telemetry.CheckTenant(tenant); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
		for _, s := range telemetry.Signals {
			b := c.Retention.Tenants[tenant].Of(s)
			check(b.Age == nil || *b.Age >= 0, key+"."+s.String()+".age", c.Retention.Age(s, tenant), "0 (no bound) or more")
			check(b.Bytes == nil || *b.Bytes >= 0, key+"."+s.String()+".bytes", c.Retention.TenantBytes(s, tenant), "0 (no bound) or more")
		}
	}
	check(c.Compaction.Share >= 0 && c.Compaction.Share <= 1, "compaction.share", c.Compaction.Share, "0 (no compaction) to 1 (a whole core)")
	errs = append(errs, c.TailSampling.Validate("tail_sampling."))
	return errors.Join(errs...)
}
