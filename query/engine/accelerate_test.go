package engine

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"clew/index/wordindex"
	"clew/internal/telemetry"
	"clew/query/parts"
)

// TestAnswersWithIndex asks the same with the vocabulary index empty, half fed and fed, and without one.
func TestAnswersWithIndex(t *testing.T) {
	w := newWorld(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 3 {
		records := randomRecords(rng, telemetry.Logs, 400)
		g := w.generation(1, uint64(10*i), uint64(10*i+10))
		g.Part = head(t, fmt.Sprint("random-", i), logBatch(toLogs(records)))
		w.seal(g)
	}
	limits := wordindex.DefaultLimits()
	limits.BatchLen = 20
	ix, err := wordindex.Open(t.TempDir(), limits, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ix.Close() })
	queries := []string{"timeout", "conn*", "conection~1", `"reset by peer"`, "alice", "5432", "web-1", "any:cart", "service:checkout", "/time.?out/", "http.status_code:5*", "-blk_3"}
	var want []uint64
	for _, q := range queries {
		want = append(want, w.count(q).Count)
	}
	check := func(state string) {
		t.Helper()
		e := newEngine(t, w.engine.source) // a new one: its cache knows nothing
		e.answers.UseIndex(ix, 1)
		for i, q := range queries {
			c, err := e.Count(t.Context(), Request{Tenant: "default", Signal: telemetry.Logs, Query: mustParse(t, q)})
			if err != nil || c.Count != want[i] {
				t.Errorf("%s with the index %s: %v, %v; want %d", q, state, c.Count, err, want[i])
			}
		}
	}
	check("empty")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- parts.NewFeeder(w.engine.source.(*parts.Segments), ix, slog.New(slog.DiscardHandler)).Run(ctx)
	}()
	check("being fed")
	for deadline := time.Now().Add(20 * time.Second); ix.Len() < 100; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the index has %d entries after 20 s", ix.Len())
		}
	}
	check("fed")
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	check("at rest")
	// Everything is dead at once, as if all had been compacted: what is held goes on being right, and the next pass makes a new generation.
	ix.Retain(func(string) bool { return false })
	before := ix.Stats()
	if before.Dead != before.Entries {
		t.Errorf("%+v: want all dead", before)
	}
	check("dead")
	if _, err := parts.NewFeeder(w.engine.source.(*parts.Segments), ix, slog.New(slog.DiscardHandler)).Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := ix.Stats(); s.Dead != 0 || s.Entries < before.Entries {
		t.Errorf("%+v after the next pass, %+v before", s, before)
	}
	check("fed again")
}
