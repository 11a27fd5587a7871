package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"clew/collector"
	"clew/collector/quota"
	"clew/ingest"
	"clew/ingest/shardlog"
	"clew/internal/access"
	"clew/internal/access/tlsfiles"
	"clew/internal/strictyaml"
)

// Config is clew.yaml. Every key has a default; the file overrides it, and flags override the file.
type Config struct {
	Data   string `yaml:"data"`   // directory of everything clew keeps
	HTTP   string `yaml:"http"`   // UI and API
	Shards int    `yaml:"shards"` // of the log; may change at any time
	Store  string `yaml:"store"`  // of segments: s3://, gs:// or azblob://; empty: the directory data/segments
	// Roles are what this process does; NATS and Cluster are for those that share the work with others (docs/cluster.md).
	Roles   Roles            `yaml:"roles"`
	NATS    shardlog.Servers `yaml:"nats"` // where the log is; no urls: in this process
	Cluster ClusterConfig    `yaml:"cluster"`
	// MemoryLimitBytes is Go's soft limit; 0: three quarters of what the machine or container has; -1: none.
	MemoryLimitBytes int64 `yaml:"memory_limit_bytes"`

	// TLS is that of UI and API, and of every other listener that has none of its own. Access says who may ask and send (docs/security.md).
	TLS    *tlsfiles.Server `yaml:"tls,omitempty"`
	Access access.Config    `yaml:"access"`

	Collector    collector.Config   `yaml:"collector"`
	Tenants      quota.Config       `yaml:"tenants"` // what each may send
	Log          LogConfig          `yaml:"log"`
	Ingest       ingest.Config      `yaml:"ingest"`
	Query        QueryConfig        `yaml:"query"`
	Rules        RulesConfig        `yaml:"rules"`        // that are evaluated
	Alertmanager AlertmanagerConfig `yaml:"alertmanager"` // that alerts go to
	Remote       RemoteConfig       `yaml:"remote"`       // what is kept here of a store that is not a directory
}

// shardsMax bounds the shards: each is a stream with files of its own.
const shardsMax = 1024

// LogConfig bounds the shard log.
type LogConfig struct {
	// BytesMax bounds all shards' streams together; full, senders are told to wait.
	BytesMax int64 `yaml:"bytes_max"`
	// FreeBytesMin must stay free on the log's disk; below it senders are told to wait. 0: the larger of 1 GiB and 5 % of the disk.
	FreeBytesMin int64 `yaml:"free_bytes_min"`
}

// QueryConfig bounds queries.
type QueryConfig struct {
	Timeout     time.Duration `yaml:"timeout"`
	Concurrency int           `yaml:"concurrency"` // queries that read much, at once; further ones wait
	CacheBytes  int64         `yaml:"cache_bytes"` // of decoded columns
	// MemoryBytes is what one query may take at once, MemoryTotalBytes what all together may, beside the cache.
	MemoryBytes      int64 `yaml:"memory_bytes"`
	MemoryTotalBytes int64 `yaml:"memory_total_bytes"`
	// ScanBytesMax is how many bytes of decoded columns a query may have to look at; one that needs more is refused before it begins.
	ScanBytesMax int64 `yaml:"scan_bytes_max"`
}

// DefaultConfig listens on loopback only.
func DefaultConfig() Config {
	return Config{
		Data:      "clew-data",
		HTTP:      "127.0.0.1:7400",
		Shards:    1,
		Roles:     slices.Clone(allRoles),
		NATS:      shardlog.DefaultServers(),
		Cluster:   defaultClusterConfig(),
		Access:    access.DefaultConfig(),
		Collector: collector.DefaultConfig(),
		Tenants:   quota.DefaultConfig(),
		Log:       LogConfig{BytesMax: 8 << 30},
		Ingest:    ingest.DefaultConfig(),
		Rules:     defaultRulesConfig(),
		Remote:    defaultRemoteConfig(),
		Query:     QueryConfig{Timeout: 60 * time.Second, Concurrency: 16, CacheBytes: 256 << 20, MemoryBytes: 512 << 20, MemoryTotalBytes: 1 << 30, ScanBytesMax: 64 << 30},
	}
}

