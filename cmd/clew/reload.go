package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"
	"golang.org/x/sys/unix"

	"clew/ingest/retention"
)

// reloader reads the configuration file again at SIGHUP. What says how much is kept and how much tenants may send takes effect at once; whatever else has
// changed is named, and waits for a restart. A configuration with a problem is refused as a whole, and the former one goes on holding.
type reloader struct {
	load    func() (Config, error) // file and flags, validated
	former  Config                 // what holds, as load gave it
	hangups chan os.Signal
}

// newReloader takes SIGHUP for itself: until then it ends clew, as it does for commands and where there is no file to read again.
func newReloader(first Config, load func() (Config, error)) *reloader {
	r := &reloader{load: load, former: first, hangups: make(chan os.Signal, 1)}
	r.take()
	return r
}

// take makes the reloader the only one that hears SIGHUP. In between it is ignored: nobody hearing it would end the process.
func (r *reloader) take() {
	signal.Ignore(syscall.SIGHUP)
	signal.Notify(r.hangups, syscall.SIGHUP)
}

// takeAgainAfter is how long after it has begun to run the embedded Collector has asked for SIGHUP. It can't be told not to, and would close and open all its
// ports at each to take on a configuration that has not changed.
const takeAgainAfter = time.Second

// reloadable are the keys that need no restart.
var reloadable = []string{"access", "tenants", "ingest.retention"}

// run reloads until ctx ends.
func (r *reloader) run(ctx context.Context, p *process) {
	reloads := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "clew", Subsystem: "config", Name: "reloads_total", Help: "Times that the configuration file was read again, by whether it was taken.",
	}, []string{"result"})
	p.registry.MustRegister(reloads)
	for _, result := range []string{"taken", "refused"} {
		reloads.WithLabelValues(result)
	}
	var ready <-chan struct{} // of the embedded Collector, which takes SIGHUP for itself then
	if p.collector != nil {
		ready = p.collector.Ready()
	}
	var again <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-ready:
			ready, again = nil, time.After(takeAgainAfter)
			continue
		case <-again:
			r.take()
			continue
		case <-r.hangups:
		}
		if p.rules != nil {
			p.reread()
		}
		if err := r.reload(p); err != nil {
			reloads.WithLabelValues("refused").Inc()
			p.logger.Error("the configuration is refused; the former one goes on holding", "error", strings.ReplaceAll(err.Error(), "\n", "; "))
			continue
		}
		reloads.WithLabelValues("taken").Inc()
	}
}

func (r *reloader) reload(p *process) error {
	next, err := r.load()
	if err != nil {
		return err
	}
	changed, err := changedKeys(&r.former, &next)
	if err != nil {
		return err
	}
	policy, err := retentionFor(next, p.cfg.Data)
	if err != nil {
		return err
	}
	if err := p.doors.reload(next.Access); err != nil {
		return err
	}
	if p.ingest != nil {
		p.ingest.SetRetention(policy)
	}
	if p.collector != nil {
		p.collector.SetTenants(next.Tenants)
	}
	// What waits for a restart is named again at the next reload: it still waits.
	r.former.Tenants, r.former.Ingest.Retention, r.former.Access = next.Tenants, next.Ingest.Retention, next.Access
	taken, waiting := []string{}, []string{}
	for _, key := range changed {
		if slices.ContainsFunc(reloadable, func(of string) bool { return key == of || strings.HasPrefix(key, of+".") }) {
			taken = append(taken, key)
		} else {
			waiting = append(waiting, key)
		}
	}
	level := slog.LevelInfo
	if len(waiting) > 0 {
		level = slog.LevelWarn
	}
	p.logger.Log(context.Background(), level, "the configuration was read again", "changed", strings.Join(taken, " "), "need_a_restart", strings.Join(waiting, " "))
	return nil
}

// changedKeys names the keys in which two configurations differ, sorted.
func changedKeys(a, b *Config) ([]string, error) {
	flat := func(c *Config) (map[string]string, error) {
		text, err := c.YAML()
		if err != nil {
			return nil, err
		}
		var tree map[string]any
		if err := yaml.Unmarshal(text, &tree); err != nil {
			return nil, err
		}
		keys := map[string]string{}
		flatten(keys, "", tree)
		return keys, nil
	}
	before, err := flat(a)
	if err != nil {
		return nil, err
	}
	after, err := flat(b)
	if err != nil {
		return nil, err
	}
	changed := map[string]bool{}
	for key, value := range before {
		if other, is := after[key]; !is || other != value {
			changed[key] = true
		}
	}
	for key := range after {
		if _, was := before[key]; !was {
			changed[key] = true
		}
	}
	return slices.Sorted(maps.Keys(changed)), nil
}

// flatten puts what is in a tree under its keys' paths.
func flatten(keys map[string]string, path string, tree any) {
	m, ok := tree.(map[string]any)
	if !ok {
		keys[path] = fmt.Sprintf("%v", tree)
		return
	}
	for key, value := range m {
		if path != "" {
			key = path + "." + key
		}
		flatten(keys, key, value)
	}
}

// retentionFor is the retention of a configuration, with the default bound on bytes, which depends on the disk. A store that is not a directory has no disk.
func retentionFor(cfg Config, data string) (retention.Policy, error) {
	policy := cfg.Ingest.Retention
	if cfg.Store != "" || policy.TotalBytes != retention.Default().TotalBytes {
		return policy, nil
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(data, &fs); err != nil {
		return policy, fmt.Errorf("size of the disk of %s: %w", data, err)
	}
	policy.TotalBytes = retention.TotalBytesFor(int64(fs.Blocks) * fs.Bsize)
	return policy, nil
}
