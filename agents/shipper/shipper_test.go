package shipper

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"clew/agents/diskqueue"
	"clew/agents/origin"
)

// agent is an exporter of logs that runs until the test ends or it is stopped.
type agent struct {
	t   testing.TB
	end *end
	n   int
}

func startAgent(t testing.TB, cfg *Config) *agent {
	t.Helper()
	group := NewGroup(About{Host: "h", Version: "v"})
	a := &agent{t: t, end: &end{group: group, set: exportertest.NewNopSettings(Type), cfg: cfg}}
	if err := a.end.Start(t.Context(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.stop)
	return a
}

func (a *agent) stop() {
	if a.end.shipper == nil {
		return
	}
	if err := a.end.Shutdown(context.Background()); err != nil {
		a.t.Error(err)
	}
	a.end.shipper = nil
}

// send queues n records, one at a time, and says what they are.
func (a *agent) send(n int) (bodies []string) {
	a.t.Helper()
	for range n {
		logs := plog.NewLogs()
		lr := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
		body := fmt.Sprintf("record %d", a.n)
		a.n++
		lr.Body().SetStr(body)
		if err := a.end.logs(a.t.Context(), logs); err != nil {
			a.t.Fatal(err)
		}
		bodies = append(bodies, body)
	}
	return bodies
}

func (a *agent) counts() diskqueue.Counts {
	for _, s := range a.end.shipper.Heartbeat(time.Now()).Sources {
		if s.Signal == "logs" && s.Kind == "otlp" {
			return s.Counts
		}
	}
	return diskqueue.Counts{}
}

func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20s: %s", what)
		}
	}
}

func config(t testing.TB, sinks ...*sink) *Config {
	c := defaultConfig().(*Config)
	c.Data, c.Collectors = t.TempDir(), nil
	for _, s := range sinks {
		c.Collectors = append(c.Collectors, s.address)
	}
	return c
}

// Collectors come and go, and so does the agent, with answers lost on the way: everything is stored once, in order.
func TestFailover(t *testing.T) {
	shelf := newShelf()
	sinks := []*sink{startSink(t, shelf, "127.0.0.1:0"), startSink(t, shelf, "127.0.0.1:0"), startSink(t, shelf, "127.0.0.1:0")}
	cfg := config(t, sinks...)
	cfg.Tenant, cfg.Token = "acme", "s3cret"
	a := startAgent(t, cfg)
	want := a.send(20)
	eventually(t, "all is stored", func() bool { return len(shelf.stored()) == len(want) })
	using := slices.IndexFunc(sinks, func(s *sink) bool { return s.called() > 0 })

	// The one in use stores, and its answer is lost; then it is gone.
	sinks[using].script(func(string) (bool, int64, error) {
		go sinks[using].server.Stop()
		return true, 0, status.Error(codes.Unavailable, "gone")
	})
	want = append(want, a.send(20)...)
	eventually(t, "another takes over", func() bool { return len(shelf.stored()) == len(want) })
	for i, s := range sinks {
		if i != using {
			s.server.Stop()
		}
	}
	want = append(want, a.send(20)...)
	a.stop()
	n := a.n
	a = startAgent(t, cfg)
	a.n = n
	want = append(want, a.send(20)...)
	startSink(t, shelf, sinks[using].address)
	eventually(t, "all is stored", func() bool { return len(shelf.stored()) == len(want) })
	if diff := cmp.Diff(want, shelf.stored()); diff != "" {
		t.Error(diff)
	}
	eventually(t, "all is acknowledged", func() bool { return a.counts().Acked == uint64(len(want)) })
	if shelf.replayed == 0 {
		t.Error("no batch was sent a second time: its answer was lost")
	}
	if shelf.token != "Bearer s3cret" || shelf.tenant != "acme" {
		t.Errorf("token %q, tenant %q", shelf.token, shelf.tenant)
	}
}

func TestAnswers(t *testing.T) {
	shelf := newShelf()
	s := startSink(t, shelf, "127.0.0.1:0")
	a := startAgent(t, config(t, s))
	var n int
	s.script(func(string) (bool, int64, error) {
		n++
		switch n {
		case 1:
			return false, 0, busy(time.Millisecond)
		case 2:
			return false, 0, status.Error(codes.Unauthenticated, "the token is another")
		case 3:
			return false, 0, status.Error(codes.Internal, "who knows")
		}
		return true, 0, nil
	})
	a.send(1)
	eventually(t, "stored in the end", func() bool { return a.counts().Acked == 1 })
	if n != 4 {
		t.Errorf("%d attempts, want 4", n)
	}
	s.script(func(string) (bool, int64, error) { return false, 0, status.Error(codes.InvalidArgument, "malformed") })
	a.send(1)
	eventually(t, "refused", func() bool { return a.counts().Refused["invalid"] == 1 })
	s.script(func(string) (bool, int64, error) { return false, 0, status.Error(codes.ResourceExhausted, "too large") })
	a.send(1)
	eventually(t, "refused", func() bool { return a.counts().Refused["too_large"] == 1 })
	// A batch of several, some of which are rejected: held back until it is together.
	release := make(chan struct{})
	s.script(func(string) (bool, int64, error) { <-release; return true, 0, nil })
	a.send(1)
	eventually(t, "in flight", func() bool { return a.counts().Sent == 4 })
	a.send(10)
	s.script(func(string) (bool, int64, error) { return true, 3, nil })
	close(release)
	eventually(t, "done", func() bool { c := a.counts(); return c.Waiting() == 0 })
	c := a.counts()
	want := diskqueue.Counts{Read: 14, Queued: 14, Sent: 14, Acked: 9, Refused: map[string]uint64{"invalid": 1, "too_large": 1, "record_too_large": 2, "rejected": 1}}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
}

