package alert

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"clew/query/alert/rulefile"
)

// Deps are what a Ruler works with.
type Deps struct {
	Answers    *Answers
	Recorder   Recorder
	Notifier   Notifier
	States     States
	Leases     Leases       // nil: no other process evaluates the same rules
	Ready      func() error // nil once everything acknowledged is searchable; until then nothing is evaluated
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Ruler evaluates the rules of files, and takes the files over as they change. Create it with New, then Run it.
type Ruler struct {
	patterns []string
	settings Settings
	deps     Deps
	count    *counters
	signal   chan struct{} // asks for a reload

	mu       sync.Mutex
	running  []*run // in order of the files
	sum      []byte // of the files as they were read last
	seen     []byte // of the files as they were looked at last
	problems rulefile.Problems
	loadedAt time.Time
}

// New makes a Ruler of the files that the patterns name (rulefile.Find). Broken files are an error: a process should not start with fewer rules
// than it was given.
func New(patterns []string, settings Settings, deps Deps) (*Ruler, error) {
	r := &Ruler{patterns: patterns, settings: settings.orDefault(), deps: deps, count: newCounters(deps.Registerer), signal: make(chan struct{}, 1)}
	if deps.Ready == nil {
		r.deps.Ready = func() error { return nil }
	}
	files, sum, problems := r.load()
	if len(problems) > 0 {
		return nil, problems
	}
	r.sum = sum
	r.replaceLocked(files)
	return r, nil
}

// load reads the files, and sums up what they are.
func (r *Ruler) load() ([]*rulefile.File, []byte, rulefile.Problems) {
	names, problems := rulefile.Find(r.patterns)
	files, wrong := rulefile.Load(names)
	return files, sumOf(names), append(problems, wrong...)
}

// sumOf tells files that have changed from those that have not.
func sumOf(names []string) []byte {
	h := sha256.New()
	for _, name := range names {
		fmt.Fprintf(h, "%d %s\n", len(name), name)
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		_, _ = io.Copy(h, f) // what cannot be read is said by load
		_ = f.Close()
		h.Write([]byte{0})
	}
	return h.Sum(nil)
}

// Reload asks Run to read the files again, as on SIGHUP. It does not wait.
func (r *Ruler) Reload() {
	select {
	case r.signal <- struct{}{}:
	default:
	}
}

// Run evaluates until ctx ends.
func (r *Ruler) Run(ctx context.Context) error {
	if err := waitReady(ctx, r.deps.Ready); err != nil {
		return nil
	}
	r.mu.Lock()
	var retiring sync.WaitGroup
	defer retiring.Wait()
	r.retireStored(ctx, &retiring)
	for _, g := range r.running {
		g.start(ctx)
	}
	r.mu.Unlock()
	tick := time.NewTicker(reloadEvery)
	defer tick.Stop()
	for {
		asked := false
		select {
		case <-ctx.Done():
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, g := range r.running {
				g.stop()
			}
			return nil
		case <-r.signal:
			asked = true
		case <-tick.C:
		}
		r.reload(ctx, asked, &retiring)
	}
}

func waitReady(ctx context.Context, ready func() error) error {
	tick := time.NewTicker(readyEvery)
	defer tick.Stop()
	for ready() != nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

// reload takes the files over if they have changed and are the same at two looks, or if somebody asks. An editor that empties a file before it writes it would
// otherwise have all its alerts resolved. Broken files change nothing.
func (r *Ruler) reload(ctx context.Context, asked bool, retiring *sync.WaitGroup) {
	names, _ := rulefile.Find(r.patterns)
	sum := sumOf(names)
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.seen
	r.seen = sum
	if !asked && (bytes.Equal(sum, r.sum) || !bytes.Equal(sum, seen)) {
		return
	}
	files, sum, problems := r.load()
	r.sum, r.problems = sum, problems
	if len(problems) > 0 {
		r.count.reloads.WithLabelValues("error").Inc()
		r.count.loaded.Set(0)
		for _, p := range problems {
			r.deps.Logger.Error("rule files are broken; the rules from before go on", "problem", p.Error())
		}
		return
	}
	r.count.reloads.WithLabelValues("ok").Inc()
	started, stopped := r.replaceLocked(files)
	r.deps.Logger.Info("rules reloaded", "files", len(files), "groups", len(r.running), "started", len(started), "stopped", len(stopped))
	for _, g := range stopped {
		g.stop()
	}
	for _, g := range stopped {
		if !slices.ContainsFunc(r.running, func(other *run) bool { return other.group.of.Key() == g.group.of.Key() }) {
			r.retire(ctx, g.group.of.Key(), retiring)
		}
	}
	for _, g := range started {
		g.start(ctx)
	}
}

// replaceLocked makes what the files say what runs. Groups that have not changed stay as they are.
func (r *Ruler) replaceLocked(files []*rulefile.File) (started, stopped []*run) {
	old := r.running
	r.running = nil
	for _, f := range files {
		for i := range f.Groups {
			of := &f.Groups[i]
			same := slices.IndexFunc(old, func(g *run) bool { return g != nil && equalGroups(g.group.of, of) })
			if same >= 0 {
				r.running = append(r.running, old[same])
				old = slices.Delete(slices.Clone(old), same, same+1)
				continue
			}
			g := &run{ruler: r, group: newGroup(of, r.deps.Answers, r.deps.Recorder, r.settings, r.count, r.deps.Logger)}
			r.running = append(r.running, g)
			started = append(started, g)
		}
	}
	r.loadedAt = time.Now()
	r.count.loaded.Set(1)
	return started, old
}

// equalGroups says whether two groups are the same but for where they stand in their file.
func equalGroups(a, b *rulefile.Group) bool { return describeGroup(a) == describeGroup(b) }

func describeGroup(g *rulefile.Group) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%q %q %v %v %d", g.Key(), g.Tenant, g.Interval, g.QueryOffset, g.Limit)
	for i := range g.Rules {
		r := &g.Rules[i]
		fmt.Fprintf(&b, "\n%q %q %s %q %v %q %v %v %v %v %v", r.Alert, r.Record, r.Lang, r.Expr, r.Window, r.By, r.Condition, r.For, r.KeepFiringFor, r.Labels, r.Annotations)
	}
	return b.String()
}

// retireStored ends the alerts of groups that were in files when an earlier process stopped and are not now.
func (r *Ruler) retireStored(ctx context.Context, retiring *sync.WaitGroup) {
	for _, key := range r.deps.States.Stored(ctx) {
		if !r.runsLocked(key) {
			r.retire(ctx, key, retiring)
		}
	}
}

func (r *Ruler) runsLocked(key string) bool {
	return slices.ContainsFunc(r.running, func(g *run) bool { return g.group.of.Key() == key })
}

// retire ends the alerts of a group that no file has: nobody would tell when they are over. Where other processes evaluate too, that is for when none of them
// has the group's turn: their files may be newer than ours.
func (r *Ruler) retire(ctx context.Context, key string, retiring *sync.WaitGroup) {
	g := &run{ruler: r, group: newGroup(&rulefile.Group{Name: key}, r.deps.Answers, r.deps.Recorder, r.settings, r.count, r.deps.Logger)}
	if r.deps.Leases == nil {
		g.retire(ctx, key)
		return
	}
	retiring.Go(func() {
		held, release, err := r.deps.Leases.Acquire(ctx, key)
		if err != nil {
			return // it is the end
		}
		defer release()
		r.mu.Lock()
		back := r.runsLocked(key)
		r.mu.Unlock()
		if !back && ctx.Err() == nil {
			g.retire(held, key)
		}
	})
}

// send hands alerts over. It says whether that worked.
func (r *Ruler) send(ctx context.Context, alerts []*Notification) bool {
	if len(alerts) == 0 {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	if err := r.deps.Notifier.Send(ctx, alerts...); err != nil {
		if !errors.Is(err, context.Canceled) {
			r.count.sendFailed.Add(float64(len(alerts)))
			r.deps.Logger.Error("alerts cannot be handed over; they are again with the next evaluation", "alerts", len(alerts), "error", err)
		}
		return false
	}
	r.count.sent.Add(float64(len(alerts)))
	return true
}
