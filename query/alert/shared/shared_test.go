package shared

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"clew/ingest/shardlog"
	"clew/query/alert"
	"clew/query/alert/memseries"
)

// newJetStream is a NATS server of the test's own.
func newJetStream(t *testing.T) jetstream.JetStream {
	t.Helper()
	srv, err := server.NewServer(&server.Options{DontListen: true, NoSigs: true, JetStream: true, StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	if !srv.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS does not start")
	}
	nc, err := nats.Connect("", nats.InProcessServer(srv))
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

// process is one's view of the shared state.
func process(t *testing.T, js jetstream.JetStream) *States {
	t.Helper()
	store, err := Open(t.Context(), js, 1)
	if err != nil {
		t.Fatal(err)
	}
	states, err := NewStates(store)
	if err != nil {
		t.Fatal(err)
	}
	return states
}

// Whoever takes a group over stops the one before, whatever that one believes of its lease.
func TestFence(t *testing.T) {
	js, ctx, group := newJetStream(t), t.Context(), "/etc/rules.yml;a group"
	a, b := process(t, js), process(t, js)
	load := func(s *States, want string) {
		t.Helper()
		if got, err := s.Load(ctx, group); err != nil || string(got) != want {
			t.Fatalf("state %q, error %v: want %q", got, err, want)
		}
	}
	save := func(s *States, state string, want error) {
		t.Helper()
		if err := s.Save(ctx, group, []byte(state)); !errors.Is(err, want) {
			t.Fatalf("save %q: error %v, want %v", state, err, want)
		}
	}
	save(a, "x", alert.ErrFenced) // not taken over
	load(a, "")
	save(a, "one", nil)
	save(a, "two", nil)
	if got, err := b.Peek(ctx, group); err != nil || string(got) != "two" {
		t.Errorf("a look: %q, %v", got, err)
	}
	save(a, "three", nil) // a look takes nothing over
	load(b, "three")
	save(a, "four", alert.ErrFenced)
	save(b, "five", nil)
	load(a, "five")
	save(b, "six", alert.ErrFenced)
	if got := a.Stored(ctx); !slices.Equal(got, []string{group}) {
		t.Errorf("stored %q", got)
	}
	save(a, "", nil)
	if got := b.Stored(ctx); len(got) != 0 {
		t.Errorf("stored %q after it was forgotten", got)
	}
	load(b, "")
}

// A write that went through, though its answer was lost, does not fence its own process.
func TestUnsureWrite(t *testing.T) {
	js, ctx := newJetStream(t), t.Context()
	a := process(t, js)
	if _, err := a.Load(ctx, "g"); err != nil {
		t.Fatal(err)
	}
	lost := func(s *States, state string, written bool) {
		value := s.encode("g", []byte(state))
		if written {
			if _, err := s.update(ctx, KeyOf(stateKind, "g"), value, s.known["g"].revision); err != nil {
				t.Fatal(err)
			}
		}
		s.known["g"].unsure = value
	}
	for _, written := range []bool{true, false} {
		lost(a, "unanswered", written)
		if err := a.Save(ctx, "g", []byte("next")); err != nil {
			t.Errorf("written %v: %v", written, err)
		}
	}
	b := process(t, js)
	lost(a, "unanswered", true)
	if _, err := b.Load(ctx, "g"); err != nil {
		t.Fatal(err)
	}
	if err := b.Save(ctx, "g", []byte("theirs")); err != nil {
		t.Fatal(err)
	}
	if err := a.Save(ctx, "g", []byte("ours")); !errors.Is(err, alert.ErrFenced) {
		t.Errorf("error %v", err)
	}
}

// A value that is not a state is an error, and no more.
func TestDamage(t *testing.T) {
	js, ctx := newJetStream(t), t.Context()
	a := process(t, js)
	for _, value := range []string{"x", "\xff\xff\xff\xffx", "\x01\x00\x00\x00gnot compressed"} {
		if err := a.store.Put(ctx, KeyOf(stateKind, "g"), []byte(value)); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Peek(ctx, "g"); err == nil {
			t.Errorf("%q is read", value)
		}
	}
	if got := a.Stored(ctx); len(got) != 0 {
		t.Errorf("stored %q", got)
	}
}

func newLog(t *testing.T) *shardlog.Embedded {
	t.Helper()
	log, err := shardlog.Open(t.Context(), shardlog.Config{Dir: t.TempDir(), LeaseTTL: 4 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return log
}

// Of two processes one has all names of a number, until its last one is given back.
func TestLeases(t *testing.T) {
	log := newLog(t)
	a, err := NewLeases(log, "a", 1000, 1)
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewLeases(log, "b", 1000, 1)
	if err != nil {
		t.Fatal(err)
	}
	held, one, err := a.Acquire(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	_, two, err := a.Acquire(t.Context(), "two")
	if err != nil {
		t.Fatal(err)
	}
	took := make(chan func())
	go func() {
		_, release, err := b.Acquire(t.Context(), "one")
		if err != nil {
			t.Error(err)
		}
		took <- release
	}()
	one()
	one() // once is enough
	select {
	case <-took:
		t.Fatal("two processes hold the same lease")
	case <-time.After(1500 * time.Millisecond):
	}
	if held.Err() != nil {
		t.Error("the lease was lost")
	}
	two()
	if held.Err() == nil {
		t.Error("it goes on being held after it was given back")
	}
	select {
	case release := <-took:
		release()
	case <-time.After(30 * time.Second):
		t.Fatal("the lease is not given back")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, release, err := a.Acquire(ctx, "one"); err == nil {
		release()
		t.Error("a lease after the end")
	}
}

// heard is a Notifier that keeps what it is told.
type heard struct {
	mu   sync.Mutex
	told []*alert.Notification
}

func (h *heard) Send(_ context.Context, alerts ...*alert.Notification) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told = append(h.told, alerts...)
	return nil
}

func (h *heard) count() (firing, resolved int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, n := range h.told {
		if n.EndsAt.After(time.Now()) {
			firing++
		} else {
			resolved++
		}
	}
	return firing, resolved
}

func (h *heard) since() map[time.Time]bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := map[time.Time]bool{}
	for _, n := range h.told {
		out[n.StartsAt] = true
	}
	return out
}

type noRecorder struct{}

func (noRecorder) Record(context.Context, string, []promql.Sample) error { return nil }

// always holds: a process that was paused while its lease ended, and does not know yet.
type always struct{}

func (always) Acquire(ctx context.Context, _ string) (context.Context, func(), error) {
	return ctx, func() {}, nil
}

func newRuler(t *testing.T, js jetstream.JetStream, leases alert.Leases, to alert.Notifier, file string) *alert.Ruler {
	t.Helper()
	series := memseries.New()
	for at := time.Now().Add(-time.Minute); at.Before(time.Now().Add(2 * time.Minute)); at = at.Add(10 * time.Second) {
		series.Append(promql.Sample{Metric: labels.FromStrings("__name__", "up"), T: at.UnixMilli(), F: 1})
	}
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1000, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{})})
	r, err := alert.New([]string{file}, alert.Settings{}, alert.Deps{
		Answers: &alert.Answers{PromQL: engine, Metrics: series}, Recorder: noRecorder{}, Notifier: to, States: process(t, js), Leases: leases, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !f(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not so: %s", what)
		}
	}
}

// An alert that fires goes on, since when it fired, when another process takes its group over, be it that the first one ends, or that it has been paused; and the process
// that waits shows what the other one makes of it.
func TestHandover(t *testing.T) {
	js, log := newJetStream(t), newLog(t)
	file := filepath.Join(t.TempDir(), "r.yml")
	if err := os.WriteFile(file, []byte("groups: [{name: a, interval: 1s, rules: [{alert: Up, expr: up == 1, for: 1s}]}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	names := []string{"first", "second", "third"}
	var told [3]*heard
	var rulers [3]*alert.Ruler
	var cancel [3]context.CancelFunc
	done := make(chan error, 3)
	run := func(i int, leases alert.Leases) {
		var ctx context.Context
		ctx, cancel[i] = context.WithCancel(t.Context())
		told[i] = &heard{}
		rulers[i] = newRuler(t, js, leases, told[i], file)
		go func() { done <- rulers[i].Run(ctx) }()
	}
	leases := func(i int) alert.Leases {
		l, err := NewLeases(log, names[i], 1000, LeasesMax)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	run(0, leases(0))
	eventually(t, "it fires", func() bool { n, _ := told[0].count(); return n > 0 })
	run(1, leases(1))
	eventually(t, "who waits shows it", func() bool {
		g := rulers[1].Status().Groups[0]
		return !g.Here && len(g.Rules[0].Alerts) == 1 && g.Rules[0].State == alert.Firing
	})
	if n, _ := told[1].count(); n != 0 {
		t.Error("two evaluate")
	}
	cancel[0]()
	<-done
	eventually(t, "the second tells", func() bool { n, _ := told[1].count(); return n > 0 })
	// The third believes that it has the lease, takes over, and with that ends what the second may tell.
	run(2, always{})
	eventually(t, "the third tells", func() bool { n, _ := told[2].count(); return n > 0 })
	cancel[2]()
	<-done
	cancel[1]()
	<-done
	for i, h := range told {
		if _, resolved := h.count(); resolved != 0 {
			t.Errorf("the %s resolved it", names[i])
		}
		for at := range h.since() {
			if !told[0].since()[at] {
				t.Errorf("for the %s it fires since %v, at first since %v", names[i], at, told[0].since())
			}
		}
	}
}
