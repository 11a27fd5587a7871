package faults

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"clew/internal/access/testca"
	"clew/internal/clock"
	"clew/internal/harness"
	"clew/internal/natstest"
	"clew/internal/s3test"
	"clew/query/api"
)

// Binaries are built before anything runs: the network has no way to the outside.
type Binaries struct{ Clew, NATS string }

// The hosts' numbers by name. The checker and the object store are this process.
var hosts = map[string]byte{
	"nats-1": 1, "nats-2": 2, "nats-3": 3, "collector-1": 11, "collector-2": 12, "ingest-1": 21, "ingest-2": 22, "query-1": 31, "query-2": 32,
	"node-1": 41, "checker": 100, "store": 101,
}

// Cluster is everything that runs.
type Cluster struct {
	Network   *Network
	NATS      *natstest.Cluster
	Gateway   *s3test.Gateway
	Store     *s3test.Relay
	Processes map[string]*harness.Process // clews, by name
	oneNode   bool                        // there is a single clew, with a log and segments of its own
	dir       string
	config    string
	binaries  Binaries
	machines  machines
	t         *testing.T
}

const oneNodeConfig = "ingest: {seal_rows: 100000, seal_after: 5s}\n"

// shards is more than there are owners, so that each has some.
const shards = 4

// NewCluster makes a cluster of which the object store runs already. The test's end ends it.
func NewCluster(t *testing.T, network *Network, on machines, b Binaries) *Cluster {
	t.Helper()
	c := &Cluster{Network: network, Processes: map[string]*harness.Process{}, dir: t.TempDir(), binaries: b, machines: on, t: t}
	s3test.SetEnvironment(t)
	c.Gateway = s3test.Start(t)
	c.Store = s3test.NewRelayAt(t, address(hosts["store"])+":9000", c.Gateway.Address)
	ca := testca.New(t)
	cert, key := ca.Issue(t, "clew.internal", 24*time.Hour)
	c.config = fmt.Sprintf(`nats: {replicas: 3}
shards: %d
log: {bytes_max: %d}
ingest: {seal_rows: 100000, seal_after: 5s}
cluster: {tls: {cert_file: %s, key_file: %s, ca_file: %s, name: clew.internal}}
`, shards, shards*(512<<20), cert, key, ca.File)
	return c
}

// serverName is the name of a NATS server's host, by number from 0.
func serverName(i int) string { return fmt.Sprintf("nats-%d", i+1) }

// machines are the hosts by name.
type machines map[string]*Host

// inHost is how a NATS server is started in its host.
func (m machines) inHost(i int, cmd *exec.Cmd) *exec.Cmd {
	line := m[serverName(i)].Command(cmd.Path, cmd.Args[1:]...)
	inside := exec.Command(line[0], line[1:]...)
	inside.Stdout, inside.Stderr, inside.SysProcAttr = cmd.Stdout, cmd.Stderr, cmd.SysProcAttr
	return inside
}

// Run starts all servers and processes, and waits until every shard has an owner and every query process knows.
func (c *Cluster) Run() error {
	c.t.Cleanup(c.Kill)
	if c.oneNode {
		c.config = oneNodeConfig
		if err := c.Launch("node-1"); err != nil {
			return err
		}
		return c.Ready(time.Minute)
	}
	if err := os.MkdirAll(c.logDir(), 0o750); err != nil {
		return err
	}
	options := natstest.Options{Dir: c.logDir(), Servers: 3, Binary: c.binaries.NATS, Command: c.machines.inHost}
	for i := range 3 {
		options.Hosts = append(options.Hosts, address(hosts[serverName(i)]))
	}
	var err error
	if c.NATS, err = natstest.Start(options); err != nil {
		return err
	}
	// A power cut is not about what was written when the servers were made.
	for _, s := range c.NATS.Servers {
		if err := run("sync", "-f", s.Dir); err != nil {
			return err
		}
	}
	for _, name := range []string{"collector-1", "collector-2", "ingest-1", "ingest-2", "query-1", "query-2"} {
		if err := c.Launch(name); err != nil {
			return err
		}
	}
	if err := c.Ready(time.Minute); err != nil {
		return err
	}
	return c.waitShared(time.Minute)
}

// waitShared waits until both ingest processes have shards: who starts first has all of them for some seconds.
func (c *Cluster) waitShared(within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	for {
		status, err := Status(ctx, c.Of("query")[0])
		if err == nil && owned(status, "") {
			owners := map[string]int{}
			for _, shard := range status.List {
				owners[shard.Owner]++
			}
			if owners["ingest-1"] == shards/2 && owners["ingest-2"] == shards/2 {
				return nil
			}
		}
		select {
		case <-time.After(askEvery):
		case <-ctx.Done():
			return fmt.Errorf("the shards are not shared out: %+v: %w", status, err)
		}
	}
}

// logDir is the directory of all NATS servers' directories.
func (c *Cluster) logDir() string { return filepath.Join(c.dir, "log") }

