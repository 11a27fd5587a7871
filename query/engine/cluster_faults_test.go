package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"clew/index/catalog"
	"clew/internal/telemetry"
	"clew/query/engine"
	"clew/query/fanout"
)

// roster is a membership that a test changes.
type roster struct {
	mu   sync.Mutex
	self string
	now  fanout.Membership
}

// Members implements fanout.Members.
func (r *roster) Members() fanout.Membership {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.now
	m.Self = r.self
	return m
}

func (r *roster) set(change func(m *fanout.Membership)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := r.now
	next.Members = append([]fanout.Member(nil), next.Members...)
	next.Shards = append([]fanout.ShardOwner(nil), next.Shards...)
	change(&next)
	r.now = next
}

// three is a query process without shards, which coordinates, and two others with two shards each. There are 600 log records, a third of them sealed.
func three(t *testing.T) (w *world, ask *engine.Engine, others []*process, members *roster) {
	t.Helper()
	w = newWorld(t, 4)
	first := w.start("ingest-0", 0, 1)
	second := w.start("ingest-1", 2, 3)
	asking := w.start("query-0")
	members = &roster{self: "query-0", now: fanout.Membership{Members: []fanout.Member{{Name: "query-0", Query: true}}}}
	for i, p := range []*process{first, second} {
		p.serve(t)
		members.now.Members = append(members.now.Members, fanout.Member{Name: p.name, Address: p.listener.Addr().String(), Query: true})
		for _, s := range []int{2 * i, 2*i + 1} {
			members.now.Shards = append(members.now.Shards, fanout.ShardOwner{Shard: s, Owner: p.name, Epoch: 1})
		}
	}
	c := fanout.NewCoordinator(asking.engine, asking.source, members, discard, grpc.WithTransportCredentials(insecure.NewCredentials()))
	t.Cleanup(c.Close)
	batches, _ := engine.RandomBatches(rand.New(rand.NewPCG(1, 2)), telemetry.Logs, 600, 12)
	for i, b := range batches {
		w.add(i%4, b)
	}
	for s := range 4 {
		w.seal(s, telemetry.Logs)
	}
	return w, asking.engine, []*process{first, second}, members
}

var allLogs = engine.Request{Tenant: "default", Signal: telemetry.Logs}

func count(t *testing.T, e *engine.Engine) (uint64, string) {
	t.Helper()
	n, err := e.Count(t.Context(), allLogs)
	if err != nil {
		t.Fatal(err)
	}
	return n.Count, strings.Join(n.Stats.Partial, "; ")
}

// A process that ends takes its heads along until its shards have another owner, and nothing else.
func TestClusterProcessEnds(t *testing.T) {
	w, ask, others, members := three(t)
	if n, partial := count(t, ask); n != 600 || partial != "" {
		t.Fatalf("counted %d, partial %q", n, partial)
	}
	others[1].stop()
	n, partial := count(t, ask)
	if n != 400 || !strings.Contains(partial, "shard 2: its owner ingest-1") || !strings.Contains(partial, "shard 3") || strings.Contains(partial, "shard 1") {
		t.Errorf("counted %d, partial %q", n, partial)
	}
	members.set(func(m *fanout.Membership) {
		m.Members = m.Members[:2]
		m.Shards[2] = fanout.ShardOwner{Shard: 2, Since: engine.TestNow}
		m.Shards[3] = fanout.ShardOwner{Shard: 3}
	})
	n, partial = count(t, ask)
	want := "unsealed records of shard 2: it has no owner since 2026-11-21T12:00:00Z; unsealed records of shard 3: it has no owner"
	if n != 400 || partial != want {
		t.Errorf("counted %d, partial %q, want %q", n, partial, want)
	}
	w.mu.Lock() // the other process takes them over
	others[0].heads.shards = []int{0, 1, 2, 3}
	w.shards[2].epoch, w.shards[3].epoch = 2, 2
	w.mu.Unlock()
	members.set(func(m *fanout.Membership) {
		m.Shards[2] = fanout.ShardOwner{Shard: 2, Owner: "ingest-0", Epoch: 2}
		m.Shards[3] = fanout.ShardOwner{Shard: 3, Owner: "ingest-0", Epoch: 2}
	})
	if n, partial := count(t, ask); n != 600 || partial != "" {
		t.Errorf("counted %d, partial %q", n, partial)
	}
}

// A process that hangs costs one query no more than the bound, and those after it nothing for a while.
func TestClusterProcessHangs(t *testing.T) {
	_, ask, others, members := three(t)
	others[1].stop()
	deaf, err := net.Listen("tcp", "127.0.0.1:0") // connections wait to be accepted: a stopped process
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = deaf.Close() }()
	members.set(func(m *fanout.Membership) { m.Members[2].Address = deaf.Addr().String() })
	began := time.Now()
	n, partial := count(t, ask)
	if took := time.Since(began); n != 400 || !strings.Contains(partial, "shard 2: its owner ingest-1 does not answer") || took > 15*time.Second {
		t.Errorf("counted %d after %v, partial %q", n, took, partial)
	}
	if n, partial := count(t, ask); n != 400 || !strings.Contains(partial, "shard 2: its owner ingest-1 did not answer a moment ago") {
		t.Errorf("then counted %d, partial %q", n, partial)
	}
}

