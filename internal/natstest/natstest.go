// Package natstest runs real NATS clusters for tests: server processes on loopback ports with data of their own, that can be killed, stopped where they are, and
// started again on the same data.
package natstest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

	"clew/internal/harness"
)

// Options say which servers run.
type Options struct {
	Dir     string // for data, configuration and the binary
	Servers int    // 1 or 3
	// SyncInterval is the servers' sync_interval; empty: always.
	SyncInterval string
	// Hosts are the addresses that the servers listen on, one each; nil: 127.0.0.1 for all.
	Hosts []string
	// Binary is a NATS server; empty: one is built.
	Binary string
	// Command changes how a server is started, such as in another network namespace. Nil: as it is.
	Command func(server int, cmd *exec.Cmd) *exec.Cmd
}

// Cluster is the servers.
type Cluster struct {
	Servers []*Server
}

// Server is one process.
type Server struct {
	URL    string // nats://host:port
	Name   string
	Dir    string // of its data
	number int
	config string
	opts   Options
	cmd    *exec.Cmd
	done   chan struct{}
	output bytes.Buffer
}

// Build builds the server into dir.
func Build(dir string) (string, error) {
	out := filepath.Join(dir, "natsserver")
	if text, err := exec.Command("go", "build", "-o", out, "clew/internal/natstest/natsserver").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the NATS server: %w\n%s", err, text)
	}
	return out, nil
}

// Start runs a cluster and waits until JetStream has a leader. The caller ends it with Kill.
func Start(o Options) (*Cluster, error) {
	if o.SyncInterval == "" {
		o.SyncInterval = "always"
	}
	if o.Binary == "" {
		var err error
		if o.Binary, err = Build(o.Dir); err != nil {
			return nil, err
		}
	}
	c := &Cluster{}
	clients, routes, err := addresses(o)
	if err != nil {
		return nil, err
	}
	for i := range o.Servers {
		s := &Server{URL: "nats://" + clients[i], Name: fmt.Sprintf("nats-%d", i+1), Dir: filepath.Join(o.Dir, fmt.Sprintf("nats-%d", i+1)), number: i, opts: o}
		s.config = s.Dir + ".conf"
		if err := os.WriteFile(s.config, []byte(s.configuration(clients[i], routes)), 0o600); err != nil {
			return nil, err
		}
		c.Servers = append(c.Servers, s)
	}
	for _, s := range c.Servers {
		if err := s.Start(); err != nil {
			c.Kill()
			return nil, err
		}
	}
	if err := c.WaitReady(30 * time.Second); err != nil {
		c.Kill()
		return nil, err
	}
	return c, nil
}

// addresses are host:port of clients and of routes.
func addresses(o Options) (clients, routes []string, err error) {
	free, err := harness.FreePorts(2 * o.Servers)
	if err != nil {
		return nil, nil, err
	}
	clients, routes = free[:o.Servers], free[o.Servers:]
	for i, host := range o.Hosts { // of other network namespaces, where all ports are free
		for _, address := range []*string{&clients[i], &routes[i]} {
			_, port, err := net.SplitHostPort(*address)
			if err != nil {
				return nil, nil, err
			}
			*address = net.JoinHostPort(host, port)
		}
	}
	return clients, routes, nil
}

func (s *Server) configuration(client string, routes []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "server_name: %s\nlisten: %s\nmax_payload: 8MB\nmax_pending: 128MB\n", s.Name, client)
	fmt.Fprintf(&b, "jetstream { store_dir: %q, sync_interval: %s, max_file_store: 64GB, max_memory_store: 256MB }\n", s.Dir, s.opts.SyncInterval)
	if len(routes) > 1 {
		fmt.Fprintf(&b, "cluster { name: clew, listen: %s, routes: [", routes[s.number])
		for i, r := range routes {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "%q", "nats://"+r)
		}
		b.WriteString("] }\n")
	}
	return b.String()
}

// Start runs the server, on what data it has.
func (s *Server) Start() error {
	cmd := exec.Command(s.opts.Binary, "-c", s.config)
	s.output.Reset()
	cmd.Stdout, cmd.Stderr = &s.output, &s.output
	// The server must not outlive a test process that is killed.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if s.opts.Command != nil {
		cmd = s.opts.Command(s.number, cmd)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", s.Name, err)
	}
	s.cmd, s.done = cmd, make(chan struct{})
	go func(done chan struct{}) {
		_ = cmd.Wait() // how it ended is its caller's doing
		close(done)
	}(s.done)
	return nil
}

// Kill ends the server with SIGKILL and waits for its end. Its data stays.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill() // fails only if it has ended
	<-s.done
}

// Stop asks the server to end, and waits for its end. Its data stays, with what a server writes down when it is asked.
func (s *Server) Stop(timeout time.Duration) error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop %s: %w", s.Name, err)
	}
	select {
	case <-s.done:
		return nil
	case <-time.After(timeout):
		return fmt.Errorf("stop %s: it runs after %s", s.Name, timeout)
	}
}

// Pause stops the process where it is; Resume lets it go on.
func (s *Server) Pause() error { return s.cmd.Process.Signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (s *Server) Resume() error { return s.cmd.Process.Signal(syscall.SIGCONT) }

// PID is the process's.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Kill ends all servers.
func (c *Cluster) Kill() {
	var wg sync.WaitGroup
	for _, s := range c.Servers {
		wg.Go(s.Kill)
	}
	wg.Wait()
}

// URLs are the servers' addresses.
func (c *Cluster) URLs() []string {
	var urls []string
	for _, s := range c.Servers {
		urls = append(urls, s.URL)
	}
	return urls
}

// WaitReady waits until JetStream answers.
func (c *Cluster) WaitReady(timeout time.Duration) error {
	deadline := time.Now().Add(timeout)
	for {
		err := c.ready()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("NATS is not ready after %s: %w\n%s", timeout, err, c.Servers[0].output.String())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// ready asks each server for what only a cluster with a leader answers.
func (c *Cluster) ready() error {
	for _, s := range c.Servers {
		nc, err := nats.Connect(s.URL, nats.Timeout(time.Second))
		if err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		js, err := nc.JetStream(nats.MaxWait(time.Second))
		if err == nil {
			_, err = js.AccountInfo()
		}
		nc.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return nil
}

// DeleteStreams deletes all streams.
func (c *Cluster) DeleteStreams() error {
	nc, err := nats.Connect(strings.Join(c.URLs(), ","), nats.Timeout(5*time.Second))
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := nc.JetStream(nats.MaxWait(10 * time.Second))
	if err != nil {
		return err
	}
	for name := range js.StreamNames() {
		if err := js.DeleteStream(name); err != nil {
			return fmt.Errorf("delete stream %s: %w", name, err)
		}
	}
	return nil
}
