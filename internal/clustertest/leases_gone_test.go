package clustertest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"clew/query/api"
)

// TestLeasesGone: the stream of leases is deleted, under its holder and while nobody owns the shard. It is made anew and counts from 1; owners keep their shard, or take it with an epoch
// above all that were, and what is acknowledged is found.
func TestLeasesGone(t *testing.T) {
	t.Parallel()
	o := Options{Shards: 1, Config: "ingest: {seal_after: 10m}\ncluster: {lease_ttl: 2s}\n", Roles: map[string]int{"collector": 1, "ingest,query": 1}}
	o.NATS.Servers = 1
	c := startWith(t, o)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	const owner = "ingest-query-1"
	wait := func(ok func(*api.Cluster) error) uint64 {
		t.Helper()
		s, err := c.WaitOwned(ctx, c.Processes[owner], ok)
		if err != nil {
			t.Fatal(err)
		}
		return s.List[0].Epoch
	}
	js := streams(t, c)
	there := func(*api.Cluster) error {
		st, err := js.Stream(ctx, leasesStream)
		if err != nil {
			return err
		}
		if st.CachedInfo().State.Msgs == 0 {
			return fmt.Errorf("nobody has written a lease into the stream made anew")
		}
		return nil
	}
	var epoch uint64
	for life := range 3 { // of the owner: each takes the shard with an epoch above
		now := wait(there)
		if now <= epoch {
			t.Errorf("life %d: epoch %d after %d", life, now, epoch)
		}
		epoch = now
		deliver(ctx, t, c, 10*life, 10)
		waitFound(ctx, t, c, 10*life+10, "")
		if life == 0 { // under its holder, which goes on
			if err := js.DeleteStream(ctx, leasesStream); err != nil {
				t.Fatal(err)
			}
			if now := wait(there); now != epoch {
				t.Errorf("its holder has epoch %d, after %d", now, epoch)
			}
		}
		c.Processes[owner].Kill()
		if err := js.DeleteStream(ctx, leasesStream); err != nil {
			t.Fatal(err)
		}
		if err := c.Run(owner); err != nil {
			t.Fatal(err)
		}
		if err := c.Processes[owner].WaitReady(time.Minute); err != nil {
			t.Fatal(err)
		}
	}
}
