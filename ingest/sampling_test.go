package ingest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"clew/ingest/tailsample"
	"clew/internal/telemetry"
)

// sampledConfig keeps traces of which a span has an n of 400 to 480, and a fifth of the others.
func sampledConfig() Config {
	cfg := countingConfig()
	lo, hi := 400.0, 480.0
	cfg.TailSampling = tailsample.Config{
		DecisionWait: 500 * time.Millisecond, Late: 30 * time.Second, TracesMax: 1000, HeldBytesMax: 1 << 20,
		Policies: []tailsample.Policy{
			{Name: "range", Type: "numeric_attribute", NumericAttribute: &tailsample.NumericAttribute{Key: "n", MinValue: &lo, MaxValue: &hi}},
			{Name: "some", Type: "probabilistic", Probabilistic: &tailsample.Probabilistic{SamplingPercentage: 20}},
		},
	}
	return cfg
}

// Spans of a trace come in two messages with others between them. What is kept is the same whether ingest runs through, or is stopped again and again without
// sealing, or with a seal of what was decided: and always whole traces.
func TestTailSamplingSurvivesRestarts(t *testing.T) {
	const spans = 800 // 8 to a trace
	var want []int
	for round := range 3 {
		dir := t.TempDir()
		r := openRig(t, dir, sampledConfig(), nil)
		source, sent := r.source, 0
		for i := 0; i < spans; i += 4 {
			// The second half of each trace comes forty messages later.
			first := i
			if k := i / 4; k%2 == 1 && k >= 41 {
				first = (k - 40) * 4
			} else if k%2 == 1 {
				continue
			}
			r.send(t, spanBatch("a", first, 4))
			sent += 4
			if i%100 == 0 && round > 0 {
				time.Sleep(200 * time.Millisecond)
				if round == 2 && i%200 == 0 {
					r.settle(t)
					if err := r.Seal(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				r.stop()
				seq := r.seq
				r = openRig(t, dir, sampledConfig(), nil)
				r.source, r.seq = source, seq
			}
		}
		r.send(t, logBatch("a", 0, 10)) // logs wait for nothing, and are not sampled
		if err := r.settled(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, err := r.numbers(t.Context(), "a", telemetry.Spans)
		if err != nil {
			t.Fatal(err)
		}
		if len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Fatalf("round %d: spans are there twice", round)
		}
		r.want(t, "a", telemetry.Logs, 10)
		r.wantCounted(t, fmt.Sprint("round ", round), "a", sent, 10) // those that are not kept, too
		if round == 0 {
			want = got
			if len(got) < 100 || len(got) > spans/2 || !slices.Contains(got, 440) {
				t.Fatalf("kept %d of %d spans", len(got), spans)
			}
		} else if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("round %d: kept %d spans, want %d:\n%v\n%v", round, len(got), len(want), got, want)
		}
		r.stop()
	}
}

// While messages are held, logs go on, seals wait, and nothing held is trimmed from the log.
func TestTailSamplingHolds(t *testing.T) {
	cfg := sampledConfig()
	cfg.TailSampling.DecisionWait = 3 * time.Second
	cfg.TailSampling.Policies = []tailsample.Policy{{Name: "all", Type: "always_sample"}}
	dir := t.TempDir()
	r := openRig(t, dir, cfg, nil)
	began := time.Now()
	r.send(t, spanBatch("a", 0, 8))
	r.send(t, logBatch("a", 0, 8))
	o, err := r.waitOwner(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for o.read.Load() < 2 {
		time.Sleep(time.Millisecond)
	}
	r.want(t, "a", telemetry.Logs, 8)
	r.want(t, "a", telemetry.Spans, 0)
	if !r.Ready() {
		t.Error("not ready while messages are held")
	}
	if err := r.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if held := time.Since(began); held < cfg.TailSampling.DecisionWait {
		t.Errorf("sealed %s after the messages were sent", held)
	}
	r.want(t, "a", telemetry.Spans, 8)
	if n := len(r.catalog.Current().Tenants()); n != 1 {
		t.Errorf("%d tenants are sealed", n)
	}
	state, err := r.log.State(t.Context(), 0)
	if err != nil || state.First != 1 {
		t.Errorf("the log begins at %d (%v): a replay needs what the window holds", state.First, err)
	}
	r.stop()
	r = openRig(t, dir, cfg, nil)
	r.settle(t)
	r.want(t, "a", telemetry.Spans, 8)
	r.want(t, "a", telemetry.Logs, 8)
}
