package clustertest

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"clew/internal/natstest"
)

const leasesStream = "CLEW_LEASES"

// leaderFault takes the server away that leads the stream of the leases, and gives it back.
type leaderFault struct {
	name       string
	take, give func(s *natstest.Server) error
}

var leaderFaults = []leaderFault{
	{"kill -9", func(s *natstest.Server) error { s.Kill(); return nil }, (*natstest.Server).Start},
	{"SIGSTOP", (*natstest.Server).Pause, (*natstest.Server).Resume},
}

// phases are what such a fault costs, from its beginning on.
type phases struct {
	elected  time.Duration // until the stream of the leases has another leader
	renewed  time.Duration // until the lease of each shard has been written again, by whomever
	without  time.Duration // the longest time in which a shard had no owner that had caught up, as the query process sees it
	handOver int           // shards whose owner is another afterwards, or the same one anew
}

func (p phases) String() string {
	return fmt.Sprintf("elected %5.1f s, renewed %5.1f s, without an owner %5.1f s, handed over %d",
		p.elected.Seconds(), p.renewed.Seconds(), p.without.Seconds(), p.handOver)
}

// TestLeaderOfLeases: under load, the NATS server that leads the stream of the leases is lost. Owners keep their shards: they are alive, and are heard; no shard is without an
// owner for long, and every acknowledged record is found once. With CLEW_SOAK it is done ten times over for each fault, to see what it costs.
func TestLeaderOfLeases(t *testing.T) {
	repeat, lasts := 1, 8*time.Second
	if os.Getenv("CLEW_SOAK") != "" {
		repeat, lasts = 10, 12*time.Second
	}
	for _, fault := range leaderFaults {
		t.Run(fault.name, func(t *testing.T) {
			c := start(t, 4)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			if _, err := c.WaitOwned(ctx, c.Of("query")[0], fair); err != nil {
				t.Fatal(err)
			}
			stop := load(t, c)
			var all []phases
			for range repeat {
				p := loseLeader(ctx, t, c, fault, lasts)
				t.Log(p)
				if p.without > failoverMax {
					t.Errorf("a shard had no owner for %s", p.without)
				}
				all = append(all, p)
			}
			if repeat > 1 {
				summary(t, fault.name, all)
			}
			acknowledged, refused := stop()
			t.Logf("%d acknowledged, %d refused", acknowledged, refused)
			there(ctx, t, c, acknowledged, refused)
		})
	}
}

