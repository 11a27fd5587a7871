package collector

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// TestStalledMessages opens many gRPC requests that announce a large message, send most of it and stall. What is in memory is what
// was admitted; the others are refused before they are read.
func TestStalledMessages(t *testing.T) {
	const streams, message, inFlight = 64, 16 << 20, 64 << 20
	r := start(t, newMemLog(1), func(c *Config) {
		c.OTLP.BodyBytesMax = message
		c.OTLP.InFlightBytesMax = inFlight
	})
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	before := heapInUse()
	ctx, cancel := context.WithCancel(t.Context())
	var senders sync.WaitGroup
	var mu sync.Mutex
	answers := map[string]int{}
	for range streams {
		senders.Go(func() {
			body := &stalling{ctx: ctx, send: message - 1<<20}
			body.header[0] = 0
			binary.BigEndian.PutUint32(body.header[1:], message)
			req, err := http.NewRequestWithContext(ctx, http.MethodPost,
				fmt.Sprintf("http://%s/opentelemetry.proto.collector.logs.v1.LogsService/Export", r.c.Addrs().GRPC), body)
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Content-Type", "application/grpc")
			req.Header.Set("Te", "trailers")
			resp, err := transport.RoundTrip(req)
			if err != nil {
				return // cut off at the end of the test
			}
			defer resp.Body.Close()
			_, _ = io.Copy(io.Discard, resp.Body)
			code := resp.Trailer.Get("Grpc-Status")
			if code == "" {
				code = resp.Header.Get("Grpc-Status")
			}
			mu.Lock()
			defer mu.Unlock()
			answers[code]++
		})
	}
	refused := func() float64 {
		return r.counter("clew_collector_requests_total", map[string]string{"result": "in_flight_bytes", "protocol": "grpc"})
	}
	for deadline := time.Now().Add(20 * time.Second); refused() < streams-inFlight/message; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%v requests refused, want at least %d", refused(), streams-inFlight/message)
		}
	}
	time.Sleep(200 * time.Millisecond) // those admitted go on receiving
	held := heapInUse() - before
	reserved := r.counter("clew_collector_in_flight_bytes", nil)
	if reserved > inFlight || reserved == 0 {
		t.Errorf("%v bytes reserved, want some and at most %d", reserved, inFlight)
	}
	if most := int64(inFlight + 16<<20); held > most {
		t.Errorf("%d MiB of memory more than before, want at most %d", held>>20, most>>20)
	}
	t.Logf("%d streams of %d MiB: %d MiB held, %v refused", streams, message>>20, held>>20, refused())
	cancel()
	senders.Wait()
	if answers["8"] < streams-inFlight/message {
		t.Errorf("answers by gRPC status %v, want RESOURCE_EXHAUSTED (8) for all that were not admitted", answers)
	}
	for deadline := time.Now().Add(5 * time.Second); r.counter("clew_collector_in_flight_bytes", nil) != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("bytes of requests that were cut off are still reserved")
		}
	}
}

func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse)
}

// stalling is a body that sends the header and some zeros and then nothing more.
type stalling struct {
	ctx    context.Context
	header [5]byte
	sent   int
	send   int
}

func (s *stalling) Read(p []byte) (int, error) {
	if s.sent >= s.send {
		<-s.ctx.Done()
		return 0, s.ctx.Err()
	}
	n := min(len(p), s.send-s.sent)
	clear(p[:n])
	if s.sent < len(s.header) {
		n = copy(p[:n], s.header[s.sent:])
	}
	s.sent += n
	return n, nil
}

// TestManyLargeMessages has a real client send more than fits at once: each answer is success or a time to wait, and all is stored once all were repeated.
func TestManyLargeMessages(t *testing.T) {
	mem := newMemLog(1)
	r := start(t, mem, func(c *Config) {
		c.OTLP.BodyBytesMax = 8 << 20
		c.OTLP.InFlightBytesMax = 16 << 20
		c.Log.PendingBytesMax = 1 << 30
	})
	const requests, records = 24, 10_000
	request := plogotlp.NewExportRequestFromLogs(logsOf(records))
	client := plogotlp.NewGRPCClient(r.dial())
	var senders sync.WaitGroup
	var mu sync.Mutex
	refused := 0
	for range requests {
		senders.Go(func() {
			for {
				_, err := client.Export(context.Background(), request)
				if err == nil {
					return
				}
				checkRetryGRPC(t, err, codes.ResourceExhausted)
				if status.Code(err) != codes.ResourceExhausted {
					return
				}
				mu.Lock()
				refused++
				mu.Unlock()
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	senders.Wait()
	if got := r.counter("clew_collector_records_accepted_total", nil); got != requests*records {
		t.Errorf("%v records accepted, want %d", got, requests*records)
	}
	if got := r.counter("clew_collector_in_flight_bytes", nil); got != 0 {
		t.Errorf("%v bytes in flight at the end", got)
	}
	t.Logf("%d requests, %d refusals", requests, refused)
}
