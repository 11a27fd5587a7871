package alert

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"clew/query/alert/memseries"
)

// heard is a Notifier that keeps what it is told.
type heard struct {
	mu    sync.Mutex
	texts []string
}

func (h *heard) Send(_ context.Context, alerts ...*Notification) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range alerts {
		state := "firing "
		if !a.EndsAt.After(time.Now()) {
			state = "resolved "
		}
		h.texts = append(h.texts, state+a.Labels.Get("alertname")+" "+a.StartsAt.UTC().Format(time.TimeOnly))
	}
	return nil
}

func (h *heard) count(prefix string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, t := range h.texts {
		if strings.HasPrefix(t, prefix) {
			n++
		}
	}
	return n
}

// turns are Leases among the rulers of one process.
type turns struct {
	mu   sync.Mutex
	held map[string]chan struct{}
}

func (l *turns) Acquire(ctx context.Context, group string) (context.Context, func(), error) {
	l.mu.Lock()
	if l.held == nil {
		l.held = map[string]chan struct{}{}
	}
	turn := l.held[group]
	if turn == nil {
		turn = make(chan struct{}, 1)
		l.held[group] = turn
	}
	l.mu.Unlock()
	select {
	case turn <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	held, cancel := context.WithCancel(context.Background())
	return held, func() { cancel(); <-turn }, nil
}

// up is a store in which up is 1 from now on for an hour.
func up() *memseries.Store {
	s := memseries.New()
	for at := time.Now(); at.Before(time.Now().Add(time.Hour)); at = at.Add(time.Minute) {
		s.Append(promql.Sample{Metric: labels.FromStrings("__name__", "up", "job", "a"), T: at.UnixMilli(), F: 1})
	}
	return s
}

func newTestRuler(t *testing.T, file, dir string, to Notifier, leases Leases) *Ruler {
	t.Helper()
	states, err := NewDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1000, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{})})
	r, err := New([]string{file}, Settings{}, Deps{
		Answers: &Answers{PromQL: engine, Metrics: up()}, Recorder: noRecorder{}, Notifier: to, States: states, Leases: leases, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const rulerRules = `groups:
- name: a
  interval: 1m
  rules: [{alert: Up, expr: up == 1, for: 2m}]
- name: b
  interval: 1m
  rules: [{alert: Too, expr: up == 1}]
`

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Broken files change nothing, groups that have not changed are not disturbed, and what fires is over when its rule is removed.
func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file, told := filepath.Join(t.TempDir(), "r.yml"), &heard{}
		write(t, file, rulerRules)
		r := newTestRuler(t, file, t.TempDir(), told, nil)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		time.Sleep(5 * time.Minute)
		if told.count("firing Up") == 0 || told.count("firing Too") == 0 || told.count("resolved") != 0 {
			t.Errorf("told %v", told.texts)
		}
		fired := r.Status().Groups[0].Rules[0].Alerts[0].FiredAt
		write(t, file, strings.Replace(rulerRules, "expr: up == 1}", "expr: upp(}", 1))
		time.Sleep(2 * time.Minute)
		if s := r.Status(); len(s.Problems) != 1 || len(s.Groups) != 2 || s.Groups[1].Rules[0].State != Firing || told.count("resolved") != 0 {
			t.Errorf("problems %v, told %v", s.Problems, told.texts)
		}
		time.Sleep(time.Second) // between two looks
		write(t, file, "")
		r.reload(ctx, false, nil) // an editor is half-way
		if told.count("resolved") != 0 || len(r.Status().Groups) != 2 {
			t.Errorf("a file that is being written was taken over: told %v", told.texts)
		}
		only, _, _ := strings.Cut(rulerRules, "- name: b")
		write(t, file, only)
		r.Reload()
		time.Sleep(time.Minute)
		s := r.Status()
		if len(s.Problems) != 0 || len(s.Groups) != 1 || told.count("resolved Too") != 1 || told.count("resolved Up") != 0 {
			t.Errorf("problems %v, told %v", s.Problems, told.texts)
		}
		if !s.Groups[0].Rules[0].Alerts[0].FiredAt.Equal(fired) {
			t.Error("a group that did not change was disturbed")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// Of two rulers one evaluates; when it ends the other goes on where it was.
func TestOneEvaluates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file, dir, leases := filepath.Join(t.TempDir(), "r.yml"), t.TempDir(), &turns{}
		write(t, file, rulerRules)
		told := []*heard{{}, {}}
		var cancel [2]context.CancelFunc
		done := make(chan error, 2)
		for i := range 2 {
			var ctx context.Context
			ctx, cancel[i] = context.WithCancel(t.Context())
			r := newTestRuler(t, file, dir, told[i], leases)
			go func() { done <- r.Run(ctx) }()
			time.Sleep(time.Second) // the first has its turn
		}
		time.Sleep(5 * time.Minute)
		if told[0].count("firing Up") == 0 || len(told[1].texts) != 0 {
			t.Errorf("told %v and %v", told[0].texts, told[1].texts)
		}
		cancel[0]()
		<-done
		time.Sleep(5 * time.Minute)
		if told[1].count("firing Up") == 0 || told[1].count("resolved") != 0 {
			t.Errorf("after the first ended: %v", told[1].texts)
		}
		if first, second := told[0].texts[len(told[0].texts)-1], told[1].texts; !contains(second, first) {
			t.Errorf("the alert began anew: %s, %v", first, second)
		}
		cancel[1]()
		<-done
	})
}

func contains(all []string, one string) bool {
	for _, s := range all {
		if s == one {
			return true
		}
	}
	return false
}

// A start with broken files fails, with every problem.
func TestBrokenAtStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "r.yml")
	write(t, file, "groups:\n- name: a\n  rulez: []\n  interval: 5\n")
	_, err := New([]string{file, "/nowhere.yml"}, Settings{}, Deps{})
	if err == nil || strings.Count(err.Error(), "\n") != 2 || !strings.Contains(err.Error(), "r.yml:3:3") || !strings.Contains(err.Error(), "/nowhere.yml") {
		t.Errorf("error %v", err)
	}
}
