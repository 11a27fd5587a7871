package clustertest

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"clew/internal/harness"
	"clew/internal/s3test"
	"clew/query/api"
)

var clewBinary = flag.String("clew", "", "a built clew; empty: it is built")

// TestMain builds clew for all tests, unless it is given or not asked for. Tests that mostly wait (for leases to end, elections, streams that stay away) are parallel; those in which
// time or load counts are not.
func TestMain(m *testing.M) {
	flag.Parse()
	for _, pair := range s3test.Environment() { // once: parallel tests can't each set it
		key, value, _ := strings.Cut(pair, "=")
		if err := os.Setenv(key, value); err != nil {
			panic(err)
		}
	}
	if *clewBinary != "" || testing.Short() {
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "clew-cluster-")
	if err != nil {
		panic(err) // nothing can be tested
	}
	if *clewBinary, err = harness.Build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// start runs a cluster with two collectors, two ingest and one query process until the test ends.
func start(t *testing.T, shards int) *Cluster {
	t.Helper()
	return startWith(t, Options{Shards: shards, Roles: map[string]int{"collector": 2, "ingest": 2, "query": 1}})
}

// startWith runs a cluster until the test ends.
func startWith(t *testing.T, o Options) *Cluster {
	t.Helper()
	if testing.Short() {
		t.Skip("a cluster of processes")
	}
	s3 := s3test.Start(t)
	o.Dir, o.Store = t.TempDir(), s3test.URL(s3.Address, "clew")
	if o.Binary == "" {
		o.Binary = *clewBinary
	}
	c, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for name, p := range c.Processes {
				t.Logf("%s:\n%s", name, p.Output())
			}
		}
		c.Kill()
	})
	return c
}

// load sends from both collectors until stop is called, which returns how many records were acknowledged and how many were not.
func load(t *testing.T, c *Cluster) (stop func() (acknowledged, refused int)) {
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var acked, failed, next atomic.Int64
	const batch = 20
	for _, p := range c.Of("collector") {
		wg.Go(func() {
			for ctx.Err() == nil {
				first := int(next.Add(batch)) - batch
				if err := SendLogs(context.WithoutCancel(ctx), p, "record", first, batch); err != nil {
					failed.Add(batch)
					t.Logf("refused: %v", err)
				} else {
					acked.Add(batch)
				}
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	t.Cleanup(func() { // where the test fails before it stops it: nothing is logged after its end
		cancel()
		wg.Wait()
	})
	return func() (int, int) {
		cancel()
		wg.Wait()
		return int(acked.Load()), int(failed.Load())
	}
}

// sealed seals everywhere, and counts what the query process finds.
func sealed(t *testing.T, c *Cluster, want int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, p := range c.Of("ingest") {
		if err := p.Post(ctx, "/api/v1/admin/seal", nil); err != nil {
			t.Fatal(err)
		}
	}
	var n int
	for ctx.Err() == nil {
		var err error
		if n, _, err = Count(ctx, c.Of("query")[0], "record"); err != nil {
			t.Fatal(err)
		}
		if n == want {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Errorf("%d records are found, %d were acknowledged", n, want)
}

// ownedBy waits until a process's shards have other owners, and says how long that took.
func ownedBy(t *testing.T, c *Cluster, lost string, from time.Time) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	_, err := c.WaitOwned(ctx, c.Of("query")[0], func(s *api.Cluster) error {
		for _, shard := range s.List {
			if shard.Owner == lost {
				return fmt.Errorf("shard %d is still with %s", shard.Shard, lost)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return time.Since(from)
}

// fair says whether the shards are spread evenly over the ingest processes.
func fair(s *api.Cluster) error {
	n := map[string]int{"ingest-1": 0, "ingest-2": 0}
	for _, shard := range s.List {
		n[shard.Owner]++
	}
	if counts := slices.Sorted(maps.Values(n)); counts[1]-counts[0] > 1 {
		return fmt.Errorf("unevenly owned: %v", n)
	}
	return nil
}

const failoverMax = 15 * time.Second

// TestFailover: under load, the owner of shards is killed, stopped where it is, and asked to end. Each time the other process has them within 15 seconds, and every
// acknowledged record is found once. Who comes back gets its share again, and one that wakes up is fenced off. Then the count of shards changes.
func TestFailover(t *testing.T) {
	c := start(t, 2)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	query := c.Of("query")[0]
	if _, err := c.WaitOwned(ctx, query, fair); err != nil {
		t.Fatal(err)
	}
	stop := load(t, c)
	time.Sleep(2 * time.Second)

	began := time.Now()
	c.Processes["ingest-1"].Kill()
	took := ownedBy(t, c, "ingest-1", began)
	t.Logf("kill -9: %s", took.Round(time.Millisecond))
	if took > failoverMax {
		t.Errorf("after kill -9 the shards had new owners after %s", took)
	}
	if err := c.Run("ingest-1"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.WaitOwned(ctx, query, fair); err != nil {
		t.Fatalf("after the return: %v", err)
	}
	t.Logf("shared again %s after the kill", time.Since(began).Round(time.Millisecond))

	began = time.Now()
	if err := c.Processes["ingest-2"].Pause(); err != nil {
		t.Fatal(err)
	}
	took = ownedBy(t, c, "ingest-2", began)
	t.Logf("SIGSTOP: %s", took.Round(time.Millisecond))
	if took > failoverMax {
		t.Errorf("after SIGSTOP the shards had new owners after %s", took)
	}
	if err := c.Processes["ingest-2"].Resume(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.WaitOwned(ctx, query, fair); err != nil {
		t.Fatalf("after the pause: %v", err)
	}

	began = time.Now()
	if err := c.Processes["ingest-1"].Stop(20 * time.Second); err != nil {
		t.Fatal(err)
	}
	took = ownedBy(t, c, "ingest-1", began)
	t.Logf("SIGTERM: %s", took.Round(time.Millisecond))
	if took > failoverMax/2 {
		t.Errorf("after SIGTERM the shards had new owners after %s", took)
	}
	if err := c.Run("ingest-1"); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{4, 1} {
		var answer struct{ Shards int }
		if err := query.Post(ctx, fmt.Sprintf("/api/v1/admin/shards?count=%d", n), &answer); err != nil {
			t.Fatal(err)
		}
		if _, err := c.WaitOwned(ctx, query, func(s *api.Cluster) error {
			if s.Shards != n || len(s.List) != 4 {
				return fmt.Errorf("%d shards of %d", s.Shards, len(s.List))
			}
			return fair(s)
		}); err != nil {
			t.Fatalf("%d shards: %v", n, err)
		}
		time.Sleep(3 * time.Second)
	}
	acknowledged, refused := stop()
	t.Logf("%d acknowledged, %d refused", acknowledged, refused)
	if acknowledged < 1000 || refused > acknowledged/10 {
		t.Errorf("%d acknowledged, %d refused", acknowledged, refused)
	}
	sealed(t, c, acknowledged)
}
