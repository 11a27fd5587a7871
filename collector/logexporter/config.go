package logexporter

import (
	"fmt"
	"time"
)

// Config of the exporter.
type Config struct {
	// Shards is the number of the log's shards (the log must have been opened with at least as many).
	Shards int `yaml:"-"`
	// MessageBytes is the size at which a message is closed, before compression to a third to a tenth. It is further
	// bounded by what the log takes.
	MessageBytes int `yaml:"message_bytes"`
	// Linger is how long records gather after an append, when more are expected, before the next message is closed.
	Linger time.Duration `yaml:"linger"`
	// AppendTimeout is how long a request waits for its records to be durable.
	AppendTimeout time.Duration `yaml:"append_timeout"`
	// SlowAfter is how long an append may take before further requests to its shard are refused.
	SlowAfter time.Duration `yaml:"slow_after"`
	// PendingBytesMax bounds the records of all requests that are not durable yet (before compression).
	PendingBytesMax int64 `yaml:"pending_bytes_max"`
	// Writers is how many appends may be in flight for each shard.
	Writers int `yaml:"writers"`
}

// DefaultConfig is for one shard. AppendTimeout is below the ten seconds after which OTLP clients give up by default, so
// that they get an answer.
func DefaultConfig() Config {
	return Config{
		Shards:          1,
		MessageBytes:    3 << 20,
		Linger:          5 * time.Millisecond,
		AppendTimeout:   8 * time.Second,
		SlowAfter:       2 * time.Second,
		PendingBytesMax: 128 << 20,
		Writers:         1,
	}
}

// Validate returns every problem, each starting with the key's name.
func (c Config) Validate() []error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(c.Shards >= 1 && c.Shards <= 4096, "shards: want 1 to 4096, have %d", c.Shards)
	check(c.MessageBytes >= 4<<10, "message_bytes: want at least 4096, have %d", c.MessageBytes)
	check(c.Linger >= 0 && c.Linger <= time.Second, "linger: want 0 to 1s, have %s", c.Linger)
	check(c.AppendTimeout >= attemptTimeoutMin, "append_timeout: want at least %s, have %s", attemptTimeoutMin, c.AppendTimeout)
	check(c.SlowAfter > 0 && c.SlowAfter <= c.AppendTimeout, "slow_after: want more than 0 and at most append_timeout (%s), have %s", c.AppendTimeout, c.SlowAfter)
	check(c.PendingBytesMax >= 1<<20, "pending_bytes_max: want at least 1 MiB, have %d", c.PendingBytesMax)
	check(c.Writers >= 1 && c.Writers <= 16, "writers: want 1 to 16, have %d", c.Writers)
	return errs
}
