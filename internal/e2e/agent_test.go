package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"clew/internal/harness"
)

// agentProcess is a running agent.
type agentProcess struct {
	cmd  *exec.Cmd
	done chan struct{}
	otlp string // where it takes OTLP over HTTP
}

// startAgent runs `clew agent` that reads logs/*.log*, and takes OTLP at a.otlp, with what else it would collect of this host left out: what is written here
// is all there is.
func startAgent(t *testing.T, data, logs string, collectors, heartbeats []string) *agentProcess {
	t.Helper()
	ports, err := harness.FreePorts(2)
	if err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(map[string]any{
		"receivers": map[string]any{
			"files/host": map[string]any{
				"include": []string{filepath.Join(logs, "*.log*")}, "exclude": nil, "start_at": "beginning", "poll_interval": "200ms", "service": "outage",
			},
			"files/pods": nil, "files/docker": nil, "journal": nil, "host_metrics": nil, "host_metrics/processes": nil,
			"otlp": map[string]any{"protocols": map[string]any{"grpc": map[string]any{"endpoint": ports[0]}, "http": map[string]any{"endpoint": ports[1]}}},
		},
		"exporters": map[string]any{"clew": map[string]any{"collectors": collectors, "heartbeats": heartbeats, "queue_bytes": 256 << 20}},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(filepath.Dir(logs), "agent.yaml")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	a := &agentProcess{cmd: exec.Command(clewBinary, "agent", "--data", data, "--config", file), done: make(chan struct{}), otlp: ports[1]}
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := os.OpenFile(filepath.Join(filepath.Dir(logs), "agent.txt"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	a.cmd.Stdout, a.cmd.Stderr = log, log
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	log.Close()
	go func() {
		_ = a.cmd.Wait() // it is killed
		close(a.done)
	}()
	t.Cleanup(a.kill)
	return a
}

func (a *agentProcess) kill() {
	_ = a.cmd.Process.Kill() // fails only if it has ended
	<-a.done
}

// relay stands before a collector on an address of its own, and can be cut: for an agent, a collector that is lost while the others live.
type relay struct {
	address string
	to      func() string

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
	used  int
}

func startRelay(t *testing.T, to func() string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{address: l.Addr().String(), to: to, conns: map[net.Conn]bool{}}
	t.Cleanup(func() { l.Close(); r.set(true) })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go r.pass(conn)
		}
	}()
	return r
}

func (r *relay) pass(in net.Conn) {
	defer in.Close()
	out, err := net.Dial("tcp", r.to())
	if err != nil {
		return
	}
	defer out.Close()
	r.mu.Lock()
	if r.cut {
		r.mu.Unlock()
		return
	}
	r.used++
	r.conns[in], r.conns[out] = true, true
	r.mu.Unlock()
	go func() {
		_, _ = io.Copy(out, in) // ends with either connection
		out.Close()
		in.Close()
	}()
	_, _ = io.Copy(in, out)
	r.mu.Lock()
	delete(r.conns, in)
	delete(r.conns, out)
	r.mu.Unlock()
}

// set cuts the relay with all its connections, or mends it.
func (r *relay) set(cut bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = cut
	if cut {
		for c := range r.conns {
			c.Close()
		}
	}
}

func (r *relay) usedBy() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.used
}

// lineWriter writes numbered lines at a rate and rotates the file.
type lineWriter struct {
	dir     string
	backlog int // lines that are there at once
	rotated int

	mu      sync.Mutex
	written int
}

const lineRate = 2000 // a second

// run writes until ctx ends.
func (w *lineWriter) run(ctx context.Context, rotateEvery time.Duration) error {
	const tick = 10 * time.Millisecond
	name := filepath.Join(w.dir, "app.log")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { f.Close() }()
	begun, last := time.Now(), time.Now()
	for ctx.Err() == nil {
		time.Sleep(tick)
		var lines []byte
		w.mu.Lock()
		for due := w.backlog + int(time.Since(begun).Seconds()*lineRate); w.written < due; w.written++ {
			lines = fmt.Appendf(lines, "%s INFO request %d of user %d took %d ms\n", time.Now().UTC().Format(time.RFC3339Nano), w.written, w.written%977, w.written%313)
		}
		w.mu.Unlock()
		if _, err := f.Write(lines); err != nil {
			return err
		}
		if time.Since(last) > rotateEvery {
			last = time.Now()
			f.Close()
			w.rotated++
			if err := os.Rename(name, fmt.Sprintf("%s.%d", name, w.rotated)); err != nil {
				return err
			}
			if f, err = os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *lineWriter) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.written
}

// spanSender sends numbered spans, twenty at a time, to whatever agent there is, each batch until one has taken it.
type spanSender struct {
	to             atomic.Pointer[string]
	taken, unknown atomic.Int64 // spans; unknown ones were sent and never answered, and sent again
}

const spansEach = 20

// run sends two hundred spans a second until ctx ends.
func (s *spanSender) run(ctx context.Context) {
	tick := time.NewTicker(time.Second * spansEach / 200)
	defer tick.Stop()
	client := http.Client{Timeout: 5 * time.Second}
	for n := 0; ; n++ {
		var spans []string
		for i := range spansEach {
			id, now := n*spansEach+i+1, time.Now().UnixNano()
			spans = append(spans, fmt.Sprintf(`{"traceId":"%032x","spanId":"%016x","name":"GET","startTimeUnixNano":"%d","endTimeUnixNano":"%d"}`, id, id, now-1000, now))
		}
		body := `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"outage"}}]},"scopeSpans":[{"spans":[` + strings.Join(spans, ",") + `]}]}]}`
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			res, err := client.Post("http://"+*s.to.Load()+"/v1/traces", "application/json", strings.NewReader(body))
			if err == nil {
				_, _ = io.Copy(io.Discard, res.Body) // its status says all
				res.Body.Close()
				if res.StatusCode == http.StatusOK {
					break
				}
				continue
			}
			if !strings.Contains(err.Error(), "connection refused") {
				s.unknown.Add(spansEach)
			}
		}
		s.taken.Add(spansEach)
	}
}
