package faults

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"clew/ingest/shardlog"
	"clew/internal/natstest"
	"clew/query/alert/shared"
)

// newServers are three NATS servers without any data, in hosts of their own.
func newServers(t *testing.T, m *room) *natstest.Cluster {
	t.Helper()
	options := natstest.Options{Dir: t.TempDir(), Servers: 3, Binary: filepath.Join(os.Getenv(inside), "natsserver"), Command: m.inHost}
	for i := range 3 {
		options.Hosts = append(options.Hosts, address(hosts[serverName(i)]))
	}
	c, err := natstest.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Heal(); c.Kill() })
	return c
}

// jetStream asks the first of the servers.
func jetStream(t *testing.T, c *natstest.Cluster) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(c.Servers[0].URL, nats.Timeout(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// connectLog is what a process with a log on these servers does first.
func connectLog(t *testing.T, servers []string, shards int) (*shardlog.Cluster, error) {
	return shardlog.Connect(t.Context(), shardlog.Config{
		Servers: shardlog.Servers{URLs: servers, Replicas: 3}, Shards: shards, LogBytesMax: 1 << 30, LeaseTTL: 6 * time.Second,
	})
}

// TestFirstStart: what starts at the same time on new, slow servers agrees, and nothing ends because something is not there yet.
func TestFirstStart(t *testing.T) {
	m := theMachines(t)
	c := newServers(t, m)

	t.Run("count of shards", func(t *testing.T) {
		// The streams are there, and nobody has said yet how many shards there are to be.
		one, err := connectLog(t, c.URLs(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := one.Close(); err != nil {
			t.Error(err)
		}
		settings, err := jetStream(t, c).Stream(t.Context(), "CLEW_SETTINGS")
		if err != nil {
			t.Fatal(err)
		}
		if err := settings.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		// What one server has taken the others have three times the delay later. Until then they answer that somebody else is setting the count, and that there is none.
		for i := range 3 {
			for j := range 3 {
				if i != j {
					m.Between(hosts[serverName(i)], hosts[serverName(j)], Link{Delay: 150 * time.Millisecond})
				}
			}
		}
		defer m.Heal()
		const processes = 6
		found := make([]int, processes)
		var starting sync.WaitGroup
		for i := range processes {
			starting.Go(func() {
				l, err := connectLog(t, c.URLs()[i%3:i%3+1], 1+i%3)
				if err != nil {
					t.Errorf("process %d: %v", i, err)
					return
				}
				found[i] = l.Shards()
				if err := l.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		starting.Wait()
		for _, n := range found {
			if n != found[0] || n == 0 {
				t.Fatalf("the processes find %v shards: want one count that is not 0", found)
			}
		}
	})

	// No stream has a leader while two of three servers are stopped: longer than one request may take.
	t.Run("state of alerts", func(t *testing.T) {
		js := jetStream(t, c)
		for _, s := range c.Servers[1:] {
			if err := s.Pause(); err != nil {
				t.Fatal(err)
			}
		}
		opened := make(chan error, 1)
		go func() {
			_, err := shared.Open(t.Context(), js, 3)
			opened <- err
		}()
		select {
		case err := <-opened:
			t.Errorf("with one server of three: %v", err)
		case <-time.After(7 * time.Second):
		}
		for _, s := range c.Servers[1:] {
			if err := s.Resume(); err != nil {
				t.Fatal(err)
			}
		}
		if t.Failed() {
			return
		}
		if err := <-opened; err != nil {
			t.Error(err)
		}
	})
}
