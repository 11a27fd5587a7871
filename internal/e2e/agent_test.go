package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/otelcol"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"clew/agents/files"
	"clew/agents/shipper"
	"clew/internal/otelembed"
)

// agentEnv has the configuration of an agent that this test's binary is to be: files in, the queue, and out. It is an agent's least, so that what these
// tests find is of the queue and the shipping.
const agentEnv = "CLEW_E2E_AGENT"

func init() {
	text := os.Getenv(agentEnv)
	if text == "" {
		return
	}
	if err := beAgent(text); err != nil {
		fmt.Fprintln(os.Stderr, "agent:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func beAgent(text string) error {
	var config map[string]any
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	var f otelcol.Factories
	var err error
	if f.Receivers, err = otelcol.MakeFactoryMap(files.NewFactory()); err != nil {
		return err
	}
	if f.Exporters, err = otelcol.MakeFactoryMap(shipper.NewGroup(shipper.About{}).Factory()); err != nil {
		return err
	}
	if f.Extensions, err = otelcol.MakeFactoryMap(filestorage.NewFactory()); err != nil {
		return err
	}
	f.Telemetry = otelembed.TelemetryFactory(logger)
	col, err := otelcol.NewCollector(otelcol.CollectorSettings{
		Factories:               func() (otelcol.Factories, error) { return f, nil },
		BuildInfo:               component.BuildInfo{Command: "agent"},
		DisableGracefulShutdown: true,
		ConfigProviderSettings:  otelcol.ConfigProviderSettings{ResolverSettings: otelembed.Resolver(config)},
		LoggingOptions:          []zap.Option{zap.WrapCore(func(zapcore.Core) zapcore.Core { return otelembed.NewSlogCore(logger) })},
		SkipSettingGRPCLogger:   true,
	})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return col.Run(ctx)
}

// agentProcess is a running agent.
type agentProcess struct {
	cmd  *exec.Cmd
	done chan struct{}
}

// startAgent runs an agent that reads logs/*.log* and ships to collectors.
func startAgent(t *testing.T, data, logs string, collectors, heartbeats []string) *agentProcess {
	t.Helper()
	config, err := json.Marshal(map[string]any{
		"receivers": map[string]any{"files": map[string]any{
			"include": []string{filepath.Join(logs, "*.log*")}, "start_at": "beginning", "poll_interval": "200ms",
			"include_file_record_offset": true, "storage": "file_storage", "service": "outage",
		}},
		"extensions": map[string]any{"file_storage": map[string]any{"directory": filepath.Join(data, "checkpoints"), "create_directory": true, "fsync": true}},
		"exporters":  map[string]any{"clew": map[string]any{"collectors": collectors, "heartbeats": heartbeats, "data": data, "queue_bytes": 256 << 20}},
		"service": map[string]any{
			"extensions": []string{"file_storage"},
			"pipelines":  map[string]any{"logs": map[string]any{"receivers": []string{"files"}, "exporters": []string{"clew"}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	a := &agentProcess{cmd: exec.Command(os.Args[0]), done: make(chan struct{})}
	a.cmd.Env = append(os.Environ(), agentEnv+"="+string(config))
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
