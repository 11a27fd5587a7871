package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"clew/query/api"
)

// overloadBody is a request of n log records of about 200 bytes.
func overloadBody(t *testing.T, n int) (plogotlp.ExportRequest, []byte) {
	t.Helper()
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr("service.name", "flood")
	records := rl.ScopeLogs().AppendEmpty().LogRecords()
	for i := range n {
		lr := records.AppendEmpty()
		lr.SetTimestamp(1_790_000_000_000_000_000)
		lr.Body().SetStr(fmt.Sprintf("order %d of customer %d was shipped by carrier %d after %d ms and %d retries", i*7919, i%977, i%13, i%4001, i%5))
		lr.Attributes().PutStr("order.id", fmt.Sprintf("o-%08x", i*2654435761))
	}
	req := plogotlp.NewExportRequestFromLogs(ld)
	body, err := req.MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	return req, body
}

// flood sends until ctx ends, without a pause and whatever the answer, from more connections than there is room for.
type flood struct {
	accepted, refused, unknown atomic.Int64 // requests
	other                      sync.Map     // unexpected answers
}

func (f *flood) http(ctx context.Context, address string, body []byte) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for ctx.Err() == nil {
		res, err := client.Post("http://"+address+"/v1/logs", "application/x-protobuf", bytes.NewReader(body))
		if err != nil {
			f.unknown.Add(1)
			continue
		}
		text, _ := io.ReadAll(res.Body)
		res.Body.Close()
		switch {
		case res.StatusCode == http.StatusOK:
			f.accepted.Add(1)
		case res.StatusCode == http.StatusTooManyRequests && res.Header.Get("Retry-After") != "":
			f.refused.Add(1)
		case res.StatusCode == http.StatusServiceUnavailable:
			f.unknown.Add(1)
		default:
			f.other.Store(fmt.Sprint(res.StatusCode, " ", string(text)), true)
		}
	}
}

func (f *flood) grpc(ctx context.Context, t *testing.T, address string, request plogotlp.ExportRequest, streams int) {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	client := plogotlp.NewGRPCClient(conn)
	var group sync.WaitGroup
	for range streams {
		group.Go(func() {
			for ctx.Err() == nil {
				_, err := client.Export(context.Background(), request)
				switch s := status.Convert(err); {
				case err == nil:
					f.accepted.Add(1)
				case s.Code() == codes.ResourceExhausted && len(s.Details()) > 0:
					f.refused.Add(1)
				case s.Code() == codes.Unavailable:
					f.unknown.Add(1)
				default:
					f.other.Store(err.Error(), true)
				}
			}
		})
	}
	group.Wait()
}

// TestOverload sends many times what one machine takes, over HTTP and gRPC. Memory stays within what the bounds add up to, what is refused is told to wait and counted, queries
// are answered meanwhile, and in the end exactly what was acknowledged is there.
func TestOverload(t *testing.T) {
	length := 5 * time.Second
	if soak {
		length = 20 * time.Second
	}
	const records = 10_000
	p := start(t, tempData(t), `collector:
  otlp: {in_flight_bytes_max: 67108864, body_bytes_max: 16777216}
ingest: {head_bytes: 67108864, frozen_bytes: 100663296}
query: {cache_bytes: 67108864}
`)
	request, body := overloadBody(t, records)
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	var f flood
	var senders sync.WaitGroup
	for range 40 {
		senders.Go(func() { f.http(ctx, p.OTLP, body) })
	}
	for range 3 {
		senders.Go(func() { f.grpc(ctx, t, p.GRPC, request, 40) })
	}
	var took []time.Duration
	for ctx.Err() == nil {
		began := time.Now()
		var c api.Count
		get(t, p, "/api/v1/count", url.Values{"query": {"shipped service:flood"}}, &c)
		took = append(took, time.Since(began))
		time.Sleep(100 * time.Millisecond)
	}
	senders.Wait()
	f.other.Range(func(answer, _ any) bool {
		t.Errorf("answered %v", answer)
		return true
	})
	peak, err := p.PeakBytes()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(took)
	t.Logf("%v: %d requests of %d KB accepted, %d refused, %d unknown; peak %d MB; queries: median %v, worst %v",
		length, f.accepted.Load(), len(body)>>10, f.refused.Load(), f.unknown.Load(), peak>>20, took[len(took)/2], took[len(took)-1])
	if f.accepted.Load() == 0 || f.refused.Load() == 0 {
		t.Error("want some requests taken and some refused")
	}
	// 64 MB in flight, 160 MB of heads, as much again that is being made into segments, the cache, and the collector's garbage.
	if most := int64(900 << 20); peak > most {
		t.Errorf("peak of %d MB, want at most %d", peak>>20, most>>20)
	}
	if worst := took[len(took)-1]; worst > 15*time.Second { // on a machine that others use too; without the bounds it is minutes
		t.Errorf("a query took %v", worst)
	}
	least, most := uint64(f.accepted.Load()*records), uint64((f.accepted.Load()+f.unknown.Load())*records)
	eventually(t, 60*time.Second, "everything acknowledged is found", func() bool {
		var c api.Count
		get(t, p, "/api/v1/count", url.Values{"query": {"service:flood"}}, &c)
		return !c.Stats.Partial && c.Count >= least
	})
	if got := countLogs(t, p, "service:flood"); got > most {
		t.Errorf("%d records found, at most %d were sent", got, most)
	}
}