// Ready waits until all that runs is ready and all shards are owned.
func (c *Cluster) Ready(within time.Duration) error {
	for name, p := range c.Processes {
		if err := p.WaitReady(within); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	for _, p := range c.Of("query") {
		for !c.oneNode {
			status, err := Status(ctx, p)
			if err == nil && owned(status, "") {
				break
			}
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
				return fmt.Errorf("the shards have no owners: %+v: %w", status, err)
			}
		}
	}
	return nil
}

// Launch starts a clew on its data, for the first time or again, and does not wait for it.
func (c *Cluster) Launch(name string) error {
	data := filepath.Join(c.dir, name)
	config := data + ".yaml"
	if err := os.WriteFile(config, []byte(c.config), 0o600); err != nil {
		return err
	}
	at := func(port int) string { return fmt.Sprintf("%s:%d", address(hosts[name]), port) }
	role, _, _ := strings.Cut(name, "-")
	args := []string{"env", clock.Variable + "=" + c.clockFile(name), c.binaries.Clew, "run", "--data", data, "--config", config, "--http", at(7400), "--otlp-grpc", at(4317), "--otlp-http", at(4318)}
	if err := c.SetClock(name, 0); err != nil {
		return err
	}
	if !c.oneNode {
		args = append(args, "--role", role, "--name", name, "--nats", strings.Join(c.NATS.URLs(), ","), "--store", s3test.URL(c.Store.Address, "clew"), "--flight", at(7401))
	}
	line := c.machines[name].Command(args[0], args[1:]...)
	p, err := harness.StartOther(line[0], line[1:], data, at(7400), at(4318), "/readyz")
	if err != nil {
		return err
	}
	c.Processes[name] = p
	return nil
}

func (c *Cluster) clockFile(name string) string { return filepath.Join(c.dir, name+".clock") }

// SetClock makes a clew's clock wrong, within a second. One that is started has a right one.
func (c *Cluster) SetClock(name string, offset time.Duration) error {
	return os.WriteFile(c.clockFile(name), []byte(offset.String()), 0o600)
}

// Of are the processes of a role.
func (c *Cluster) Of(role string) []*harness.Process {
	if c.oneNode {
		return []*harness.Process{c.Processes["node-1"]}
	}
	return []*harness.Process{c.Processes[role+"-1"], c.Processes[role+"-2"]}
}

// Kill ends everything but the object store, at once.
func (c *Cluster) Kill() {
	for _, p := range c.Processes {
		p.Kill()
	}
	if c.NATS != nil {
		c.NATS.Kill()
	}
}

// dumpOutput logs the last of what all have printed.
func (c *Cluster) dumpOutput() {
	for name, p := range c.Processes {
		text := p.Output()
		c.t.Logf("%s:\n%s", name, text[max(0, len(text)-outputBytesMax):])
	}
}

// Cut cuts a host off from all others but the checker, which only sends and asks: what it says it does not hear (out), what they say it does not (in), or both. Without
// either it is back.
func (c *Cluster) Cut(name string, in, out bool) {
	for other, number := range hosts {
		if other == name || other == "checker" {
			continue
		}
		c.Network.Between(hosts[name], number, Link{Cut: out})
		c.Network.Between(number, hosts[name], Link{Cut: in})
	}
}

// Everywhere sets all links between hosts but the checker's.
func (c *Cluster) Everywhere(l Link) {
	for a, from := range hosts {
		for b, to := range hosts {
			if a != b && a != "checker" && b != "checker" {
				c.Network.Between(from, to, l)
			}
		}
	}
}

// Status is the cluster as a process sees it.
func Status(ctx context.Context, p *harness.Process) (*api.Cluster, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var status api.Cluster
	return &status, p.Get(ctx, "/api/v1/cluster", nil, &status)
}

// owned says whether every shard has an owner that has read its log and is not the one who is named.
func owned(s *api.Cluster, lost string) bool {
	return s.Known && len(s.List) == shards && !slices.ContainsFunc(s.List, func(s api.ClusterShard) bool { return s.Owner == "" || s.Owner == lost || !s.CaughtUp })
}

// Leader is the NATS server that leads the stream of shard 0, by number from 0.
func (c *Cluster) Leader() (int, error) {
	nc, err := nats.Connect(strings.Join(c.NATS.URLs(), ","), nats.Timeout(5*time.Second))
	if err != nil {
		return 0, err
	}
	defer nc.Close()
	js, err := nc.JetStream(nats.MaxWait(5 * time.Second))
	if err != nil {
		return 0, err
	}
	info, err := js.StreamInfo("CLEW_LOG_0")
	if err != nil {
		return 0, err
	}
	for i, s := range c.NATS.Servers {
		if info.Cluster != nil && info.Cluster.Leader == s.Name {
			return i, nil
		}
	}
	return 0, fmt.Errorf("no leader: %+v", info.Cluster)
}
