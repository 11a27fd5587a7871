package collector

import (
	"context"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"clew/ingest/shardlog"
	"clew/internal/telemetry"
)

// TestEmbeddedLog sends to the log that clew runs with, fsync and all, and reads back what was acknowledged.
func TestEmbeddedLog(t *testing.T) {
	log, err := shardlog.Open(t.Context(), shardlog.Config{Dir: t.TempDir(), Shards: 2, FreeBytesMin: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	r := start(t, log, func(c *Config) { c.Log.Shards = 2 })
	const connections, requests, spans = 8, 10, 512
	began := time.Now()
	var wg sync.WaitGroup
	for range connections {
		client := ptraceotlp.NewGRPCClient(r.dial())
		wg.Go(func() {
			for range requests {
				if _, err := client.Export(context.Background(), ptraceotlp.NewExportRequestFromTraces(spansOf(spans))); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	records, messages := 0, 0
	for shard := range 2 {
		state, err := log.State(t.Context(), shard)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		err = log.Consume(ctx, shard, 0, func(e shardlog.Entry) error {
			if e.Damage != nil || e.Message.Signal != telemetry.Spans {
				t.Errorf("entry %d of shard %d: %v, %s", e.Position, shard, e.Damage, e.Message.Signal)
			}
			messages++
			records += e.Message.Records
			if e.Position == state.Last {
				cancel()
			}
			return nil
		})
		cancel()
		if err != nil && ctx.Err() == nil {
			t.Fatal(err)
		}
	}
	if records != connections*requests*spans {
		t.Errorf("%d spans in the log, want %d", records, connections*requests*spans)
	}
	t.Logf("%d requests in %d messages, %s", connections*requests, messages, took)
}
