package clustertest

import (
	"context"
	"flag"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"clew/ingest/members"
	"clew/ingest/shardlog"
	"clew/internal/harness"
	"clew/query/api"
)

var clewBefore = flag.String("before", "", "a clew built of an earlier commit, to be upgraded from; empty: the one under test, which is then only restarted")

// TestRollingUpgrade: a whole cluster of an earlier clew is replaced process by process while records come in and questions are asked. Every write succeeds, as far as a
// sender does that follows OTLP (it sends again, to the other collector), every answer is right or says what is missing, and at the end everything is there once.
func TestRollingUpgrade(t *testing.T) {
	o := Options{Shards: 2, Binary: *clewBefore, Config: smallSegments, Roles: map[string]int{"collector": 2, "ingest": 2, "query": 2}}
	c := startWith(t, o)
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	if _, err := c.WaitOwned(ctx, c.Of("query")[0], fair); err != nil {
		t.Fatal(err)
	}
	l := newTraffic(time.Now().Add(-time.Minute))
	var collectors, queries atomic.Pointer[[]*harness.Process]
	look := func(without string) {
		for role, list := range map[string]*atomic.Pointer[[]*harness.Process]{"collector": &collectors, "query": &queries} {
			all := c.Of(role)
			if role == "query" { // who asks knows whom not to ask; who sends finds out
				for i, p := range all {
					if p == c.Processes[without] {
						all = append(all[:i:i], all[i+1:]...)
						break
					}
				}
			}
			list.Store(&all)
		}
	}
	look("")
	askers := func() []*harness.Process { return *queries.Load() }
	stop := l.run(t, func() []*harness.Process { return *collectors.Load() }, true)
	defer stop()
	settling, end := context.WithCancel(ctx)
	defer end()
	go l.settle(settling, c, func() *harness.Process { return askers()[0] })
	waitKnown(t, l, 200)

	// Collectors first and in between: who writes must not write what those that are still old cannot read.
	for _, name := range []string{"collector-1", "ingest-1", "query-1", "query-2", "ingest-2", "collector-2"} {
		look(name)
		time.Sleep(200 * time.Millisecond) // who was chosen before has been asked
		if err := c.Processes[name].Stop(20 * time.Second); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		q := askFor(t, l, askers, time.Second, namesShard)
		if err := c.RunBinary(name, *clewBinary); err != nil {
			t.Fatal(err)
		}
		if err := c.Processes[name].WaitReady(time.Minute); err != nil {
			t.Fatal(err)
		}
		look("")
		if _, err := c.WaitOwned(ctx, askers()[0], nil); err != nil {
			t.Fatal(err)
		}
		if *clewBefore != "" && name != "collector-2" {
			writesOnly(ctx, t, c, askers()[0], 2)
		}
		t.Logf("%s is replaced: %v; afterwards %v", name, q, askFor(t, l, askers, long(time.Second), namesShard))
	}
	waitWrites(ctx, t, c, askers()[0], shardlog.MessageVersion)
	t.Logf("stamped messages: %v", askFor(t, l, askers, long(time.Second), namesShard))
	t.Logf("whole %s later", wholeWithin(t, l, askers, failoverMax).Round(time.Millisecond))
	stop()
	end()
	l.settleOnce(ctx, c, func() *harness.Process { return askers()[0] })
	if k := l.known(); k.logs != l.all.logs || k.logs == 0 || l.edge != l.next {
		t.Errorf("%d of %d requests were acknowledged, %d of %d log records are known", l.edge, l.next, k.logs, l.all.logs)
	}
	if s, err := c.Status(ctx, askers()[0]); err != nil || slices.ContainsFunc(s.List, func(s api.ClusterShard) bool { return len(s.Lost) > 0 }) {
		t.Errorf("something is called lost: %+v, %v", s, err)
	}
	t.Logf("at the end: %d log records, %d spans, %d points: %v", l.all.logs, l.all.spans, l.all.points, askFor(t, l, askers, 2*time.Second, nil))
}

// writesOnly holds the processes that say what they write to a version of messages.
func writesOnly(ctx context.Context, t *testing.T, c *Cluster, of *harness.Process, version int) {
	t.Helper()
	s, err := c.Status(ctx, of)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range s.Members {
		if v, says := m.Writes[members.FormatMessage]; says && v != version {
			t.Errorf("%s writes messages of version %d while older processes are there", m.Name, v)
		}
	}
}

// waitWrites waits until all processes write a version of messages.
func waitWrites(ctx context.Context, t *testing.T, c *Cluster, of *harness.Process, version int) {
	t.Helper()
	for {
		s, err := c.Status(ctx, of)
		if err == nil && !slices.ContainsFunc(s.Members, func(m api.ClusterMember) bool { return m.Writes[members.FormatMessage] != version }) {
			return
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("not all write version %d: %+v, %v", version, s, err)
		}
	}
}
