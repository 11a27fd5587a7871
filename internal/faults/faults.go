package faults

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// Run is a fault as it happens: what it breaks, and when.
type Run struct {
	*Cluster
	Checker  *Checker
	injected time.Time
	healed   time.Time
	failover chan time.Duration // nil: no owner was lost
	note     string
	flipped  bool // bits of the log: it is counted how much of that owners have read
}

// Fault is a way to break a cluster. Do breaks it, at r.inject, and mends it, at r.heal; the load goes on until it returns, and longer.
type Fault struct {
	Name  string
	Short bool // a short form of it is part of make test
	// OneNode breaks a single clew instead of a cluster.
	OneNode bool
	// Before is called before anything but the object store runs. Optional.
	Before func(t *testing.T, c *Cluster)
	Do     func(ctx context.Context, r *Run) error
}

func (r *Run) heal() { r.healed = time.Now() }

// inject notes that the fault begins. An owner who is lost by it is watched until others have its shards.
func (r *Run) inject(ctx context.Context, lost string) {
	r.injected = time.Now()
	if lost == "" {
		return
	}
	r.failover = make(chan time.Duration, 1)
	ask := r.Of("query")[0]
	go func() {
		for ctx.Err() == nil {
			if s, err := Status(ctx, ask); err == nil && owned(s, lost) {
				break
			}
			time.Sleep(askEvery / 2)
		}
		r.failover <- time.Since(r.injected)
	}()
}

// owner is who owns shard 0.
func (r *Run) owner(ctx context.Context) (string, error) {
	s, err := Status(ctx, r.Processes["query-1"])
	if err != nil {
		return "", err
	}
	for _, shard := range s.List {
		if shard.Shard == 0 && shard.Owner != "" {
			return shard.Owner, nil
		}
	}
	return "", fmt.Errorf("shard 0 has no owner")
}

// held is how long a fault lasts that does not end by itself: longer than a lease and what follows its end.
var held = 15 * time.Second

// Faults are all, in the order of the table.
var Faults = []Fault{
	{Name: "none", Do: func(ctx context.Context, r *Run) error { r.inject(ctx, ""); time.Sleep(held); return nil }},
	{Name: "kill -9 of an owner", Do: func(ctx context.Context, r *Run) error {
		owner, err := r.owner(ctx)
		if err != nil {
			return err
		}
		return r.killed(ctx, owner, true)
	}},
	{Name: "kill -9 of a collector", Do: func(ctx context.Context, r *Run) error { return r.killed(ctx, "collector-1", false) }},
	{Name: "kill -9 of a query process", Do: func(ctx context.Context, r *Run) error { return r.killed(ctx, "query-2", false) }},
	{Name: "kill -9 of a NATS server that follows", Do: func(ctx context.Context, r *Run) error { return r.server(ctx, 1, killServer) }},
	{Name: "kill -9 of the NATS server that leads", Short: true, Do: func(ctx context.Context, r *Run) error { return r.server(ctx, 0, killServer) }},
	{Name: "SIGSTOP of an owner, which wakes up later", Do: func(ctx context.Context, r *Run) error {
		owner, err := r.owner(ctx)
		if err != nil {
			return err
		}
		r.inject(ctx, owner)
		if err := r.Processes[owner].Pause(); err != nil {
			return err
		}
		time.Sleep(held)
		r.heal()
		return r.Processes[owner].Resume()
	}},
	{Name: "SIGSTOP of the NATS server that leads", Do: func(ctx context.Context, r *Run) error { return r.server(ctx, 0, stopServer) }},
	{Name: "owner cut off, both ways", Short: true, Do: cutOwner(true, true)},
	{Name: "owner cut off, hears nothing", Do: cutOwner(true, false)},
	{Name: "owner cut off, is not heard", Do: cutOwner(false, true)},
	{Name: "leading NATS server cut off, both ways", Do: cutLeader(true, true)},
	{Name: "leading NATS server cut off, hears nothing", Do: cutLeader(true, false)},
	{Name: "leading NATS server cut off, is not heard", Do: cutLeader(false, true)},
	{Name: "collector cut off from the cluster, not from its senders", Do: func(ctx context.Context, r *Run) error { return r.cut(ctx, "collector-1", true, true, false) }},
	{Name: "5 % of packets lost, everywhere", Do: func(ctx context.Context, r *Run) error { return r.everywhere(ctx, Link{Loss: 0.05}) }},
	{Name: "50 ms of delay each way, everywhere", Do: func(ctx context.Context, r *Run) error { return r.everywhere(ctx, Link{Delay: 50 * time.Millisecond}) }},
	{Name: "object store answers 503", Do: func(ctx context.Context, r *Run) error {
		r.inject(ctx, "")
		r.Store.Answer(http.StatusServiceUnavailable)
		time.Sleep(held)
		r.Store.Answer(0)
		r.heal()
		return nil
	}},
	{Name: "object store takes 2 s for each request", Do: func(ctx context.Context, r *Run) error {
		r.inject(ctx, "")
		r.Store.Delay(2 * time.Second)
		time.Sleep(held)
		r.Store.Delay(0)
		r.heal()
		return nil
	}},
	{Name: "object store killed", Do: func(ctx context.Context, r *Run) error {
		r.inject(ctx, "")
		r.Gateway.Kill()
		time.Sleep(held)
		r.heal()
		r.Gateway.Restart(r.t)
		return nil
	}},
	{Name: "disk full under a NATS server", Before: smallDisk("log/nats-2", 768<<20), Do: diskFullNATS},
	{Name: "disk full under an owner's spool, and the object store killed", Before: smallDisk("ingest-1", 768<<20), Do: diskFullSpool},
	{Name: "disk full under all owners' spools, the object store killed, and an owner", Before: smallDisks("ingest-1", "ingest-2"), Do: diskFullSpools},
	{Name: "clock of an owner an hour ahead", Do: func(ctx context.Context, r *Run) error { return r.ownersClock(ctx, time.Hour) }},
	{Name: "clock of an owner an hour behind", Do: func(ctx context.Context, r *Run) error { return r.ownersClock(ctx, -time.Hour) }},
	{Name: "clock of a collector an hour ahead", Do: func(ctx context.Context, r *Run) error { return r.clock(ctx, "collector-1", time.Hour) }},
	{Name: "clock of a query process an hour behind", Do: func(ctx context.Context, r *Run) error { return r.clock(ctx, "query-1", -time.Hour) }},
	{Name: "bit flips in the log's files of a NATS server", Do: flipLog},
	{Name: "bit flips in the log's files of a NATS server, another stopped, an owner killed", Do: flipUnread},
	{Name: "bit flips in the snapshots of a NATS server, another stopped", Do: flipSnapshots},
	{Name: "bit flip in a segment", Do: flipSegment},
	{Name: "kill -9 of everything at once", Do: killAll},
	{Name: "power cut of everything at once", Before: smallDisk("log", 6<<30), Do: powerCut},
	{Name: "power cut of a NATS server, one lags, one is stopped", Before: smallDisk("log/nats-1", 3<<30), Do: powerCutOne},
	{Name: "one node: kill -9", OneNode: true, Do: func(ctx context.Context, r *Run) error { return r.killed(ctx, "node-1", false) }},
	{Name: "one node: power cut", OneNode: true, Before: smallDisk("node-1", 6<<30), Do: powerCut},
}

