package collector

import (
	"context"
	"sync"
	"testing"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
)

// BenchmarkLogsGRPC is BenchmarkLogsHTTP over gRPC, with a client that encodes each request: its cost is in the figure.
func BenchmarkLogsGRPC(b *testing.B) {
	const perRequest, connections = 1000, 8
	r := start(b, discard{})
	request := plogotlp.NewExportRequestFromLogs(typicalLogs(perRequest))
	cpu := cpuTime()
	b.ResetTimer()
	work := make(chan struct{})
	var senders sync.WaitGroup
	for range connections {
		client := plogotlp.NewGRPCClient(r.dial())
		senders.Go(func() {
			for range work {
				if _, err := client.Export(context.Background(), request); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for range b.N {
		work <- struct{}{}
	}
	close(work)
	senders.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N*perRequest)/(cpuTime()-cpu).Seconds(), "records/cpu-s")
}
