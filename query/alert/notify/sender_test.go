package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/prometheus/model/labels"

	"clew/query/alert"
)

// fake is an Alertmanager that remembers what it was told, and answers as it is told.
type fake struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	told   []posted
	auth   string
}

func newFake(t *testing.T) *fake {
	f := &fake{status: http.StatusOK}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		var alerts []posted
		if err := json.NewDecoder(r.Body).Decode(&alerts); err != nil || r.URL.Path != "/prefix/api/v2/alerts" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
		f.auth = r.Header.Get("Authorization")
		if f.status == http.StatusOK {
			f.told = append(f.told, alerts...)
		}
		w.WriteHeader(f.status)
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *fake) answer(status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status = status
}

func (f *fake) got() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, a := range f.told {
		state := "firing"
		if !a.EndsAt.After(time.Now()) {
			state = "resolved"
		}
		out = append(out, string(a.Labels["x"])+" "+state)
	}
	return out
}

func start(t *testing.T, dir string, urls ...string) (*Sender, func()) {
	t.Helper()
	s, err := New(Options{URLs: urls, Dir: dir, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return s, stop
}

func told(x string, ends time.Time) *alert.Notification {
	return &alert.Notification{Tenant: "default", Labels: labels.FromStrings("alertname", "A", "x", x, "empty", ""), StartsAt: ends.Add(-time.Hour), EndsAt: ends}
}

func send(t *testing.T, s *Sender, n ...*alert.Notification) {
	t.Helper()
	if err := s.Send(context.Background(), n...); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

func later() time.Time { return time.Now().Add(time.Hour) }

// All are told of everything; one that is away is told once it is back, also by the next process, of the newest state.
func TestAwayAndBack(t *testing.T) {
	here, away := newFake(t), newFake(t)
	away.answer(http.StatusServiceUnavailable)
	dir := t.TempDir()
	s, stop := start(t, dir, here.URL+"/prefix", strings.Replace(away.URL, "//", "//me:secret@", 1)+"/prefix/")
	send(t, s, told("1", later()), told("2", later()))
	send(t, s, told("1", time.Now()))
	eventually(t, "the one that is here is told", func() bool {
		got := strings.Join(here.got(), ",")
		return strings.Contains(got, "2 firing") && strings.HasSuffix(got, "1 resolved")
	})
	eventually(t, "the other is tried", func() bool { return testutil.ToFloat64(s.count.failed.WithLabelValues(away.URL+"/prefix")) > 0 })
	stop()
	if got := away.got(); len(got) != 0 {
		t.Fatalf("%q", got)
	}
	away.answer(http.StatusOK)
	s, _ = start(t, dir, away.URL+"/prefix", here.URL+"/prefix")
	eventually(t, "the other is told of the newest", func() bool { return len(away.got()) == 2 })
	if got := strings.Join(away.got(), ","); got != "2 firing,1 resolved" {
		t.Errorf("%s", got)
	}
	eventually(t, "nothing waits", func() bool { return s.targets[0].queue.len()+s.targets[1].queue.len() == 0 })
	if away.told[0].Labels["empty"] != "" || len(away.told[0].Labels) != 2 {
		t.Errorf("labels: %v", away.told[0].Labels)
	}
}

// What an Alertmanager refuses is dropped and counted; others still come through, as credentials do.
func TestRefused(t *testing.T) {
	f := newFake(t)
	f.answer(http.StatusBadRequest)
	s, _ := start(t, t.TempDir(), strings.Replace(f.URL, "//", "//me:secret@", 1)+"/prefix")
	send(t, s, told("1", later()))
	dropped := s.count.dropped.WithLabelValues(f.URL+"/prefix", reasonRefused)
	eventually(t, "it is dropped", func() bool { return testutil.ToFloat64(dropped) == 1 })
	f.answer(http.StatusOK)
	send(t, s, told("2", later()))
	eventually(t, "the next comes through", func() bool { return len(f.got()) == 1 })
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.auth == "" {
		t.Error("no credentials came")
	}
}

// An alert that was active when it was queued and may be over since is not told: it would be taken for over.
func TestPointless(t *testing.T) {
	q, _, err := openQueue(t.TempDir() + "/q")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	var entries []*entry
	for _, n := range []*alert.Notification{told("active", now.Add(time.Minute)), told("ended", now)} {
		e, err := newEntry(n, now)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	if full, err := q.put(entries); full != 0 || err != nil {
		t.Fatal(full, err)
	}
	batch, dropped := q.next(now.Add(time.Hour))
	if len(batch) != 1 || dropped != 1 || !batch[0].Ended {
		t.Errorf("%d to tell, %d dropped", len(batch), dropped)
	}
	if batch, dropped := q.next(now.Add(endedKeep + time.Hour)); len(batch) != 0 || dropped != 1 {
		t.Errorf("after a day: %d to tell, %d dropped", len(batch), dropped)
	}
}

// A queue is bounded, its batches are, and newer words on what waits have room always.
func TestFull(t *testing.T) {
	q, _, err := openQueue(t.TempDir() + "/q")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	entries := make([]*entry, 0, queueMax+5)
	for i := range queueMax + 5 {
		e, err := newEntry(told(fmt.Sprint(i), now.Add(time.Hour)), now)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	if full, err := q.put(entries); full != 5 || err != nil {
		t.Fatalf("%d found no room, %v", full, err)
	}
	if full, err := q.put(entries[:10]); full != 0 || err != nil {
		t.Fatalf("of what waits %d found no room, %v", full, err)
	}
	batch, _ := q.next(now)
	if len(batch) != batchMax || batch[0].Key != entries[10].Key {
		t.Errorf("%d in a batch, first %v", len(batch), batch[0].Key)
	}
	// Newer word that comes while a batch is under way stays.
	if _, err := q.put([]*entry{entries[10]}); err != nil {
		t.Fatal(err)
	}
	if err := q.done(batch); err != nil || q.waiting[entries[10].Key] == nil || q.len() != queueMax-batchMax+1 {
		t.Errorf("%d wait, %v", q.len(), err)
	}
}

// Passwords in URLs are in no error, no log and no metric.
func TestSecrets(t *testing.T) {
	if _, err := New(Options{URLs: []string{"http://a", "http://me:hunter2@a/"}, Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()}); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the same one twice: %v", err)
	}
	for _, u := range []string{"ftp://me:hunter2@x", "http://me:hunter2@", "http://me:hunter2@x?a=b", "http://me:hunter2@x:port", "://hunter2", "am:9093"} {
		if err := CheckURL(u); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", u, err)
		}
	}
	var log lockedBuffer
	reg := prometheus.NewRegistry()
	s, err := New(Options{URLs: []string{"http://me:hunter2@127.0.0.1:1"}, Dir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(&log, nil)), Registerer: reg})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	send(t, s, told("1", later()))
	eventually(t, "the log says that it cannot be told", func() bool { return strings.Contains(log.String(), "cannot be told") })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if all := log.String() + fmt.Sprint(families); strings.Contains(all, "hunter2") {
		t.Errorf("the password is in %s", all)
	}
	if n := testutil.ToFloat64(s); n != 1 {
		t.Errorf("%v wait", n)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
