package manager

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	amalert "github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/client_golang/prometheus"

	"clew/ingest/shardlog"
	clewalert "clew/query/alert"
	"clew/query/alert/shared"
)

// cluster is what siblings share: real NATS.
type cluster struct {
	js  jetstream.JetStream
	log *shardlog.Embedded
}

func newCluster(t *testing.T) *cluster {
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
	log, err := shardlog.Open(t.Context(), shardlog.Config{Dir: t.TempDir(), LeaseTTL: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return &cluster{js, log}
}

// process starts a manager with siblings. leases nil: those of the log.
func (c *cluster) process(t *testing.T, file, name string, leases clewalert.Leases) (*Manager, func()) {
	t.Helper()
	store, err := shared.Open(t.Context(), c.js, 1)
	if err != nil {
		t.Fatal(err)
	}
	if leases == nil {
		if leases, err = shared.NewLeases(c.log, name, 1000, 1); err != nil {
			t.Fatal(err)
		}
	}
	external, _ := url.Parse("https://clew.example.com")
	m, err := New(Options{
		File: file, Dir: t.TempDir(), ExternalURL: external, Logger: quiet, Registerer: prometheus.NewRegistry(), Siblings: &Siblings{Store: store, Leases: leases},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	<-m.running
	return m, stop
}

// always holds: a process that was paused while its lease ended, and does not know yet.
type always struct{}

func (always) Acquire(ctx context.Context, _ string) (context.Context, func(), error) {
	held, cancel := context.WithCancel(ctx)
	return held, cancel, nil
}

func ask(t *testing.T, m *Manager, method, path, body string, into any) {
	t.Helper()
	r := httptest.NewRequest(method, "/alertmanager/api/v2"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	m.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	if into != nil {
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
			t.Fatal(err)
		}
	}
}

func count(t *testing.T, m *Manager, path string) int {
	t.Helper()
	var list []any
	ask(t, m, http.MethodGet, path, "", &list)
	return len(list)
}

// Siblings know the same, one of them notifies, and the one that follows it, gracefully or while the first believes that it still has the turn, tells nothing twice and forgets nothing.
func TestSiblings(t *testing.T) {
	c, h := newCluster(t), newHook(t)
	file := writeConfig(t, h.config(""))
	a, stopA := c.process(t, file, "a", nil)
	eventually(t, "the first notifies", func() bool { return leaderOf(t, a) != "" })
	b, stopB := c.process(t, file, "b", nil)
	// Whoever is told, all know, and one tells.
	send(t, b, told("1", later()), told("2", later()), told("3", later()))
	eventually(t, "it is told", func() bool { return len(h.got()) > 0 })
	eventually(t, "all know", func() bool {
		return count(t, a, "/alerts") == 3 && count(t, b, "/alerts") == 3 && count(t, b, "/alerts/groups") == 1
	})
	ends := time.Now().Add(time.Hour).Format(time.RFC3339)
	ask(t, b, http.MethodPost, "/silences", `{"matchers":[{"name":"x","value":"3","isRegex":false}],"startsAt":"2020-01-01T00:00:00Z","endsAt":"`+ends+`","createdBy":"me","comment":"known"}`, nil)
	eventually(t, "all know the silence", func() bool { return count(t, a, "/silences") == 1 && count(t, a, "/alerts?silenced=false") == 2 })
	eventually(t, "that it was told is shared", func() bool {
		shared := 0
		if err := b.opts.Siblings.Store.Read(t.Context(), whatNotices, func(string, []byte) { shared++ }); err != nil {
			t.Error(err)
		}
		return shared > 0
	})

	stopA()
	first := leaderOf(t, b)
	eventually(t, "the second notifies", func() bool { return leaderOf(t, b) != first })
	time.Sleep(time.Second) // ten intervals of the group
	if got := h.got(); len(got) != 1 || got[0] != "firing 1:firing 2:firing 3:firing" {
		t.Fatalf("told: %q", got)
	}

	// A third takes the turn though the second believes that it has it.
	second := leaderOf(t, b)
	d, stopD := c.process(t, file, "d", always{})
	eventually(t, "the third notifies", func() bool { return leaderOf(t, d) != second })
	send(t, b, told("1", time.Now()))
	eventually(t, "the end is told", func() bool { return len(h.got()) > 1 })
	time.Sleep(time.Second)
	if got := h.got(); len(got) != 2 || got[1] != "firing 1:resolved 2:firing" {
		t.Errorf("told: %q", got)
	}
	stopD()
	stopB()

	// Nobody was there for a while: what was active is, and nothing is told again.
	third := leaderOf(t, d)
	e, _ := c.process(t, file, "e", nil)
	eventually(t, "it notifies", func() bool { return leaderOf(t, e) != third })
	time.Sleep(time.Second)
	if got := h.got(); len(got) != 2 {
		t.Errorf("told: %q", got)
	}
	if n := count(t, e, "/alerts?silenced=true"); n != 2 {
		t.Errorf("%d alerts are active", n)
	}
}

// A turn that another process has taken lets nothing through, whatever its holder believes.
func TestGuard(t *testing.T) {
	store, err := shared.Open(t.Context(), newCluster(t).js, 1)
	if err != nil {
		t.Fatal(err)
	}
	held, cancel := context.WithCancel(t.Context())
	s := &Siblings{Store: store}
	for _, step := range []struct {
		leader string
		mine   *turn
		ended  bool
		told   int
		fails  bool
	}{{"a", &turn{name: "a", held: held}, false, 1, false}, {"b", &turn{name: "a", held: held}, false, 0, true}, {"a", nil, false, 0, false}, {"a", &turn{name: "a", held: held}, true, 0, true}} {
		if step.ended {
			cancel()
		}
		if err := store.Put(t.Context(), leaderKey, []byte(step.leader)); err != nil {
			t.Fatal(err)
		}
		told := 0
		stage := s.guard(step.mine, notify.StageFunc(func(ctx context.Context, _ *slog.Logger, _ ...*amalert.Alert) (context.Context, []*amalert.Alert, error) {
			told++
			return ctx, nil, nil
		}))
		if _, _, err := stage.Exec(t.Context(), quiet); told != step.told || (err != nil) != step.fails {
			t.Errorf("%+v: told %d times, error %v", step, told, err)
		}
	}
	cancel()
}

func leaderOf(t *testing.T, m *Manager) string {
	t.Helper()
	name, err := m.opts.Siblings.Store.Get(t.Context(), leaderKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(name)
}

// What siblings share is forgotten once nobody needs it, and not before.
func TestSweep(t *testing.T) {
	c, h := newCluster(t), newHook(t)
	m, _ := c.process(t, writeConfig(t, h.config("")), "a", always{})
	eventually(t, "it notifies", func() bool { return leaderOf(t, m) != "" })
	send(t, m, told("1", later()), told("2", time.Now()))
	eventually(t, "it is told", func() bool { return len(h.got()) > 0 })
	held := func(what string) int {
		n := 0
		if err := m.opts.Siblings.Store.Read(t.Context(), what, func(string, []byte) { n++ }); err != nil {
			t.Error(err)
		}
		return n
	}
	eventually(t, "that it was told is shared", func() bool { return held(whatNotices) == 1 })
	for _, step := range []struct {
		after           time.Duration
		alerts, notices int
	}{{0, 2, 1}, {endedKeep + time.Hour, 1, 0}, {retention + time.Hour, 0, 0}} {
		if err := m.sweep(t.Context(), time.Now().Add(step.after)); err != nil {
			t.Error(err)
		}
		if held(whatAlerts) != step.alerts || held(whatNotices) > step.notices {
			t.Errorf("after %v: %d alerts, %d notifications", step.after, held(whatAlerts), held(whatNotices))
		}
	}
}