// Validate returns every problem, each with its key, and hands the values that several parts share to each of them.
func (c *Config) Validate() error {
	c.Ingest.Shards = c.Shards
	c.Collector.Log.Shards = c.Shards
	c.Collector.Tenants = c.Tenants
	shareTLS(c.TLS, &c.Collector)
	var problems []error
	bad := func(key, format string, args ...any) {
		problems = append(problems, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
	}
	if c.Data == "" {
		bad("data", "want a directory")
	}
	if _, _, err := net.SplitHostPort(c.HTTP); err != nil {
		bad("http", "%q: want host:port, such as 127.0.0.1:7400: %v", c.HTTP, err)
	}
	if c.Shards < 1 || c.Shards > shardsMax {
		bad("shards", "%d: want 1 to %d", c.Shards, shardsMax)
	} else if least := int64(c.Shards) * 16 << 20; c.Log.BytesMax < least {
		bad("log.bytes_max", "%d: want at least 16 MiB a shard, %d", c.Log.BytesMax, least)
	}
	if c.Log.FreeBytesMin < 0 {
		bad("log.free_bytes_min", "%d: want 0 or more", c.Log.FreeBytesMin)
	}
	const memoryLeast = 128 << 20
	if n := c.MemoryLimitBytes; n != 0 && n != -1 && n < memoryLeast {
		bad("memory_limit_bytes", "%d: want at least %d, 0 (three quarters of what there is) or -1 (no limit)", n, memoryLeast)
	}
	validateAccess(&c.Access, c.TLS, &c.Collector, bad)
	for _, err := range c.Collector.Validate() {
		bad("collector", "%v", err)
	}
	for _, err := range c.Rules.Validate() {
		problems = append(problems, fmt.Errorf("rules.%w", err))
	}
	for _, err := range c.Alertmanager.Validate() {
		problems = append(problems, fmt.Errorf("alertmanager.%w", err))
	}
	for _, err := range c.Tenants.Validate() {
		problems = append(problems, fmt.Errorf("tenants.%w", err))
	}
	if err := c.Ingest.Validate(); err != nil {
		for line := range strings.Lines(err.Error()) {
			bad("ingest", "%s", strings.TrimSpace(line))
		}
	}
	if c.Query.Timeout < 10*time.Millisecond {
		bad("query.timeout", "%v: want at least 10ms", c.Query.Timeout)
	}
	if c.Query.Concurrency < 1 {
		bad("query.concurrency", "%d: want at least 1", c.Query.Concurrency)
	}
	if c.Query.CacheBytes < 0 {
		bad("query.cache_bytes", "%d: want 0 or more", c.Query.CacheBytes)
	}
	const memoryBytesMin = 16 << 20 // the columns of one row group
	if c.Query.MemoryBytes < memoryBytesMin || c.Query.MemoryBytes > c.Query.MemoryTotalBytes {
		bad("query.memory_bytes", "%d: want 16 MiB to query.memory_total_bytes, %d", c.Query.MemoryBytes, c.Query.MemoryTotalBytes)
	}
	if c.Query.ScanBytesMax < 1 {
		bad("query.scan_bytes_max", "%d: want at least 1", c.Query.ScanBytesMax)
	}
	c.validateStore(bad)
	c.validateCluster(bad)
	return errors.Join(problems...)
}

// LoadConfig is the defaults with file's overrides ("" is none). It is not validated: flags may come on top.
func LoadConfig(file string) (Config, error) {
	c := DefaultConfig()
	if file == "" {
		return c, nil
	}
	data, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return c, fmt.Errorf("configuration: %w", err)
	}
	return c, strictyaml.Decode(file, data, &c)
}

// YAML is the configuration as a file that means the same.
func (c *Config) YAML() ([]byte, error) { return yaml.Marshal(c) }