// killed kills a clew and starts it again.
func (r *Run) killed(ctx context.Context, name string, owns bool) error {
	r.inject(ctx, lostIf(owns, name))
	r.Processes[name].Kill()
	time.Sleep(held)
	r.heal()
	return r.Launch(name)
}

func lostIf(owns bool, name string) string {
	if owns {
		return name
	}
	return ""
}

type breakServer func(*Run, int) (mend func() error, err error)

func killServer(r *Run, i int) (func() error, error) {
	r.NATS.Servers[i].Kill()
	return r.NATS.Servers[i].Start, nil
}

func stopServer(r *Run, i int) (func() error, error) {
	return r.NATS.Servers[i].Resume, r.NATS.Servers[i].Pause()
}

// server breaks the NATS server that is so many after the leader.
func (r *Run) server(ctx context.Context, after int, do breakServer) error {
	leader, err := r.Leader()
	if err != nil {
		return err
	}
	r.inject(ctx, "")
	mend, err := do(r, (leader+after)%3)
	if err != nil {
		return err
	}
	time.Sleep(held)
	r.heal()
	return mend()
}

func (r *Run) cut(ctx context.Context, name string, in, out, owns bool) error {
	r.inject(ctx, lostIf(owns, name))
	r.Cut(name, in, out)
	time.Sleep(held)
	r.heal()
	r.Cut(name, false, false)
	return nil
}

func cutOwner(in, out bool) func(context.Context, *Run) error {
	return func(ctx context.Context, r *Run) error {
		owner, err := r.owner(ctx)
		if err != nil {
			return err
		}
		return r.cut(ctx, owner, in, out, true)
	}
}

func cutLeader(in, out bool) func(context.Context, *Run) error {
	return func(ctx context.Context, r *Run) error {
		leader, err := r.Leader()
		if err != nil {
			return err
		}
		return r.cut(ctx, r.NATS.Servers[leader].Name, in, out, false)
	}
}

func (r *Run) everywhere(ctx context.Context, l Link) error {
	r.inject(ctx, "")
	r.Everywhere(l)
	time.Sleep(held)
	r.heal()
	r.Everywhere(Link{})
	return nil
}

func (r *Run) ownersClock(ctx context.Context, offset time.Duration) error {
	owner, err := r.owner(ctx)
	if err != nil {
		return err
	}
	return r.clock(ctx, owner, offset)
}

// clock lets the clock of a clew jump, and jump back.
func (r *Run) clock(ctx context.Context, name string, offset time.Duration) error {
	r.inject(ctx, "")
	if err := r.SetClock(name, offset); err != nil {
		return err
	}
	took, err := r.waitClock(ctx, name, offset)
	if err != nil {
		return err
	}
	time.Sleep(held)
	r.heal()
	if err := r.SetClock(name, 0); err != nil {
		return err
	}
	back, err := r.waitClock(ctx, name, 0)
	r.note = fmt.Sprintf("by its own word %s was wrong %.1f s after the jump, and right %.1f s after the jump back", name, took.Seconds(), back.Seconds())
	return err
}
