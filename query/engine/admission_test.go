package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"clew/index"
	"clew/index/segment"
	"clew/index/store"
	"clew/internal/telemetry"
)

// babble are records of random letters: nothing about them is in an index, so a regular expression has to look at each.
func babble(rng *rand.Rand, records, bytes int) []*modelRecord {
	out := make([]*modelRecord, records)
	for i := range out {
		r := &modelRecord{signal: telemetry.Logs, time: testNow.UnixNano() + int64(i), cells: map[telemetry.Column]any{}}
		text := make([]byte, bytes)
		for j := range text {
			text[j] = byte('a' + rng.IntN(20))
			if rng.IntN(7) == 0 {
				text[j] = ' '
			}
		}
		r.set(telemetry.LevelField, telemetry.FieldBody, telemetry.TypeString, string(text))
		out[i] = r
	}
	return out
}

// TestLookupBesideHeavyQueries has one tenant ask a hundred heavy questions at once, while another looks up traces: those wait for none of them.
func TestLookupBesideHeavyQueries(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	st, err := store.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cache := segment.NewCache(64<<20, 0)
	spans := traceWorld(rng, 200)
	source := &fixedSource{parts: map[telemetry.Signal][]index.Part{
		telemetry.Logs:  {sealed(t, st, cache, head(t, "l", logBatch(toLogs(babble(rng, 4000, 1000)))))},
		telemetry.Spans: {sealed(t, st, cache, head(t, "s", spanBatch(toTraces(spans))))},
	}}
	e := newEngine(t, source)
	e.limits.LightBytes = 1 << 20
	e.limits.Wait = time.Minute // on a busy machine the first of them would have given up before the last have come
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	// No literal, no character that every match needs, and too many states for an automaton: each row is tested by regexp, in milliseconds.
	heavy := Request{Tenant: "greedy", Signal: telemetry.Logs, Query: mustParse(t, `/[ab][a-t ]{300}[bc][a-t ]{300}[cd]$/`)}
	for range 100 {
		wg.Go(func() {
			if _, err := e.Count(ctx, heavy); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, ErrBusy) {
				t.Error(err)
			}
		})
	}
	waitFor(t, "heavy queries that wait", func() bool { _, waiting := e.heavy.turns.Load(); return waiting > 50 })
	if running, _ := e.heavy.turns.Load(); running > e.limits.Queries/2 {
		t.Errorf("one tenant has %d of %d heavy turns", running, e.limits.Queries)
	}
	worst := time.Duration(0)
	for range 20 {
		id := telemetry.TraceID(spans[rng.IntN(len(spans))].cells[telemetry.Column{Level: telemetry.LevelField, Key: telemetry.FieldTraceID, Type: telemetry.TypeBytes}].([]byte))
		started := time.Now()
		trace, err := e.Trace(t.Context(), "quiet", id, 0, 0)
		if err != nil || len(trace.Spans) == 0 {
			t.Fatal(err)
		}
		worst = max(worst, time.Since(started))
	}
	if _, waiting := e.heavy.turns.Load(); waiting == 0 {
		t.Fatal("the heavy queries are done: this tests nothing")
	}
	t.Logf("slowest lookup %v", worst)
	if worst > time.Second { // a turn among a hundred would be many seconds
		t.Errorf("a lookup took %v beside heavy queries", worst)
	}
	stop()
	wg.Wait()
	waitFor(t, "idleness", func() bool { return idle(e) == nil })
}

func waitFor(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !f(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no %s", what)
		}
	}
}

// idle says what the engine still holds.
func idle(e *Engine) error {
	for _, l := range []*lane{e.light, e.heavy} {
		for what, f := range map[string]func() (int, int){"turns": l.turns.Load, "slots": l.slots.Load} {
			if taken, waiting := f(); taken+waiting > 0 {
				return fmt.Errorf("%s lane: %d %s taken, %d wait", l.name, taken, what, waiting)
			}
		}
	}
	if used := e.memory.Used(); used > 0 {
		return fmt.Errorf("%d bytes taken", used)
	}
	return nil
}

// TestCancelInsideLongRows cancels queries over lines of a megabyte: they end within the row they are at.
func TestCancelInsideLongRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	e := newEngine(t, &fixedSource{parts: map[telemetry.Signal][]index.Part{
		telemetry.Logs: {head(t, "l", logBatch(toLogs(babble(rng, 40, 1<<20))))},
	}})
	r := Request{Tenant: "default", Signal: telemetry.Logs, Query: mustParse(t, `/([a-t]+ ?)*[x-z][a-t]*[x-z]$/`)}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	started := time.Now()
	_, err := e.Count(ctx, r)
	took := time.Since(started)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%v after %v, want the deadline", err, took)
	}
	t.Logf("ended %v after its deadline", took-50*time.Millisecond)
	if perRow := 40 * time.Second / 40; took > perRow { // all rows take many seconds
		t.Errorf("took %v with a deadline of 50 ms", took)
	}
	if err := idle(e); err != nil {
		t.Error(err)
	}
	runtime.GC() // the texts are large: give them back before other tests
}
