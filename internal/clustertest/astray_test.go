package clustertest

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"clew/internal/natstest"
	"clew/query/api"
)

// streams is a connection to the cluster's NATS as a person has it.
func streams(t *testing.T, c *Cluster) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(strings.Join(c.NATS.URLs(), ","), nats.MaxReconnects(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// deliver sends records one by one until each is acknowledged, as senders do.
func deliver(ctx context.Context, t *testing.T, c *Cluster, first, n int) {
	t.Helper()
	for i := first; i < first+n; {
		err := SendLogs(ctx, c.Of("collector")[0], "record", i, 1)
		if err == nil {
			i++
			continue
		}
		if ctx.Err() != nil {
			t.Fatalf("record %d: %v", i, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// lossOf says whether a shard's losses have one of a reason.
func lossOf(reason string) func(*api.Cluster) error {
	return func(s *api.Cluster) error {
		if slices.ContainsFunc(s.List[0].Lost, func(l api.ClusterLoss) bool { return l.Reason == reason }) {
			return nil
		}
		return fmt.Errorf("losses are %+v, want one that is %s", s.List[0].Lost, reason)
	}
}

// waitFound waits until so many records are found, and all answers say that something is lost if partial.
func waitFound(ctx context.Context, t *testing.T, c *Cluster, want int, partial string) {
	t.Helper()
	for {
		n, why, err := Count(ctx, c.Of("query")[0], "service:checker")
		said := strings.Contains(strings.Join(why, "\n"), partial)
		if err == nil && n == want && (partial == "" && len(why) == 0 || partial != "" && said) {
			return
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("%d records of %d are found, partial %q, want %q: %v", n, want, why, partial, err)
		}
	}
}

// TestStreamAstray: messages that somebody deletes in the middle of a shard's stream are noticed, stay known, and answers say so. A stream that is deleted whole is made anew with
// positions above the old ones, and what its owner had read is there, as is all that was acknowledged afterwards.
func TestStreamAstray(t *testing.T) {
	t.Parallel()
	o := Options{Shards: 1, Config: "ingest: {seal_after: 10m}\ncluster: {lease_ttl: 2s}\n", Roles: map[string]int{"collector": 1, "ingest,query": 1, "query": 1}}
	o.NATS.Servers = 1
	c := startWith(t, o)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	const owner = "ingest-query-1"
	wait := func(ok func(*api.Cluster) error) *api.Cluster {
		t.Helper()
		s, err := c.WaitOwned(ctx, c.Processes[owner], ok)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	wait(nil)
	js := streams(t, c)

	// Two of ten messages are deleted before they are read.
	c.Processes[owner].Kill()
	deliver(ctx, t, c, 0, 10)
	st, err := js.Stream(ctx, "CLEW_LOG_0")
	if err != nil {
		t.Fatal(err)
	}
	for _, seq := range []uint64{4, 5} {
		if err := st.DeleteMsg(ctx, seq); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the second life knows of it from the catalog
		if err := c.Run(owner); err != nil {
			t.Fatal(err)
		}
		if err := c.Processes[owner].WaitReady(time.Minute); err != nil {
			t.Fatal(err)
		}
		s := wait(lossOf("missing"))
		if l := s.List[0].Lost; len(l) != 1 || l[0].From != 4 || l[0].To != 5 {
			t.Errorf("losses are %+v, want 4 to 5, once", l)
		}
		waitFound(ctx, t, c, 8, "messages 4 to 5 of its log are lost")
		c.Processes[owner].Kill()
	}
	if err := c.Run(owner); err != nil {
		t.Fatal(err)
	}
	wait(nil)

	// An administrator accepts it, by way of a process that does not own the shard: answers are whole, the list keeps it.
	var answer struct{ Accepted []string }
	if err := c.Of("collector")[0].Post(ctx, "/api/v1/admin/losses/accept?id=0:4-5:missing", &answer); err == nil {
		t.Error("a process without a catalog accepts a loss")
	}
	if err := c.Processes[owner].Post(ctx, "/api/v1/admin/losses/accept?id=0:4-6:missing", &answer); err == nil || !strings.Contains(err.Error(), "there is no loss") {
		t.Errorf("a loss that is not there: %v", err)
	}
	if err := c.Processes["query-1"].Post(ctx, "/api/v1/admin/losses/accept?id=0:4-5:missing", &answer); err != nil {
		t.Fatal(err)
	}
	waitFound(ctx, t, c, 8, "")
	if l := wait(nil).List[0].Lost; len(l) != 1 || l[0].Accepted == nil || l[0].By == "" {
		t.Errorf("losses are %+v, want one that is accepted", l)
	}

	// The stream is deleted under its owner, which has the records in memory only.
	deliver(ctx, t, c, 10, 10)
	waitFound(ctx, t, c, 18, "")
	if err := js.DeleteStream(ctx, "CLEW_LOG_0"); err != nil {
		t.Fatal(err)
	}
	deliver(ctx, t, c, 20, 10)
	s := wait(lossOf("gone"))
	if first := s.List[0].First; first < 21 {
		t.Errorf("the stream made anew begins at %d, and positions to 20 had a meaning", first)
	}
	waitFound(ctx, t, c, 28, "what its log held from message 21 on is lost (gone)")
}

// TestStreamOlder: NATS comes back with an older store, under the owner, which has what came afterwards in memory only. It seals that, and the stream goes on above it: all that was
// acknowledged before and afterwards is found, and nothing is called lost.
func TestStreamOlder(t *testing.T) {
	t.Parallel()
	o := Options{Shards: 1, Config: "ingest: {seal_after: 10m}\ncluster: {lease_ttl: 2s}\n", Roles: map[string]int{"collector": 1, "ingest,query": 1}}
	o.NATS.Servers = 1
	c := startWith(t, o)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	wait := func() *api.Cluster {
		t.Helper()
		s, err := c.WaitOwned(ctx, c.Processes["ingest-query-1"], nil)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	start := func(nats *natstest.Server) {
		t.Helper()
		if err := nats.Start(); err != nil {
			t.Fatal(err)
		}
	}
	wait()
	nats := c.NATS.Servers[0]
	deliver(ctx, t, c, 0, 10)
	waitFound(ctx, t, c, 10, "")
	nats.Kill()
	older := nats.Dir + ".older"
	if err := os.CopyFS(older, os.DirFS(nats.Dir)); err != nil {
		t.Fatal(err)
	}
	start(nats)
	deliver(ctx, t, c, 10, 10)
	waitFound(ctx, t, c, 20, "")
	nats.Kill()
	if err := os.RemoveAll(nats.Dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(older, nats.Dir); err != nil {
		t.Fatal(err)
	}
	start(nats)
	deliver(ctx, t, c, 20, 10)
	waitFound(ctx, t, c, 30, "")
	if s := wait(); len(s.List[0].Lost) > 0 || s.List[0].Floor < 20 {
		t.Errorf("floor %d, lost %+v", s.List[0].Floor, s.List[0].Lost)
	}
}
