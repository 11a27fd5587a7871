package clustertest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"clew/internal/harness"
	"clew/query/api"
)

// slowly lets a process run for a twentieth of the time, as on a machine that has far too much to do, until the end.
func slowly(t *testing.T, p *harness.Process) (end func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			if p.Pause() != nil {
				return // it has ended, and the test says why
			}
			time.Sleep(190 * time.Millisecond)
			if p.Resume() != nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
	end = func() { cancel(); running.Wait() }
	t.Cleanup(end)
	return end
}

// TestOwnerBehind: an owner that gets its records faster than it can read them keeps its shards, and answers say by how much it is behind. Those that call themselves whole have what was
// acknowledged before.
func TestOwnerBehind(t *testing.T) {
	c := startWith(t, Options{Shards: 2, Config: "cluster: {lease_ttl: 30s}\n", Roles: map[string]int{"collector": 1, "ingest": 1, "query": 1}})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	collector, owner, query := c.Of("collector")[0], c.Of("ingest")[0], c.Of("query")[0]
	if _, err := c.WaitOwned(ctx, query, nil); err != nil {
		t.Fatal(err)
	}

	// ack says how many records were acknowledged by when.
	type ack struct {
		at    time.Time
		total int
	}
	var mu sync.Mutex
	acks := []ack{{}}
	const batch, most = 1000, 300_000
	sending, stop := context.WithCancel(ctx)
	var senders sync.WaitGroup
	for sender := range 4 {
		senders.Go(func() {
			for first := sender * most; sending.Err() == nil && first < (sender+1)*most; first += batch {
				if err := SendLogs(ctx, collector, "record", first, batch); err != nil {
					t.Errorf("refused: %v", err)
					return
				}
				mu.Lock()
				acks = append(acks, ack{time.Now(), acks[len(acks)-1].total + batch})
				mu.Unlock()
			}
		})
	}
	endSending := func() { stop(); senders.Wait() }
	t.Cleanup(endSending)
	endSlow := slowly(t, owner)

	// What is promised is 3 s; the rest is for answers that are under way.
	const promised = 8 * time.Second
	said, shown := false, false
	for end := time.Now().Add(90 * time.Second); (!said || !shown) && time.Now().Before(end) && !t.Failed(); {
		asked := time.Now()
		n, reasons, err := Count(ctx, query, "record")
		if err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		last, _ := slices.BinarySearchFunc(acks, asked.Add(-promised), func(a ack, at time.Time) int { return a.at.Compare(at) })
		want := acks[max(0, last-1)].total
		mu.Unlock()
		if len(reasons) == 0 && n < want {
			t.Errorf("an answer that calls itself whole has %d records, of %d that were acknowledged %v before", n, want, promised)
		}
		for _, r := range reasons {
			said = said || strings.Contains(r, "its owner is ") && strings.Contains(r, "s behind: ")
		}
		status, err := c.Status(ctx, query)
		if err != nil {
			t.Fatal(err)
		}
		shown = shown || slices.ContainsFunc(status.List, func(s api.ClusterShard) bool { return s.Owner == "ingest-1" && s.CaughtUp && s.BehindSeconds > 2 })
	}
	if !said || !shown {
		t.Errorf("an answer says that an owner is behind: %v; the status does: %v", said, shown)
	}
	endSending()
	endSlow()

	mu.Lock()
	total := acks[len(acks)-1].total
	mu.Unlock()
	for {
		n, reasons, err := Count(ctx, query, "record")
		if err != nil {
			t.Fatal(err)
		}
		if len(reasons) == 0 && n == total {
			return
		}
		if n > total {
			t.Fatalf("%d of %d records", n, total)
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("%d of %d records, partial %q", n, total, reasons)
		}
	}
}
