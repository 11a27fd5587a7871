package sample

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"

	"clew/agents/diskqueue"
	"clew/agents/origin"
)

func randomID(r *rand.Rand) (id pcommon.TraceID) {
	binary.BigEndian.PutUint64(id[:8], r.Uint64())
	binary.BigEndian.PutUint64(id[8:], r.Uint64())
	return id
}

// The share holds, a trace is whole, what a smaller share keeps a larger one keeps too, and what is dropped is counted.
func TestTraces(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const n = 20000
	dropped := 0
	f := NewFactory(func(signal string, tallies []diskqueue.Tally) {
		if signal != "spans" {
			t.Errorf("signal %s", signal)
		}
		dropped += tallies[0].Records
	})
	cfg := f.CreateDefaultConfig().(*Config)
	cfg.Traces = 0.25
	sink := new(consumertest.TracesSink)
	p, err := f.CreateTraces(t.Context(), processortest.NewNopSettings(Type), cfg, sink)
	if err != nil {
		t.Fatal(err)
	}
	for range n / 100 {
		d := ptrace.NewTraces()
		spans := d.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
		for range 50 {
			id := randomID(r)
			if keeps(id, 0.25) && !keeps(id, 0.5) || keeps(id, 0) || !keeps(id, 1) {
				t.Fatal("shares are not nested")
			}
			for range 2 {
				spans.AppendEmpty().SetTraceID(id)
			}
		}
		if err := p.ConsumeTraces(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	kept := sink.SpanCount()
	if kept+dropped != n || math.Abs(float64(kept)/n-0.25) > 0.02 || kept%2 != 0 {
		t.Errorf("kept %d, dropped %d of %d", kept, dropped, n)
	}
}

func TestLogsBySeverity(t *testing.T) {
	dropped := 0
	f := NewFactory(func(_ string, tallies []diskqueue.Tally) { dropped += tallies[0].Records })
	cfg := f.CreateDefaultConfig().(*Config)
	cfg.Logs.Debug, cfg.Logs.Info = 0, 0.5
	sink := new(consumertest.LogsSink)
	p, err := f.CreateLogs(t.Context(), processortest.NewNopSettings(Type), cfg, sink)
	if err != nil {
		t.Fatal(err)
	}
	const n = 4000
	d := plog.NewLogs()
	records := d.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for range n {
		for _, s := range []plog.SeverityNumber{0, plog.SeverityNumberDebug2, plog.SeverityNumberInfo, plog.SeverityNumberFatal} {
			records.AppendEmpty().SetSeverityNumber(s)
		}
	}
	if err := p.ConsumeLogs(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	have := map[plog.SeverityNumber]int{}
	for _, record := range sink.AllLogs()[0].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
		have[record.SeverityNumber()]++
	}
	info := have[plog.SeverityNumberInfo]
	if have[0] != n || have[plog.SeverityNumberFatal] != n || have[plog.SeverityNumberDebug2] != 0 || math.Abs(float64(info)/n-0.5) > 0.05 || dropped != n+n-info {
		t.Errorf("%v, dropped %d", have, dropped)
	}
}

func TestSharesAreChecked(t *testing.T) {
	for _, c := range []*Config{{Traces: 1.5}, {Traces: math.NaN()}, {Logs: Logs{Warn: -1}}} {
		if c.Validate() == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}

// What the next one refuses comes again: it is not counted before it is taken.
func TestRefusedIsNotCounted(t *testing.T) {
	var dropped []diskqueue.Tally
	f := NewFactory(func(_ string, tallies []diskqueue.Tally) { dropped = append(dropped, tallies...) })
	cfg := f.CreateDefaultConfig().(*Config)
	cfg.Logs.Debug = 0
	full := errors.New("full")
	next, err := consumer.NewLogs(func(context.Context, plog.Logs) error { return full })
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.CreateLogs(t.Context(), processortest.NewNopSettings(Type), cfg, next)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []error{full, nil} {
		d := plog.NewLogs()
		records := d.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
		records.AppendEmpty().SetSeverityNumber(plog.SeverityNumberInfo)
		lr := records.AppendEmpty()
		lr.SetSeverityNumber(plog.SeverityNumberDebug)
		lr.Attributes().PutStr(origin.PathAttribute, "/var/log/x")
		full = want
		if err := p.ConsumeLogs(t.Context(), d); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	want := []diskqueue.Tally{{Origin: diskqueue.Origin{Kind: "file", Name: "/var/log/x"}, Records: 1}}
	if diff := cmp.Diff(want, dropped); diff != "" {
		t.Error(diff)
	}
}
