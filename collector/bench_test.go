package collector

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"clew/ingest/shardlog"
)

// discard is a log that takes everything and keeps nothing.
type discard struct{}

func (discard) MessageBytesMax() int { return 4 << 20 }
func (discard) Append(context.Context, int, *shardlog.Message) (shardlog.Position, error) {
	return 1, nil
}

// typicalLogs is a request of n log records: 120 bytes of text, 8 attributes, 6 of the resource.
func typicalLogs(n int) plog.Logs {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	for i, key := range []string{"service.name", "service.version", "service.instance.id", "k8s.pod.name", "k8s.namespace.name", "host.name"} {
		rl.Resource().Attributes().PutStr(key, fmt.Sprintf("value-%d", i))
	}
	sl := rl.ScopeLogs().AppendEmpty()
	sl.Scope().SetName("com.example.checkout")
	now := time.Now()
	for i := range n {
		lr := sl.LogRecords().AppendEmpty()
		lr.SetTimestamp(pcommon.NewTimestampFromTime(now.Add(time.Duration(i) * time.Microsecond)))
		lr.SetObservedTimestamp(lr.Timestamp() + 1000)
		lr.SetSeverityNumber(plog.SeverityNumber(9 + 4*(i%3)))
		lr.SetSeverityText("INFO")
		lr.SetTraceID(pcommon.TraceID{1, byte(i), byte(i >> 8), byte(i * 7)})
		lr.SetSpanID(pcommon.SpanID{1, byte(i), byte(i >> 8)})
		lr.Body().SetStr(fmt.Sprintf("GET /api/v1/carts/%08d/items returned 200 in %d.%03d ms for user u%06d from 10.%d.%d.%d via gateway-3 (cache miss)", i*7919, i%90, i%1000, i*31%100000, i%256, i*3%256, i*5%256))
		a := lr.Attributes()
		a.PutStr("http.request.method", "GET")
		a.PutStr("http.route", "/api/v1/carts/{id}/items")
		a.PutInt("http.response.status_code", 200)
		a.PutInt("duration_us", int64(i*37%100000))
		a.PutStr("user.id", fmt.Sprintf("u%06d", i*31%100000))
		a.PutStr("thread.name", fmt.Sprintf("worker-%d", i%16))
		a.PutBool("cache.hit", false)
		a.PutDouble("ratio", float64(i%100)/100)
	}
	return ld
}

// BenchmarkLogsHTTP sends requests of 1,000 log records from eight connections into a discarding log. The sender is the same
// process and only copies prepared bytes; its cost is in the figure.
func BenchmarkLogsHTTP(b *testing.B) {
	const perRequest, connections = 1000, 8
	r := start(b, discard{})
	body := protoLogs(b, typicalLogs(perRequest))
	url := fmt.Sprintf("http://%s/v1/logs", r.c.Addrs().HTTP)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	defer client.CloseIdleConnections()
	send := func() {
		resp, err := client.Post(url, protobuf, bytes.NewReader(body))
		if err != nil {
			b.Error(err)
			return
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			b.Errorf("status %d", resp.StatusCode)
		}
	}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	cpu := cpuTime()
	b.ResetTimer()
	work := make(chan struct{})
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			for range work {
				send()
			}
		})
	}
	for range b.N {
		work <- struct{}{}
	}
	close(work)
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N*perRequest)/(cpuTime()-cpu).Seconds(), "records/cpu-s")
	b.ReportMetric(float64(b.N)/r.counter("clew_collector_log_messages_total", nil), "requests/message")
}

// cpuTime is the process's CPU time so far.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