// A batch that all collectors answer strangely is given up in the end, and what is behind it goes on.
func TestDoubtfulIsGivenUp(t *testing.T) {
	if testing.Short() {
		t.Skip("waits out the pauses between attempts")
	}
	shelf := newShelf()
	var sinks []*sink
	for range 4 {
		s := startSink(t, shelf, "127.0.0.1:0")
		s.script(func(first string) (bool, int64, error) {
			if first == "record 0" {
				return false, 0, status.Error(codes.Internal, "panic")
			}
			return true, 0, nil
		})
		sinks = append(sinks, s)
	}
	a := startAgent(t, config(t, sinks...))
	a.send(1)
	eventually(t, "taken", func() bool { return a.counts().Sent == 1 })
	a.send(1)
	eventually(t, "the second is stored", func() bool { return len(shelf.stored()) == 1 })
	if c := a.counts(); c.Refused["collector_error"] != 1 {
		t.Errorf("%+v: want 1 refused", c)
	}
}

func TestReplayedLinesAreNotQueued(t *testing.T) {
	shelf := newShelf()
	s := startSink(t, shelf, "127.0.0.1:0")
	cfg := config(t, s)
	name := cfg.Data + "/log"
	line := func() plog.Logs {
		logs := plog.NewLogs()
		lr := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
		lr.Body().SetStr("hello")
		lr.Attributes().PutStr(origin.PathAttribute, name)
		lr.Attributes().PutInt(origin.OffsetAttribute, 0)
		return logs
	}
	writeFile(t, name, "hello\n")
	for range 2 {
		a := startAgent(t, cfg)
		if err := a.end.logs(t.Context(), line()); err != nil {
			t.Fatal(err)
		}
		eventually(t, "stored", func() bool { return len(shelf.stored()) == 1 })
		a.stop()
	}
	a := startAgent(t, cfg)
	for _, src := range a.end.shipper.Heartbeat(time.Now()).Sources {
		if src.Kind != "file" || src.Name != name || src.Read != 1 || src.Replayed != 1 {
			t.Errorf("%+v: want one record of the file, and one replayed", src)
		}
	}
}

func TestHeartbeat(t *testing.T) {
	got := make(chan Heartbeat, 8)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var h Heartbeat
		if err := json.NewDecoder(r.Body).Decode(&h); err != nil || r.URL.Path != heartbeatPath || r.Method != http.MethodPost {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
		got <- h
	}))
	defer server.Close()
	cfg := config(t, startSink(t, newShelf(), "127.0.0.1:0"))
	cfg.Heartbeats = []string{server.Listener.Addr().String()}
	a := startAgent(t, cfg)
	h := <-got
	if h.Host != "h" || h.Instance != a.end.shipper.queue.Instance() || h.CPUs == 0 || h.Queue.BytesMax != cfg.QueueBytes || h.Started.IsZero() {
		t.Errorf("%+v", h)
	}
}

// Agents spread over collectors, and those of a lost one over the others.
func TestAgentsSpread(t *testing.T) {
	addresses := []string{"a:1", "b:1", "c:1"}
	now := time.Now()
	first, second := map[string]int{}, map[string]int{}
	for i := range 3000 {
		p := newPool(fmt.Sprint("agent", i), addresses)
		s, _ := p.pick(now)
		first[s.address]++
		if s.address == "a:1" {
			p.failed(s, now)
			s, _ = p.pick(now)
			second[s.address]++
		}
	}
	for _, a := range addresses {
		if first[a] < 900 || first[a] > 1100 {
			t.Errorf("%d of 3000 agents prefer %s", first[a], a)
		}
		if a != "a:1" && (second[a] < 400 || second[a] > 600) {
			t.Errorf("%d of %d agents go to %s when a:1 is lost", second[a], first["a:1"], a)
		}
	}
}

func TestPoolPauses(t *testing.T) {
	p, now := newPool("x", []string{"a:1"}), time.Now()
	s, _ := p.pick(now)
	for i := range 10 {
		p.failed(s, now)
		if got, wait := p.pick(now); got != nil || wait <= 0 || wait > backoffMax*3/2 {
			t.Fatalf("after %d failures: %v, wait %v", i+1, got, wait)
		}
	}
	now = now.Add(backoffMax * 2)
	if got, _ := p.pick(now); got != s {
		t.Fatal("not tried again")
	}
	if !p.succeeded(s, now) || p.succeeded(s, now) {
		t.Error("a collector comes back once")
	}
	slow, faster := p.pace(s, now, 1<<20), p.pace(s, now.Add(3*time.Second), 1<<20)
	if slow != 2*time.Second || faster != slow/8 || p.pace(s, now.Add(rampFor), 1<<20) != 0 {
		t.Errorf("pace %v, then %v", slow, faster)
	}
	p.overloaded(s, now, time.Hour)
	if _, wait := p.pick(now); wait > retryDelayMax {
		t.Errorf("waits %v because a collector says so", wait)
	}
}

func TestConfig(t *testing.T) {
	c := defaultConfig().(*Config)
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	if a := c.heartbeatAddress(0); a != "127.0.0.1:4318" {
		t.Errorf("heartbeats go to %s", a)
	}
	for _, bad := range []func(*Config){
		func(c *Config) { c.Collectors = nil },
		func(c *Config) { c.Collectors = []string{"http://x"} },
		func(c *Config) { c.Heartbeats = []string{"a:1", "b:1"} },
		func(c *Config) { c.Data = "" },
		func(c *Config) { c.QueueBytes = 1 },
		func(c *Config) { c.Token, c.TokenFile = "x", "y" },
	} {
		c := *defaultConfig().(*Config)
		bad(&c)
		if c.Validate() == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}