// there sees that what was acknowledged is found, and nothing that was not sent. What was refused may be there: an append whose server died is not known to have failed,
// and these senders do not send again.
func there(ctx context.Context, t *testing.T, c *Cluster, acknowledged, refused int) {
	t.Helper()
	for {
		n, partial, err := Count(ctx, c.Of("query")[0], "record")
		if err == nil && len(partial) == 0 && n >= acknowledged {
			if n > acknowledged+refused {
				t.Errorf("%d records are found, %d were sent", n, acknowledged+refused)
			}
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("%d records are found, %d were acknowledged; %v, %v", n, acknowledged, partial, err)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// summary says the median and the most of each phase.
func summary(t *testing.T, name string, all []phases) {
	of := func(f func(p phases) time.Duration) string {
		d := make([]time.Duration, len(all))
		for i := range all {
			d[i] = f(all[i])
		}
		slices.Sort(d)
		return fmt.Sprintf("%.1f (%.1f)", d[len(d)/2].Seconds(), d[len(d)-1].Seconds())
	}
	over := 0
	for _, p := range all {
		over += p.handOver
	}
	t.Logf("| %s | %d | %s | %s | %s | %d |", name, len(all), of(func(p phases) time.Duration { return p.elected }),
		of(func(p phases) time.Duration { return p.renewed }), of(func(p phases) time.Duration { return p.without }), over)
}

// loseLeader does it once, and returns when all is as it was.
func loseLeader(ctx context.Context, t *testing.T, c *Cluster, fault leaderFault, lasts time.Duration) phases {
	t.Helper()
	victim := leaderOf(t, c, leasesStream)
	js := reach(t, c, victim)
	query := c.Of("query")[0]
	before, err := c.WaitOwned(ctx, query, nil)
	if err != nil {
		t.Fatal(err)
	}
	written := leaseSequences(js, len(before.List))
	began := time.Now()
	if err := fault.take(victim); err != nil {
		t.Fatal(err)
	}
	var p phases
	var watching sync.WaitGroup
	watching.Go(func() { p.elected, p.renewed = watchLeases(ctx, js, victim.Name, written, began) })
	for ownerless := began; time.Since(began) < lasts; time.Sleep(50 * time.Millisecond) {
		status, err := c.Status(ctx, query)
		if err == nil && owned(status) == nil {
			ownerless = time.Now()
		}
		p.without = max(p.without, time.Since(ownerless))
	}
	// Whoever is without one still gets it with the server away.
	ownerless := time.Now().Add(-p.without)
	after, err := c.WaitOwned(ctx, query, nil)
	if err != nil {
		t.Fatal(err)
	}
	if waited := time.Since(ownerless); waited > p.without+time.Second {
		p.without = waited
	}
	watching.Wait()
	for i, s := range after.List {
		if s.Epoch != before.List[i].Epoch {
			p.handOver++
		}
	}
	if err := fault.give(victim); err != nil {
		t.Fatal(err)
	}
	if err := c.NATS.WaitReady(30 * time.Second); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * time.Second)
	if _, err := c.WaitOwned(ctx, query, fair); err != nil {
		t.Fatal(err)
	}
	return p
}

// watchLeases says when the stream had another leader, and when all of its leases had been written again.
func watchLeases(ctx context.Context, js nats.JetStreamContext, victim string, before map[int]uint64, began time.Time) (elected, renewed time.Duration) {
	for ; ctx.Err() == nil && renewed == 0; time.Sleep(50 * time.Millisecond) {
		if elected == 0 {
			if info, err := js.StreamInfo(leasesStream); err == nil && info.Cluster.Leader != "" && info.Cluster.Leader != victim {
				elected = time.Since(began)
			}
			continue
		}
		now := leaseSequences(js, len(before))
		if len(now) == len(before) && !slices.ContainsFunc(slices.Collect(maps.Keys(now)), func(shard int) bool { return now[shard] <= before[shard] }) {
			renewed = time.Since(began)
		}
	}
	return elected, renewed
}

// leaseSequences are the sequences of the shards' leases, as far as there are any.
func leaseSequences(js nats.JetStreamContext, shards int) map[int]uint64 {
	sequences := map[int]uint64{}
	for shard := range shards {
		if m, err := js.GetLastMsg(leasesStream, fmt.Sprintf("clew.lease.%d", shard)); err == nil {
			sequences[shard] = m.Sequence
		}
	}
	return sequences
}

// reach is JetStream by way of the servers but one.
func reach(t *testing.T, c *Cluster, but *natstest.Server) nats.JetStreamContext {
	t.Helper()
	var urls []string
	for _, s := range c.NATS.Servers {
		if s != but {
			urls = append(urls, s.URL)
		}
	}
	nc, err := nats.Connect(strings.Join(urls, ","), nats.Timeout(5*time.Second), nats.MaxReconnects(-1), nats.IgnoreDiscoveredServers())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := nc.JetStream(nats.MaxWait(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// leaderOf is the server that leads a stream.
func leaderOf(t *testing.T, c *Cluster, stream string) *natstest.Server {
	t.Helper()
	js := reach(t, c, nil)
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		info, err := js.StreamInfo(stream)
		if err != nil {
			continue
		}
		for _, s := range c.NATS.Servers {
			if s.Name == info.Cluster.Leader {
				return s
			}
		}
	}
	t.Fatalf("stream %s has no leader", stream)
	return nil
}
