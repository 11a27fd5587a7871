package agents

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"clew/agents/host"
	"clew/internal/harness"
)

// atPorts gives the default configuration other ports for OTLP, for the time of the test.
func atPorts(t *testing.T) (grpc, http string) {
	t.Helper()
	before := defaultYAML
	t.Cleanup(func() { defaultYAML = before })
	free, err := harness.FreePorts(2)
	if err != nil {
		t.Fatal(err)
	}
	grpc, http = free[0], free[1]
	defaultYAML = []byte(strings.NewReplacer("127.0.0.1:4317", grpc, "127.0.0.1:4318", http).Replace(string(before)))
	return grpc, http
}

// An agent whose collector is on this host leaves that its port, whether it runs already or not; it would ship to itself.
func TestOwnCollector(t *testing.T) {
	grpc, _ := atPorts(t)
	_, port, err := net.SplitHostPort(grpc)
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for collector, want := range map[string]bool{
		grpc: false, "localhost:" + port: false, own + ":" + port: false, "192.0.2.1:4317," + grpc: false,
		"192.0.2.1:" + port: true, "127.0.0.1:1": true,
	} {
		c := DefaultConfig()
		c.Root, c.Data, c.Collectors = t.TempDir(), t.TempDir(), strings.Split(collector, ",")
		composed, err := Compose(c, host.Host{Name: "h"})
		if err != nil {
			t.Fatal(err)
		}
		if _, has := at(composed.Config, "receivers")["otlp"]; has != want {
			t.Errorf("--collector %s: otlp is received: %v, want %v; notes %q", collector, has, want, composed.Notes)
		}
		if p := problems(t, composed); p != "" {
			t.Errorf("--collector %s: %s", collector, p)
		}
	}
	c := DefaultConfig()
	c.Root, c.Data, c.Collectors = t.TempDir(), t.TempDir(), []string{"localhost:7980"}
	c.Overrides, err = ParseOverrides("x", []byte(`receivers: {otlp/mine: {protocols: {grpc: {endpoint: "0.0.0.0:7980"}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Compose(c, host.Host{Name: "h"}); err == nil || !strings.Contains(err.Error(), "ship to itself") {
		t.Errorf("a circle is not refused: %v", err)
	}
}

// Of two agents that find the ports free and start at the same moment, one has OTLP and the other runs without, and says so.
func TestPortsTakenMeanwhile(t *testing.T) {
	_, http := atPorts(t)
	var log [2]bytes.Buffer
	var agents [2]*Agent
	for i := range agents {
		c := DefaultConfig()
		c.Root, c.Data, c.Collectors = "/", t.TempDir(), []string{"127.0.0.1:1"}
		c.Overrides = map[string]any{"receivers": map[string]any{"journal": nil, "files/host": nil}, "service": map[string]any{"pipelines": map[string]any{"logs/files": nil}}}
		composed, err := Compose(c, host.Host{Name: fmt.Sprint("h", i)})
		if err != nil {
			t.Fatal(err)
		}
		if agents[i], err = New(composed, Deps{Logger: slog.New(slog.NewTextHandler(&log[i], nil)), Host: host.Host{Name: "h"}}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for i, a := range agents {
		done := make(chan error, 1)
		go func() { done <- a.Run(ctx) }()
		defer func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("agent %d: %v", i, err)
			}
			if said := strings.Contains(log[i].String(), "otlp over http is not received"); said != (i == 1) {
				t.Errorf("agent %d says that it has no OTLP: %v\n%s", i, said, &log[i])
			}
		}()
		select {
		case <-a.Ready():
		case err := <-done:
			t.Fatalf("agent %d does not start: %v", i, err)
		case <-time.After(30 * time.Second):
			t.Fatalf("agent %d is not ready", i)
		}
	}
	conn, err := net.Dial("tcp", http)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}
