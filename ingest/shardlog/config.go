package shardlog

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Config configures a log. The zero value of a field other than Dir and Servers means its default.
type Config struct {
	// Dir holds an embedded log. It belongs to one process at a time.
	Dir string
	// Servers keep the log elsewhere (Connect); Dir and FreeBytesMin mean nothing then.
	Servers Servers
	// Shards is the number of shards that Append takes (default 1). Lowering it leaves the streams of the others readable.
	Shards int
	// LogBytesMax bounds all shards together (default 8 GiB); each gets its part. Lowering it deletes nothing.
	LogBytesMax int64
	// FreeBytesMin is the free-space watermark: below it Append refuses. Default: max(1 GiB, 5 % of the file system).
	FreeBytesMin int64
	// LeaseTTL is after how long a lease ends whose holder has vanished. 0, the default of an embedded log, is for a log that only this process can
	// reach: leases are then bound to the process, and need neither renewal nor time to pass after a crash. In a cluster what was said
	// first holds for all.
	LeaseTTL time.Duration
	// FloorOf reads from a commit's data up to which position the shard's log is in segments: positions up to there are not given out again. Nil: nothing is known of it.
	FloorOf func(data []byte) (Position, error)
	// Logger gets what NATS logs (debug; warnings and errors as warnings) and the log's own events. Default: discarded.
	Logger *slog.Logger
}

const (
	logBytesDefault     = 8 << 30
	logBytesMin         = 2 * messageBytesMax
	freeBytesDefaultMin = 1 << 30
	freeDefaultDivisor  = 20 // 5 %
)

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	if c.Shards == 0 {
		c.Shards = 1
	}
	if c.LogBytesMax == 0 {
		c.LogBytesMax = logBytesDefault
	}
	if c.Servers.Given() && c.LeaseTTL == 0 {
		c.LeaseTTL = LeaseTTLDefault
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Validate returns all that is wrong with c.
func (c Config) Validate() error {
	var errs []error
	if c.Servers.Given() {
		for _, err := range c.Servers.Validate() {
			errs = append(errs, fmt.Errorf("nats.%w", err))
		}
	} else if c.Dir == "" {
		errs = append(errs, errors.New("dir: is empty"))
	}
	if c.Shards < 0 || c.Shards > shardsMax {
		errs = append(errs, fmt.Errorf("shards: %d: want 1 to %d", c.Shards, shardsMax))
	}
	if c.LogBytesMax < 0 {
		errs = append(errs, fmt.Errorf("log_bytes_max: %d is negative", c.LogBytesMax))
	} else if n := int64(max(c.Shards, 1)); c.LogBytesMax > 0 && c.LogBytesMax/n < logBytesMin {
		errs = append(errs, fmt.Errorf("log_bytes_max: %d for %d shards: want at least %d for each", c.LogBytesMax, n, int64(logBytesMin)))
	}
	if c.FreeBytesMin < 0 {
		errs = append(errs, fmt.Errorf("free_bytes_min: %d is negative", c.FreeBytesMin))
	}
	if c.LeaseTTL != 0 && c.LeaseTTL < leaseTTLMin {
		errs = append(errs, fmt.Errorf("lease_ttl: %s: want 0 or at least %s", c.LeaseTTL, leaseTTLMin))
	}
	return errors.Join(errs...)
}
