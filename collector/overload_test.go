package collector

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"clew/ingest/shardlog"
	"clew/internal/telemetry"
)

// checkRetryHTTP checks a refusal that asks the sender to come again.
func checkRetryHTTP(t *testing.T, resp *http.Response, want int) {
	t.Helper()
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if resp.StatusCode != want || err != nil || seconds < 1 {
		t.Errorf("status %d with Retry-After %q, want %d and at least 1", resp.StatusCode, resp.Header.Get("Retry-After"), want)
	}
}

// checkRetryGRPC is checkRetryHTTP for gRPC.
func checkRetryGRPC(t *testing.T, err error, want codes.Code) {
	t.Helper()
	s := status.Convert(err)
	if s.Code() != want {
		t.Errorf("code %s, want %s: %v", s.Code(), want, err)
	}
	for _, d := range s.Details() {
		if retry, ok := d.(*errdetails.RetryInfo); ok && retry.GetRetryDelay().AsDuration() >= time.Second {
			return
		}
	}
	t.Errorf("no RetryInfo of at least 1 s in %v", s.Details())
}

func TestLogFull(t *testing.T) {
	mem := newMemLog(1)
	full := true
	mem.before = func(context.Context, int, *shardlog.Message) error {
		if full {
			return &shardlog.FullError{Reason: "disk", RetryAfter: 1500 * time.Millisecond, Detail: "1 MB free"}
		}
		return nil
	}
	r := start(t, mem)
	resp, body := r.post("/v1/logs", protobuf, protoLogs(t, logsOf(3)))
	checkRetryHTTP(t, resp, http.StatusTooManyRequests)
	if resp.Header.Get("Retry-After") != "2" {
		t.Errorf("Retry-After %q, want 1.5 s rounded up", resp.Header.Get("Retry-After"))
	}
	if code, message := errorMessage(t, protobuf, body); code != codes.ResourceExhausted || message == "" {
		t.Errorf("answer %s %q", code, message)
	}
	_, err := plogotlp.NewGRPCClient(r.dial()).Export(t.Context(), plogotlp.NewExportRequestFromLogs(logsOf(3)))
	checkRetryGRPC(t, err, codes.ResourceExhausted)
	if got := r.counter("clew_collector_records_refused_total", map[string]string{"reason": "disk"}); got != 6 {
		t.Errorf("%v records counted as refused for disk, want 6", got)
	}
	full = false
	if resp, body := r.post("/v1/logs", protobuf, protoLogs(t, logsOf(3))); resp.StatusCode != http.StatusOK {
		t.Errorf("after the disk was freed: %d %q", resp.StatusCode, body)
	}
}

