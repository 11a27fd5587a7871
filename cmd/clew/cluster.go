package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"clew/index/catalog"
	"clew/ingest/datadir"
	"clew/ingest/shardlog"
	"clew/internal/access/between"
)

// ClusterConfig says how this process stands among others. It means nothing while the log is embedded.
type ClusterConfig struct {
	// Name is what people call this process, unique in the cluster; empty: the host's name and the port of UI and API.
	Name string `yaml:"name"`
	// LeaseTTL is after how long a shard has no owner when its owner has vanished. What the first process said holds for all.
	LeaseTTL time.Duration `yaml:"lease_ttl"`
	// Flight is where other processes ask this one for its share of their queries; TLS is what processes show each other there.
	Flight string         `yaml:"flight"`
	TLS    between.Config `yaml:"tls,omitempty"`
	// Insecure lets Flight be on other addresses than loopback without TLS, where whoever reaches it reads the records of all tenants.
	Insecure bool `yaml:"insecure,omitempty"`
}

func defaultClusterConfig() ClusterConfig {
	return ClusterConfig{LeaseTTL: shardlog.LeaseTTLDefault, Flight: "127.0.0.1:0"}
}

// validateCluster reports what is wrong with the keys roles, nats and cluster.
func (c *Config) validateCluster(bad func(key, format string, args ...any)) {
	embedded := !c.NATS.Given()
	if err := c.Roles.validate(embedded); err != nil {
		bad("roles", "%v", err)
	}
	for _, err := range c.NATS.Validate() {
		bad("nats", "%v", err)
	}
	if !embedded && c.Store == "" {
		bad("store", "want the URL of an object store: the processes that share a log share the segments")
	}
	if _, _, err := net.SplitHostPort(c.Cluster.Flight); err != nil {
		bad("cluster.flight", "%v", err)
	} else if !embedded && !isLoopback(c.Cluster.Flight) && !c.Cluster.TLS.On() && !c.Cluster.Insecure {
		bad("cluster.flight", "%s: whoever reaches it reads the records of all tenants: give the processes certificates (cluster.tls), or say cluster.insecure: true where nobody else reaches it", c.Cluster.Flight)
	}
	for _, err := range c.Cluster.TLS.Validate() {
		bad("cluster.tls", "%v", err)
	}
	const leaseLeast, leaseMost = 2 * time.Second, time.Minute
	if ttl := c.Cluster.LeaseTTL; ttl < leaseLeast || ttl > leaseMost {
		bad("cluster.lease_ttl", "%v: want %v to %v", ttl, leaseLeast, leaseMost)
	}
}

// theLog is the shard log, within this process or elsewhere.
type theLog interface {
	shardlog.Log
	shardlog.Commits
	shardlog.Leases
	// Shards is how many shards records are spread over, ShardsStored how many there are.
	Shards() int
	ShardsStored() int
	Stats() shardlog.Stats
	Run(ctx context.Context) error
	Close() error
}

var (
	_ theLog = (*shardlog.Embedded)(nil)
	_ theLog = (*shardlog.Cluster)(nil)
)

// openLog opens the log, which makes the data directory this process's own.
func (p *process) openLog(ctx context.Context) error {
	cfg := shardlog.Config{
		Dir: datadir.LogDir(p.cfg.Data), Shards: p.cfg.Shards, LogBytesMax: p.cfg.Log.BytesMax, FreeBytesMin: p.cfg.Log.FreeBytesMin,
		Logger: p.logger.With("part", "log"),
	}
	if !p.cfg.NATS.Given() {
		log, err := shardlog.Open(ctx, cfg)
		if err == nil { // a nil *Embedded in an interface would not be nil
			p.log = log
		}
		return err
	}
	if err := os.MkdirAll(cfg.Dir, 0o750); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	var err error
	if p.lock, err = shardlog.LockDir(cfg.Dir); err != nil {
		return fmt.Errorf("data directory %s: %w", p.cfg.Data, err)
	}
	if entries, err := os.ReadDir(filepath.Join(cfg.Dir, "nats")); err == nil && len(entries) > 0 {
		return fmt.Errorf("data directory %s has an embedded log of its own: give this process another one (--data)", p.cfg.Data)
	}
	cfg.FloorOf = func(data []byte) (shardlog.Position, error) {
		cm, err := catalog.DecodeCommit(data)
		return cm.Floor, err
	}
	cfg.Servers, cfg.LeaseTTL = p.cfg.NATS, p.cfg.Cluster.LeaseTTL
	if p.cluster, err = shardlog.Connect(ctx, cfg); err != nil {
		return err
	}
	p.log = p.cluster
	if n := p.cluster.Shards(); n != p.cfg.Shards {
		p.logger.Info("the cluster has another count of shards than the configuration, and the cluster's holds (see clew cluster shards)", "shards", n, "configured", p.cfg.Shards)
		p.setShards(n)
	}
	return nil
}

// setShards makes n the count of shards for all parts that are still to be made.
func (p *process) setShards(n int) {
	p.cfg.Shards, p.cfg.Collector.Log.Shards = n, n
}

// name is what this process is called among others.
func (p *process) name() (string, error) {
	if p.cfg.Cluster.Name != "" {
		return p.cfg.Cluster.Name, nil
	}
	host, err := os.Hostname()
	if err != nil {
		return "", err
	}
	return host + p.cfg.HTTP[max(0, strings.LastIndexByte(p.cfg.HTTP, ':')):], nil
}
