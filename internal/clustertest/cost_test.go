package clustertest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"golang.org/x/sync/errgroup"

	"clew/internal/harness"
	"clew/internal/loggen"
	"clew/query/api"
)

const (
	costRounds   = 3
	costRequests = 250  // of a shard
	costRecords  = 1000 // of a request
	costPods     = 4    // of a request
	costSenders  = 16   // at the same time, as a fleet sends: requests share the fsyncs of a shard
)

// TestCost: what a record costs, in CPU time of all clew processes from its acceptance to its segment, does not depend on the count of shards: within 10 %. One process, and a
// collector with an owner on a NATS server; 1, 2 and 4 shards by turns. Shards are there to take more, so there are as many records for each: the same records over four times the shards
// are four times the messages and segments, of a quarter of the size, and cost up to a quarter more (docs/scale.md).
func TestCost(t *testing.T) {
	if os.Getenv("CLEW_SOAK") == "" {
		t.Skip("a measurement: set CLEW_SOAK")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	counts := []int{1, 2, 4}
	one, many := map[int][]*harness.Process{}, map[int][]*harness.Process{}
	for _, shards := range counts {
		o := Options{Shards: shards, Roles: map[string]int{"collector": 1, "ingest": 1}}
		o.NATS.Servers = 1
		c := startWith(t, o)
		if _, err := c.WaitOwned(ctx, c.Of("ingest")[0], nil); err != nil {
			t.Fatal(err)
		}
		many[shards] = []*harness.Process{c.Of("collector")[0], c.Of("ingest")[0]}
		p, err := harness.Start(harness.Options{Binary: *clewBinary, Data: filepath.Join(t.TempDir(), "data"), Config: fmt.Sprintf("shards: %d\nlog: {bytes_max: 1073741824}\n", shards)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Kill)
		if err := p.WaitReady(time.Minute); err != nil {
			t.Fatal(err)
		}
		one[shards] = []*harness.Process{p, p}
	}
	bodies := costBodies(t)
	for name, all := range map[string]map[int][]*harness.Process{"one process": one, "a collector and an owner": many} {
		cost := map[int]time.Duration{}
		for round := range costRounds + 1 {
			for _, shards := range counts {
				took := costOf(t, ctx, all[shards][0], all[shards][1], bodies[:costRequests*shards])
				if round > 0 { // the first one fills caches
					cost[shards] += took
				}
			}
		}
		least, most := time.Hour, time.Duration(0)
		var said []string
		for _, shards := range counts {
			each := cost[shards] / time.Duration(costRounds*costRequests*shards*costRecords)
			least, most = min(least, each), max(most, each)
			said = append(said, fmt.Sprintf("%d shards %v", shards, each))
		}
		t.Logf("%s: CPU a record: %s", name, strings.Join(said, ", "))
		if float64(most) > 1.1*float64(least) {
			t.Errorf("%s: the dearest costs %.2f times the cheapest", name, float64(most)/float64(least))
		}
	}
}

// costOf is the CPU time that it takes until all bodies are in segments.
func costOf(t *testing.T, ctx context.Context, to, owner *harness.Process, bodies [][]byte) time.Duration {
	t.Helper()
	used := func() (d time.Duration) {
		for _, p := range []*harness.Process{to, owner} {
			cpu, err := p.CPU()
			if err != nil {
				t.Fatal(err)
			}
			if d += cpu; to == owner {
				break
			}
		}
		return d
	}
	before := used()
	sendAll(t, ctx, to, bodies)
	if err := owner.Post(ctx, "/api/v1/admin/seal", nil); err != nil {
		t.Fatal(err)
	}
	var s api.Cluster
	if err := owner.Get(ctx, "/api/v1/cluster", nil, &s); err != nil {
		t.Fatal(err)
	}
	for _, shard := range s.List {
		if shard.Floor < shard.Last {
			t.Fatalf("shard %d is in segments up to %d of %d", shard.Shard, shard.Floor, shard.Last)
		}
	}
	return used() - before
}

// sendAll posts all bodies, each again until it is taken.
func sendAll(t *testing.T, ctx context.Context, to *harness.Process, bodies [][]byte) {
	t.Helper()
	senders, ctx := errgroup.WithContext(ctx)
	senders.SetLimit(costSenders)
	for _, body := range bodies {
		senders.Go(func() error {
			for {
				err := post(ctx, to, "/v1/logs", body)
				if err == nil || !strings.Contains(err.Error(), "429") {
					return err
				}
				time.Sleep(time.Second)
			}
		})
	}
	if err := senders.Wait(); err != nil {
		t.Fatal(err)
	}
}

// costBodies are the requests of a round: a shop's logs, two of five of a trace.
func costBodies(t *testing.T) [][]byte {
	bodies := make([][]byte, 4*costRequests)
	gen := loggen.New(7)
	var rec loggen.Record
	for r := range bodies {
		d := plog.NewLogs()
		for p := range costPods {
			var into plog.LogRecordSlice
			for i := range costRecords / costPods {
				gen.NextOf(&rec, (r*costPods+p)%loggen.Pods)
				if i == 0 {
					of := d.ResourceLogs().AppendEmpty()
					of.Resource().Attributes().PutStr("service.name", rec.Service)
					of.Resource().Attributes().PutStr("k8s.pod.name", rec.Instance)
					into = of.ScopeLogs().AppendEmpty().LogRecords()
				}
				record := into.AppendEmpty()
				record.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
				record.SetSeverityNumber(plog.SeverityNumber(rec.Severity))
				record.Body().SetStr(string(rec.Body))
				if rec.HasTrace {
					record.SetTraceID(rec.TraceID)
					record.SetSpanID(rec.SpanID)
				}
			}
		}
		var err error
		if bodies[r], err = plogotlp.NewExportRequestFromLogs(d).MarshalProto(); err != nil {
			t.Fatal(err)
		}
	}
	return bodies
}