// blocked makes appends wait until release is called, or their context ends. entered is closed when the first one waits.
func (l *memLog) blocked() (entered <-chan struct{}, release func()) {
	gate, first := make(chan struct{}), make(chan struct{})
	enter := sync.OnceFunc(func() { close(first) })
	l.before = func(ctx context.Context, _ int, _ *shardlog.Message) error {
		enter()
		select {
		case <-gate:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return first, sync.OnceFunc(func() { close(gate) })
}

func TestSlowLog(t *testing.T) {
	mem := newMemLog(1)
	entered, release := mem.blocked()
	r := start(t, mem, func(c *Config) {
		c.Log.AppendTimeout = time.Second
		c.Log.SlowAfter = 100 * time.Millisecond
	})
	body := protoLogs(t, logsOf(3))
	var wg sync.WaitGroup
	wg.Go(func() { // in flight: its outcome is unknown
		resp, _ := r.post("/v1/logs", protobuf, body)
		checkRetryHTTP(t, resp, http.StatusServiceUnavailable)
	})
	<-entered
	wg.Go(func() { // gathering, or refused at once: not written
		resp, _ := r.post("/v1/logs", protobuf, body)
		checkRetryHTTP(t, resp, http.StatusTooManyRequests)
	})
	time.Sleep(150 * time.Millisecond)
	_, err := plogotlp.NewGRPCClient(r.dial()).Export(t.Context(), plogotlp.NewExportRequestFromLogs(logsOf(3)))
	checkRetryGRPC(t, err, codes.ResourceExhausted)
	wg.Wait()
	release()
	if resp, body := r.post("/v1/logs", protobuf, body); resp.StatusCode != http.StatusOK {
		t.Errorf("after the log has caught up: %d %q", resp.StatusCode, body)
	}
	if got := storedLogs(t, mem.all(telemetry.Logs)).LogRecordCount(); got != 3 {
		t.Errorf("%d records stored, want the last request's 3", got)
	}
	if got := r.counter("clew_collector_log_pending_bytes", nil); got != 0 {
		t.Errorf("%v bytes pending at the end", got)
	}
	if got := r.counter("clew_collector_in_flight_bytes", nil); got != 0 {
		t.Errorf("%v bytes in flight at the end", got)
	}
}

func TestBytesInFlight(t *testing.T) {
	mem := newMemLog(1)
	entered, release := mem.blocked()
	r := start(t, mem, func(c *Config) {
		c.OTLP.BodyBytesMax = 1 << 20
		c.OTLP.InFlightBytesMax = 1 << 20
	})
	body := protoLogs(t, logsOf(2500))
	var held sync.WaitGroup
	held.Go(func() {
		if resp, body := r.post("/v1/logs", protobuf, body); resp.StatusCode != http.StatusOK {
			t.Errorf("the request in flight: %d %q", resp.StatusCode, body)
		}
	})
	<-entered
	resp, _ := r.post("/v1/logs", protobuf, body)
	checkRetryHTTP(t, resp, http.StatusTooManyRequests)
	_, err := plogotlp.NewGRPCClient(r.dial()).Export(t.Context(), plogotlp.NewExportRequestFromLogs(logsOf(2500)))
	checkRetryGRPC(t, err, codes.ResourceExhausted)
	release()
	held.Wait()
	// A request that could never fit is not to be sent again.
	resp, answer := r.post("/v1/logs", protobuf, protoLogs(t, logsOf(5000)))
	if resp.StatusCode != http.StatusRequestEntityTooLarge || resp.Header.Get("Retry-After") != "" {
		t.Errorf("a request above the limit: %d %q", resp.StatusCode, answer)
	}
	if got := r.counter("clew_collector_in_flight_bytes", nil); got != 0 {
		t.Errorf("%v bytes in flight at the end", got)
	}
	if got := r.counter("clew_collector_records_accepted_total", nil); got != 2500 {
		t.Errorf("%v records accepted, want 2500", got)
	}
}

// TestUnknownOutcome has the log write every message and then fail every second time.
func TestUnknownOutcome(t *testing.T) {
	mem := newMemLog(1)
	var appends atomic.Int64
	lying := &lyingLog{memLog: mem, lie: func() bool { return appends.Add(1)%2 == 1 }}
	r := start(t, lying)
	for i := range 4 {
		if resp, body := r.post("/v1/logs", protobuf, protoLogs(t, logsOf(3))); resp.StatusCode != http.StatusOK {
			t.Fatalf("request %d: %d %q", i, resp.StatusCode, body)
		}
	}
	if got := len(mem.messages[0]); got != 8 {
		t.Errorf("%d messages in the log, want each of 4 twice", got)
	}
	if got := storedLogs(t, mem.all(telemetry.Logs)).LogRecordCount(); got != 12 {
		t.Errorf("%d records after deduplication by source, want 12", got)
	}
	if got := r.counter("clew_collector_log_append_retries_total", nil); got != 4 {
		t.Errorf("%v retries counted, want 4", got)
	}
}

type lyingLog struct {
	*memLog
	lie func() bool
}

func (l *lyingLog) Append(ctx context.Context, shard int, m *shardlog.Message) (shardlog.Position, error) {
	position, err := l.memLog.Append(ctx, shard, m)
	if l.lie() {
		return 0, errors.New("timeout")
	}
	return position, err
}

// TestGracefulStop ends the collector while a request waits for the log: the request is answered, then Run returns.
func TestGracefulStop(t *testing.T) {
	mem := newMemLog(1)
	entered, release := mem.blocked()
	r := start(t, mem)
	answered := make(chan int, 1)
	go func() {
		resp, _ := r.post("/v1/logs", protobuf, protoLogs(t, logsOf(3)))
		answered <- resp.StatusCode
	}()
	<-entered
	time.AfterFunc(100*time.Millisecond, release)
	if err := r.stop(); err != nil {
		t.Errorf("run: %v", err)
	}
	if got := <-answered; got != http.StatusOK {
		t.Errorf("the request in flight was answered %d", got)
	}
	if got := storedLogs(t, mem.all(telemetry.Logs)).LogRecordCount(); got != 3 {
		t.Errorf("%d records stored, want 3", got)
	}
}

// TestGroupCommit sends from eight connections to a log of 2 ms an append: requests must share messages.
func TestGroupCommit(t *testing.T) {
	mem := newMemLog(1)
	mem.before = func(context.Context, int, *shardlog.Message) error {
		time.Sleep(2 * time.Millisecond)
		return nil
	}
	r := start(t, mem)
	const connections, requests, spans = 8, 20, 512
	var wg sync.WaitGroup
	for range connections {
		client := plogotlp.NewGRPCClient(r.dial())
		wg.Go(func() {
			for range requests {
				if _, err := client.Export(context.Background(), plogotlp.NewExportRequestFromLogs(logsOf(spans))); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	messages := mem.all(telemetry.Logs)
	records := 0
	for _, m := range messages {
		records += m.Records
	}
	if records != connections*requests*spans {
		t.Errorf("%d records stored, want %d", records, connections*requests*spans)
	}
	// How many share one depends on the machine; logexporter's own test is exact.
	if len(messages) >= connections*requests {
		t.Errorf("%d messages for %d requests: want requests to share them", len(messages), connections*requests)
	}
	t.Logf("%d requests in %d messages", connections*requests, len(messages))
}

// TestLargeRequest needs several messages, of a log that takes little ones; all or nothing is acknowledged.
func TestLargeRequest(t *testing.T) {
	for _, fail := range []bool{false, true} {
		t.Run(fmt.Sprintf("fail=%v", fail), func(t *testing.T) {
			mem := newMemLog(2)
			mem.max = 64 << 10
			var appends atomic.Int64
			mem.before = func(context.Context, int, *shardlog.Message) error {
				if fail && appends.Add(1) == 2 {
					return &shardlog.FullError{Reason: "bytes", RetryAfter: time.Second}
				}
				return nil
			}
			r := start(t, mem, func(c *Config) { c.Log.Shards = 2 })
			want := http.StatusOK
			if fail {
				want = http.StatusTooManyRequests
			}
			if resp, body := r.post("/v1/logs", protobuf, protoLogs(t, logsOf(20000))); resp.StatusCode != want {
				t.Errorf("status %d, want %d: %q", resp.StatusCode, want, body)
			}
			messages := mem.all(telemetry.Logs)
			if got := storedLogs(t, messages).LogRecordCount(); (got == 20000) == fail || len(messages) < 4 {
				t.Errorf("%d records in %d messages", got, len(messages))
			}
		})
	}
}