// Of two owners of a shard the later one is asked; one that was followed by another before the last commit is not believed.
func TestClusterTwoOwners(t *testing.T) {
	w, ask, others, members := three(t)
	w.mu.Lock()
	others[0].heads.shards = []int{0, 1, 2} // shard 2 is in both
	w.mu.Unlock()
	members.set(func(m *fanout.Membership) {
		m.Shards = append(m.Shards, fanout.ShardOwner{Shard: 2, Owner: "ingest-0", Epoch: 7})
	})
	if n, partial := count(t, ask); n != 600 || partial != "" {
		t.Errorf("counted %d, partial %q", n, partial)
	}
	w.mu.Lock()
	w.shards[2].epoch = 9
	w.mu.Unlock()
	w.seal(2, telemetry.Logs) // the commit is of epoch 9
	w.mu.Lock()
	w.shards[2].epoch = 7 // what is asked is older
	w.mu.Unlock()
	_, partial := count(t, ask)
	if !strings.Contains(partial, "shard 2") || !strings.Contains(partial, "epoch 7 has been followed by another") {
		t.Errorf("partial %q", partial)
	}
}

// A catalog that lags behind a head waits.
func TestClusterCatalogLags(t *testing.T) {
	w, ask, _, _ := three(t)
	w.mu.Lock()
	late := w.catalogs[2] // the asking process's
	w.catalogs = w.catalogs[:2]
	w.mu.Unlock()
	before := w.sequence
	missed := w.sealFor(t, 1)
	time.AfterFunc(200*time.Millisecond, func() {
		if err := late.Apply(before+1, missed); err != nil {
			t.Error(err)
		}
	})
	if n, partial := count(t, ask); n != 600 || partial != "" {
		t.Errorf("counted %d, partial %q", n, partial)
	}
}

// sealFor seals a generation of logs and gives the commit.
func (w *world) sealFor(t *testing.T, shard int) (cm catalog.Commit) {
	t.Helper()
	w.mu.Lock()
	w.heard = func(c catalog.Commit) { cm = c }
	w.mu.Unlock()
	if !w.seal(shard, telemetry.Logs) {
		t.Fatal("nothing to seal")
	}
	return cm
}

// What other processes answer takes memory of the engine's account: a query that needs more than it may is told so, many at once are told to try again, and all is given back.
func TestClusterMemory(t *testing.T) {
	_, ask, _, _ := three(t)
	search := engine.Search{Request: allLogs, Limit: 600}
	if found, err := ask.Search(t.Context(), search); err != nil || len(found.Records) != 600 {
		t.Fatalf("%d records: %v", len(found.Records), err)
	}
	ask.UseLimits(func(l *engine.Limits) { l.Memory = 64 << 10 })
	_, err := ask.Search(t.Context(), search)
	if _, limited := errors.AsType[*engine.LimitError](err); !limited {
		t.Errorf("a query that takes more than it may: %v", err)
	}
	ask.UseLimits(func(l *engine.Limits) { l.Memory = 8 << 20 })
	ask.UseMemory(1 << 20)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if _, err := ask.Search(t.Context(), search); err != nil && !errors.Is(err, engine.ErrBusy) {
				if _, limited := errors.AsType[*engine.LimitError](err); !limited {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if used := ask.MemoryUsed(); used != 0 {
		t.Errorf("%d bytes are taken when nobody asks", used)
	}
}

// What is wrong with a question is said alike, wherever it was found out.
func TestClusterErrorsTravel(t *testing.T) {
	_, ask, others, _ := three(t)
	for _, p := range others {
		p.engine.UseLimits(func(l *engine.Limits) { l.Groups = 2 })
	}
	_, err := ask.CountBy(t.Context(), allLogs, "service", 0)
	var limit *engine.LimitError
	if !errors.As(err, &limit) || limit.Max != 2 {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ask.Count(ctx, allLogs); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v after the client has left", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	if _, err := ask.Count(ctx, allLogs); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v after the deadline", err)
	}
}

// BenchmarkCluster asks clusters of 1, 2 and 4 processes on loopback, and an engine that has everything itself.
func BenchmarkCluster(b *testing.B) {
	w := newWorld(b, 4)
	one := w.start("one", 0, 1, 2, 3)
	engines := map[string]*engine.Engine{"local": one.engine}
	names := []string{"local"}
	for _, n := range []int{1, 2, 4} {
		name := fmt.Sprint(n)
		engines[name], names = w.cluster(n)[0].engine, append(names, name)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for _, signal := range []telemetry.Signal{telemetry.Logs, telemetry.Spans} {
		batches, _ := engine.RandomBatches(rng, signal, 4000, 40)
		for i, batch := range batches {
			w.add(i%4, batch)
		}
		for s := range 32 {
			w.seal(s%4, signal)
		}
	}
	id := telemetry.TraceID{0: 3, 15: 7}
	for _, op := range []struct {
		name string
		ask  func(e *engine.Engine) error
	}{
		{"count", func(e *engine.Engine) error { _, err := e.Count(b.Context(), allLogs); return err }},
		{"search", func(e *engine.Engine) error {
			_, err := e.Search(b.Context(), engine.Search{Request: allLogs, Limit: 50})
			return err
		}},
		{"trace", func(e *engine.Engine) error { _, err := e.Trace(b.Context(), "default", id, 0, 0); return err }},
	} {
		for _, name := range names {
			b.Run(op.name+"/"+name, func(b *testing.B) {
				for b.Loop() {
					if err := op.ask(engines[name]); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
