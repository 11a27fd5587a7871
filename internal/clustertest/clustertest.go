// Package clustertest runs whole clusters of real processes for tests: NATS servers, and clews in roles, on loopback and on data directories of their own. What is
// tested kills, stops and starts them.
package clustertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"clew/internal/harness"
	"clew/internal/natstest"
	"clew/query/api"
)

// Options say what runs.
type Options struct {
	Dir     string // for the data of all
	Binary  string // clew
	NATS    natstest.Options
	Store   string // URL of the segments; credentials are in the environment
	Shards  int
	Roles   map[string]int // processes by role, or several roles with commas between
	Config  string         // YAML for all clews, optional
	Log     io.Writer
	Timeout time.Duration // for each process to be ready; 0: a minute
}

// Cluster is what runs. Processes are by name: the role and a number, "ingest-1".
type Cluster struct {
	NATS      *natstest.Cluster
	Processes map[string]*harness.Process
	opts      Options
	roles     map[string]string // by name
}

// Start runs a cluster and returns when all are ready. The caller ends it with Kill.
func Start(o Options) (*Cluster, error) {
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	if o.NATS.Dir == "" {
		o.NATS.Dir = o.Dir
	}
	if o.NATS.Servers == 0 {
		o.NATS.Servers = 3
	}
	nats, err := natstest.Start(o.NATS)
	if err != nil {
		return nil, err
	}
	c := &Cluster{NATS: nats, Processes: map[string]*harness.Process{}, opts: o, roles: map[string]string{}}
	for role, n := range o.Roles {
		for i := range n {
			name := fmt.Sprintf("%s-%d", strings.ReplaceAll(role, ",", "-"), i+1)
			c.roles[name] = role
			if err := c.Run(name); err != nil {
				c.Kill()
				return nil, err
			}
		}
	}
	for name, p := range c.Processes {
		if err := p.WaitReady(o.Timeout); err != nil {
			c.Kill()
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return c, nil
}

// Run starts a process, for the first time or again on its data. It does not wait.
func (c *Cluster) Run(name string) error { return c.RunBinary(name, c.opts.Binary) }

// RunBinary is Run with another version of clew.
func (c *Cluster) RunBinary(name, binary string) error {
	replicas := 1
	if len(c.NATS.Servers) >= 3 {
		replicas = 3
	}
	config := fmt.Sprintf("nats: {replicas: %d}\nshards: %d\nlog: {bytes_max: %d}\n%s", replicas, max(1, c.opts.Shards), max(1, c.opts.Shards)*(256<<20), c.opts.Config)
	p, err := harness.Start(harness.Options{
		Binary: binary, Data: filepath.Join(c.opts.Dir, name), Config: config, Log: c.opts.Log,
		Args: []string{"--role", c.roles[name], "--nats", strings.Join(c.NATS.URLs(), ","), "--store", c.opts.Store, "--name", name},
	})
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	c.Processes[name] = p
	return nil
}

// Kill ends everything with SIGKILL.
func (c *Cluster) Kill() {
	for _, p := range c.Processes {
		p.Kill()
	}
	c.NATS.Kill()
}

// Of are the processes that have a role, by name.
func (c *Cluster) Of(role string) []*harness.Process {
	var names []string
	for name, roles := range c.roles {
		if slices.Contains(strings.Split(roles, ","), role) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	list := make([]*harness.Process, len(names))
	for i, name := range names {
		list[i] = c.Processes[name]
	}
	return list
}

// Status is the cluster as a process sees it.
func (c *Cluster) Status(ctx context.Context, of *harness.Process) (*api.Cluster, error) {
	var status api.Cluster
	return &status, of.Get(ctx, "/api/v1/cluster", url.Values{}, &status)
}

// WaitOwned waits until every shard has an owner that has read its log, as a process sees it, and all is as ok says (nil: so).
func (c *Cluster) WaitOwned(ctx context.Context, of *harness.Process, ok func(*api.Cluster) error) (*api.Cluster, error) {
	for {
		status, err := c.Status(ctx, of)
		if err == nil {
			err = owned(status)
		}
		if err == nil && ok != nil {
			err = ok(status)
		}
		if err == nil {
			return status, nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return status, fmt.Errorf("wait for owners: %w", errors.Join(ctx.Err(), err))
		}
	}
}

func owned(c *api.Cluster) error {
	if !c.Known {
		return errors.New("it does not know the others yet")
	}
	for _, s := range c.List {
		if s.Owner == "" || !s.CaughtUp {
			return fmt.Errorf("shard %d: owner %q, caught up: %v", s.Shard, s.Owner, s.CaughtUp)
		}
	}
	return nil
}

// SendLogs sends n log records to a collector in one request, each with a body "NAME NUMBER" of its own from first on, and a trace id, which spreads them over the
// shards. A nil error is the acknowledgement.
func SendLogs(ctx context.Context, to *harness.Process, name string, first, n int) error {
	var b bytes.Buffer
	b.WriteString(`{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"checker"}}]},"scopeLogs":[{"logRecords":[`)
	now := strconv.FormatInt(time.Now().UnixNano(), 10)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"timeUnixNano":"%s","severityNumber":9,"traceId":"%032x","body":{"stringValue":"%s %d"}}`, now, (first+i)*2654435761+1, name, first+i)
	}
	b.WriteString(`]}]}]}`)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+to.OTLP+"/v1/logs", &b)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", res.Status, body)
	}
	return err
}

// Count is how many log records of the checker's a query process finds. partial says what the answer lacks.
func Count(ctx context.Context, of *harness.Process, query string) (n int, partial []string, err error) {
	var answer struct {
		Count int `json:"count"`
		Stats struct {
			Reasons []string `json:"reasons"`
		} `json:"stats"`
	}
	err = of.Get(ctx, "/api/v1/count", url.Values{"query": {query}, "signal": {"logs"}}, &answer)
	return answer.Count, answer.Stats.Reasons, err
}
