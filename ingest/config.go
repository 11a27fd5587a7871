package ingest

import (
	"errors"
	"fmt"
	"time"

	"clew/ingest/retention"
	"clew/ingest/tailsample"
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

	Retention  retention.Policy `yaml:"retention"`
	Compaction Compaction       `yaml:"compaction"`

	// TailSampling says which traces are kept; by default all are.
	TailSampling tailsample.Config `yaml:"tail_sampling"`

	// Counts makes metrics of spans and log records: calls, errors and durations, and records by template.
	Counts bool `yaml:"counts"`

	// DeleteAfter is how long the objects of removed segments stay for readers in other processes.
	DeleteAfter time.Duration `yaml:"delete_after"`
	// CollectAfter is the age at which an object that no commit names is taken for the remains of a crash.
	CollectAfter time.Duration `yaml:"collect_after"`
}

// Compaction says what is made of segments, and bounds what that may take.
type Compaction struct {
	// Share is how much of one core, 0 to 1. 0: nothing is merged.
	Share float64 `yaml:"share"`
	// Downsample makes windows of five minutes and of an hour of metrics.
	Downsample bool `yaml:"downsample"`
	// DownsampleAfter is how long after the end of a window of time its metrics are down-sampled. What comes later is down-sampled by itself.
	DownsampleAfter time.Duration `yaml:"downsample_after"`
}

// DefaultConfig is what holds where the configuration says nothing.
func DefaultConfig() Config {
	return Config{
		Shards:      1,
		HeadBytes:   128 << 20,
		FrozenBytes: 192 << 20,
		SealRows:    1_000_000,
		SealAfter:   15 * time.Minute,
		SealWorkers: 1,
		Retention:   retention.Default(),
		Compaction:  Compaction{Share: compactionShare, Downsample: true, DownsampleAfter: downsampleAfter},

		TailSampling: tailsample.DefaultConfig(),
		Counts:       true,
		// A query in another process ends within a minute; a seal takes seconds and its commit is retried for as long as the owner lives, which
		// Collect knows of, so an hour is generous.
		DeleteAfter:  time.Minute,
		CollectAfter: time.Hour,
	}
}

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
	for _, err := range c.Retention.Validate() {
		errs = append(errs, fmt.Errorf("retention.%w", err))
	}
	check(c.Compaction.Share >= 0 && c.Compaction.Share <= 1, "compaction.share", c.Compaction.Share, "0 (no compaction) to 1 (a whole core)")
	check(c.Compaction.DownsampleAfter >= 0, "compaction.downsample_after", c.Compaction.DownsampleAfter, "0 or more")
	errs = append(errs, c.TailSampling.Validate("tail_sampling."))
	return errors.Join(errs...)
}
