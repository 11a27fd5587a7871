package logexporter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/goleak"

	"clew/collector/refusal"
	"clew/ingest/shardlog"
	"clew/internal/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gateLog lets each append pass when the test says so.
type gateLog struct {
	max  int
	gate chan error // nil channel: all pass

	mu       sync.Mutex
	messages []shardlog.Message
	shards   []int
}

func (l *gateLog) MessageBytesMax() int { return l.max }

func (l *gateLog) Append(ctx context.Context, shard int, m *shardlog.Message) (shardlog.Position, error) {
	if l.gate != nil {
		select {
		case err := <-l.gate:
			if err != nil {
				return 0, err
			}
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := *m
	kept.Batch, kept.Sources = slices.Clone(m.Batch), slices.Clone(m.Sources)
	l.messages = append(l.messages, kept)
	l.shards = append(l.shards, shard)
	return shardlog.Position(len(l.messages)), nil
}

func startExporter(t *testing.T, log Log, change func(*Config)) *Exporter {
	t.Helper()
	cfg := DefaultConfig()
	if change != nil {
		change(&cfg)
	}
	if errs := cfg.Validate(); len(errs) > 0 {
		t.Fatal(errs)
	}
	e, err := New(cfg, log, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := e.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return e
}

func logs(n int, body string) plog.Logs {
	ld := plog.NewLogs()
	records := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for range n {
		lr := records.AppendEmpty()
		lr.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
		lr.Body().SetStr(body)
	}
	return ld
}

func tenant(name string) context.Context {
	return client.NewContext(context.Background(), client.Info{Metadata: client.NewMetadata(map[string][]string{telemetry.TenantHeader: {name}})})
}

// waitFor polls until ok, which depends on other goroutines only.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// TestShareAppend: what arrives while an append is in flight becomes one message for each tenant.
func TestShareAppend(t *testing.T) {
	log := &gateLog{max: 4 << 20, gate: make(chan error)}
	e := startExporter(t, log, nil)
	var wg sync.WaitGroup
	send := func(who string) {
		wg.Go(func() {
			if err := e.ConsumeLogs(tenant(who), logs(10, "hello")); err != nil {
				t.Error(err)
			}
		})
	}
	send("a")
	waitFor(t, "the first append in flight", func() bool { return !(*e.lanes.Load())[0].slowSince().IsZero() })
	for range 7 {
		send("a")
	}
	send("b")
	gathered := func(k key) int {
		l := (*e.lanes.Load())[0]
		l.mu.Lock()
		g := l.open[k]
		l.mu.Unlock()
		if g == nil {
			return 0
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		return g.requests
	}
	waitFor(t, "seven requests gathered", func() bool {
		return gathered(key{telemetry.Logs, "a"}) == 7 && gathered(key{telemetry.Logs, "b"}) == 1
	})
	for range 3 {
		log.gate <- nil
	}
	wg.Wait()
	records := map[string][]int{}
	for i, m := range log.messages {
		records[m.Tenant] = append(records[m.Tenant], m.Records)
		if m.Sources[0].Seq != uint64(i+1) || int(m.Sources[0].Count) != m.Records {
			t.Errorf("message %d has source %+v", i, m.Sources)
		}
	}
	if !slices.Equal(records["a"], []int{10, 70}) || !slices.Equal(records["b"], []int{10}) {
		t.Errorf("records by message: %v", records)
	}
	if n := e.pending.Load(); n != 0 {
		t.Errorf("%d bytes pending at the end", n)
	}
}

// TestRefusals: what the sender is told for what the log says.
func TestRefusals(t *testing.T) {
	tests := []struct {
		name   string
		answer []error
		kind   refusal.Kind
		reason string
	}{
		{"full", []error{&shardlog.FullError{Reason: "disk", RetryAfter: 3 * time.Second}}, refusal.Overload, "disk"},
		{"unknown, then full", []error{errors.New("timeout"), &shardlog.FullError{Reason: "disk"}}, refusal.Unavailable, "disk"},
		{"unknown", []error{errors.New("timeout"), errors.New("timeout"), errors.New("timeout"), errors.New("timeout"), errors.New("timeout"), errors.New("timeout")}, refusal.Unavailable, "unknown_outcome"},
		{"unknown, then written", []error{errors.New("timeout"), nil}, 0, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			log := &gateLog{max: 4 << 20, gate: make(chan error, len(test.answer))}
			for _, err := range test.answer {
				log.gate <- err
			}
			e := startExporter(t, log, func(c *Config) { c.AppendTimeout, c.SlowAfter = 500*time.Millisecond, 500*time.Millisecond })
			err := e.ConsumeLogs(context.Background(), logs(1, "x"))
			if test.kind == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if r := refusal.Of(err); err == nil || r.Kind != test.kind || r.Reason != test.reason {
				t.Errorf("error %v, want kind %d for %s", err, test.kind, test.reason)
			}
		})
	}
	e := startExporter(t, &gateLog{max: 4 << 20}, nil)
	if r := refusal.Of(e.ConsumeLogs(tenant("a/b"), logs(1, "x"))); r.Kind != refusal.Invalid || r.Reason != "tenant" {
		t.Errorf("tenant: %v", r)
	}
}

// TestMetricsCut: a metrics request larger than a message is cut at metrics; nothing is lost.
func TestMetricsCut(t *testing.T) {
	log := &gateLog{max: 16 << 10}
	e := startExporter(t, log, func(c *Config) { c.Shards = 3 })
	md := pmetric.NewMetrics()
	const resources, metrics = 5, 400
	for r := range resources {
		rm := md.ResourceMetrics().AppendEmpty()
		rm.Resource().Attributes().PutInt("instance", int64(r))
		ms := rm.ScopeMetrics().AppendEmpty().Metrics()
		for i := range metrics {
			m := ms.AppendEmpty()
			m.SetName(fmt.Sprintf("metric.number.%d", i))
			m.SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(int64(i))
		}
	}
	if err := e.ConsumeMetrics(context.Background(), md); err != nil {
		t.Fatal(err)
	}
	shardOf := map[int64]int{}
	points := 0
	for i, m := range log.messages {
		b, err := telemetry.Decode(m.Batch)
		if err != nil {
			t.Fatal(err)
		}
		got, err := b.Metrics()
		if err != nil {
			t.Fatal(err)
		}
		points += got.DataPointCount()
		for _, rm := range got.ResourceMetrics().All() {
			instance, _ := rm.Resource().Attributes().Get("instance")
			if before, ok := shardOf[instance.Int()]; ok && before != log.shards[i] {
				t.Errorf("resource %d is in shards %d and %d", instance.Int(), before, log.shards[i])
			}
			shardOf[instance.Int()] = log.shards[i]
		}
	}
	if points != resources*metrics || len(shardOf) != resources || len(log.messages) < 6 {
		t.Errorf("%d points of %d resources in %d messages", points, len(shardOf), len(log.messages))
	}
}

// TestHalve: a batch whose size was estimated too low is split until it fits.
func TestHalve(t *testing.T) {
	b := telemetry.NewBuilder(telemetry.Logs, "a")
	ld := logs(9, "hello")
	rl := ld.ResourceLogs().At(0)
	b.UseSet(rl.Resource(), "", rl.ScopeLogs().At(0).Scope(), "")
	for _, lr := range rl.ScopeLogs().At(0).LogRecords().All() {
		b.AppendLog(lr, time.Now())
	}
	halves, err := halve(key{telemetry.Logs, "a"}, b.Build(), 100, 50)
	if err != nil {
		t.Fatal(err)
	}
	if len(halves) != 2 || halves[0].Records+halves[1].Records != 9 || halves[0].Records < 4 || halves[1].Records < 4 {
		t.Errorf("halves %+v", halves)
	}
	one := telemetry.NewBuilder(telemetry.Logs, "a")
	one.UseSet(rl.Resource(), "", rl.ScopeLogs().At(0).Scope(), "")
	one.AppendLog(rl.ScopeLogs().At(0).LogRecords().At(0), time.Now())
	if _, err := halve(key{telemetry.Logs, "a"}, one.Build(), 100, 50); refusal.Of(err).Kind != refusal.TooLarge {
		t.Errorf("one record: %v, want too large", err)
	}
}

func TestPartition(t *testing.T) {
	a, b := pcommon.NewResource(), pcommon.NewResource()
	a.Attributes().PutStr("x", "1")
	a.Attributes().PutInt("y", 2)
	b.Attributes().PutInt("y", 2)
	b.Attributes().PutStr("x", "1")
	const shards = 1 << 16
	if ShardOfResource(a, shards) != ShardOfResource(b, shards) {
		t.Error("the order of attributes matters")
	}
	b.Attributes().PutInt("x", 1)
	if ShardOfResource(a, shards) == ShardOfResource(b, shards) {
		t.Error("the type of a value does not matter")
	}
	counts := make([]int, 4)
	for i := range 4000 {
		counts[ShardOfTrace(pcommon.TraceID{byte(i), byte(i >> 8)}, 4)]++
	}
	for shard, n := range counts {
		if n < 850 || n > 1150 {
			t.Errorf("shard %d has %d of 4000 traces", shard, n)
		}
	}
}

// shardLog counts what each shard was given.
type shardLog struct {
	mu      sync.Mutex
	records map[int]int
}

func (l *shardLog) MessageBytesMax() int { return 1 << 20 }

func (l *shardLog) Append(_ context.Context, shard int, m *shardlog.Message) (shardlog.Position, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records[shard] += m.Records
	return 1, nil
}

// TestShardsChange: after the count has changed new records are spread over all shards, and over fewer again when it shrinks; nothing is lost between.
func TestShardsChange(t *testing.T) {
	log := &shardLog{records: map[int]int{}}
	e := startExporter(t, log, nil)
	for round, want := range []int{1, 4, 2} {
		e.SetShards(want)
		log.mu.Lock()
		clear(log.records)
		log.mu.Unlock()
		for i := range 40 {
			ld := logs(1, "x")
			ld.ResourceLogs().At(0).Resource().Attributes().PutInt("host", int64(100*round+i))
			if err := e.ConsumeLogs(t.Context(), ld); err != nil {
				t.Fatal(err)
			}
		}
		log.mu.Lock()
		n := 0
		for shard, records := range log.records {
			n += records
			if shard >= want {
				t.Errorf("shard %d of %d got %d records", shard, want, records)
			}
		}
		if n != 40 || len(log.records) != want {
			t.Errorf("%d shards: %v", want, log.records)
		}
		log.mu.Unlock()
	}
}
