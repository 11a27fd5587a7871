package collector

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"clew/collector/logexporter"
	"clew/ingest/shardlog"
	"clew/internal/access"
	"clew/internal/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// running is a collector under test.
type running struct {
	t    testing.TB
	c    *Collector
	reg  *prometheus.Registry
	stop func() error // ends Run and returns its error; may be called again
	http *http.Client
}

// start runs a collector on free ports until the test ends.
func start(t testing.TB, log logexporter.Log, change ...func(*Config)) *running {
	t.Helper()
	return startGuarded(t, log, nil, change...)
}

// startGuarded is start with a guard at the doors.
func startGuarded(t testing.TB, log logexporter.Log, guard *access.Guard, change ...func(*Config)) *running {
	t.Helper()
	cfg := DefaultConfig()
	cfg.OTLP.GRPC.Endpoint = "127.0.0.1:0"
	cfg.OTLP.HTTP.Endpoint = "127.0.0.1:0"
	for _, f := range change {
		f(&cfg)
	}
	reg := prometheus.NewRegistry()
	logger := slog.New(slog.NewTextHandler(&testWriter{t: t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	c, err := New(cfg, Deps{Log: log, Logger: logger, Registerer: reg, Access: guard})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	r := &running{t: t, c: c, reg: reg, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	stopped := false
	r.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		r.http.CloseIdleConnections()
		return <-done
	}
	select {
	case <-c.Ready():
	case err := <-done:
		t.Fatalf("collector did not start: %v", err)
	case <-time.After(20 * time.Second):
		t.Fatal("collector did not start in time")
	}
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return r
}

// testWriter logs to the test.
type testWriter struct{ t testing.TB }

func (w *testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", bytes.TrimSpace(p))
	return len(p), nil
}

// post sends a body; header pairs override the defaults.
func (r *running) post(path, contentType string, body []byte, header ...string) (*http.Response, []byte) {
	r.t.Helper()
	req, err := http.NewRequest(http.MethodPost, fmt.Sprintf("http://%s%s", r.c.Addrs().HTTP, path), bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := r.http.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp, answer
}

// dial connects a plain gRPC client.
func (r *running) dial(opts ...grpc.DialOption) *grpc.ClientConn {
	r.t.Helper()
	conn, err := grpc.NewClient(r.c.Addrs().GRPC.String(), append(opts, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	return conn
}

// counter reads a metric; labels are values in the order of the metric's label names.
func (r *running) counter(name string, labels map[string]string) float64 {
	r.t.Helper()
	families, err := r.reg.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	var sum float64
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			match := true
			for _, l := range m.GetLabel() {
				if want, ok := labels[l.GetName()]; ok && want != l.GetValue() {
					match = false
				}
			}
			if match {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// storedLogs decodes all log records in the log.
func storedLogs(t testing.TB, messages []shardlog.Message) plog.Logs {
	t.Helper()
	out := plog.NewLogs()
	for _, b := range batches(t, messages) {
		ld, err := b.Logs()
		if err != nil {
			t.Fatal(err)
		}
		ld.ResourceLogs().MoveAndAppendTo(out.ResourceLogs())
		b.Release()
	}
	return out
}

func storedTraces(t testing.TB, messages []shardlog.Message) ptrace.Traces {
	t.Helper()
	out := ptrace.NewTraces()
	for _, b := range batches(t, messages) {
		td, err := b.Traces()
		if err != nil {
			t.Fatal(err)
		}
		td.ResourceSpans().MoveAndAppendTo(out.ResourceSpans())
		b.Release()
	}
	return out
}

func storedMetrics(t testing.TB, messages []shardlog.Message) pmetric.Metrics {
	t.Helper()
	out := pmetric.NewMetrics()
	for _, b := range batches(t, messages) {
		md, err := b.Metrics()
		if err != nil {
			t.Fatal(err)
		}
		md.ResourceMetrics().MoveAndAppendTo(out.ResourceMetrics())
		b.Release()
	}
	return out
}

func batches(t testing.TB, messages []shardlog.Message) []*telemetry.Batch {
	t.Helper()
	var out []*telemetry.Batch
	for _, m := range messages {
		b, err := telemetry.Decode(m.Batch)
		if err != nil {
			t.Fatal(err)
		}
		if b.Records != m.Records || b.Tenant != m.Tenant || b.Signal != m.Signal {
			t.Errorf("batch of %d %s of %s in a message that says %d %s of %s", b.Records, b.Signal, b.Tenant, m.Records, m.Signal, m.Tenant)
		}
		out = append(out, b)
	}
	return out
}
