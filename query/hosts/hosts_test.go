package hosts

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"

	"clew/internal/ledger"
	"clew/internal/telemetry"
	"clew/query/engine"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// record is that a host was named in a signal's records.
type record struct {
	signal telemetry.Signal
	host   string
	ago    time.Duration
	facts  map[string]string
}

// records are Records of a list, and of what was asked.
type records struct {
	all   []record
	asked []engine.Request
	err   error
	lacks []string // why answers are partial
}

func (r *records) Latest(_ context.Context, q engine.Request, by engine.LatestBy) (*engine.Latest, error) {
	r.asked = append(r.asked, q)
	if r.err != nil {
		return nil, r.err
	}
	rows := map[string]*engine.LatestRow{}
	for _, rec := range r.all {
		at := now.Add(-rec.ago).UnixNano()
		if rec.signal != q.Signal || at < q.From {
			continue
		}
		row := rows[rec.host]
		if row == nil {
			row = &engine.LatestRow{Value: rec.host, Time: math.MinInt64}
			rows[rec.host] = row
		}
		if at >= by.Since {
			row.Recent++
		}
		if at > row.Time {
			row.Time, row.Facts = at, rec.facts
		}
	}
	out := &engine.Latest{Stats: engine.Stats{Partial: r.lacks}}
	for _, row := range rows {
		out.Rows = append(out.Rows, *row)
	}
	slices.SortFunc(out.Rows, func(a, b engine.LatestRow) int { return strings.Compare(a.Value, b.Value) })
	return out, nil
}

type fixedMetrics map[string]float64 // by a piece of the question

func (m fixedMetrics) Instant(_ context.Context, _, expr string, _ time.Time) (promql.Vector, error) {
	for piece, v := range m {
		if strings.Contains(expr, piece) {
			return promql.Vector{{F: v, Metric: labels.FromStrings(hostLabel, "with-agent")}, {F: v, Metric: labels.FromStrings(hostLabel, "never-heard-of")}}, nil
		}
	}
	return nil, nil
}

func beat(t *testing.T, book *ledger.Book, instance, host string, at time.Time) {
	t.Helper()
	h, err := ledger.ParseHeartbeat(fmt.Appendf(nil, `{"agent":"clew","instance":%q,"host":%q,"version":"1","os":"Debian 13","cpus":4,"memoryBytes":8000,
		"k8s":{"k8s.node.name":"n1"},"started":"2026-11-21T11:00:00Z","time":%q,"queue":{"bytes":10,"bytesMax":100},
		"sources":[{"id":"%s/logs","signal":"logs","kind":"file","name":"/var/log/x","read":10,"acked":5,"dropped":{"full":2},"lagSeconds":7,"lastSeq":3}]}`,
		instance, host, at.Format(time.RFC3339), instance))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := book.Heartbeat(telemetry.DefaultTenant, h, at); err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, h *Hosts, q Query, at time.Time) *List {
	t.Helper()
	l, err := h.List(t.Context(), telemetry.DefaultTenant, q, at)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func names(l *List) (all []string) {
	for i := range l.Hosts {
		all = append(all, l.Hosts[i].Name+" "+string(l.Hosts[i].Status))
	}
	return all
}

// Every host that a witness knows is listed once, with what each knows of it.
func TestList(t *testing.T) {
	book := ledger.NewBook(now.Add(-time.Hour))
	beat(t, book, "a1", "with-agent", now.Add(-10*time.Second))
	beat(t, book, "a2", "just-installed", now.Add(-10*time.Second))
	beat(t, book, "a3", "agent-died", now.Add(-2*time.Minute))
	arm := map[string]string{"resource.host.arch": "arm64", "resource.os.type": "linux", "resource.cloud.region": "eu-1"}
	r := &records{all: []record{
		{telemetry.Logs, "with-agent", 5 * time.Second, map[string]string{"resource.host.arch": "amd64", "resource.k8s.pod.name": "some-pod"}},
		{telemetry.Logs, "with-agent", 30 * time.Second, nil},
		{telemetry.Metrics, "with-agent", 90 * time.Second, nil},
		{telemetry.Spans, "sdk-only", 4 * time.Minute, arm},
		{telemetry.Spans, "long-gone", 20 * 24 * time.Hour, nil},
		{telemetry.Logs, "fast-clock", -30 * time.Minute, nil},
		{telemetry.Logs, "pod-7f", time.Second, map[string]string{"resource.k8s.pod.name": "pod-7f", "resource.container.id": "ffff"}},
	}}
	h := New(Deps{Records: r, Ledger: book, Metrics: fixedMetrics{"cpu_time_seconds_total{state=~": 0.25, "load_average": 3}})
	l := list(t, h, Query{}, now)
	want := []string{"agent-died silent", "long-gone silent", "fast-clock up", "just-installed up", "pod-7f up", "sdk-only up", "with-agent up"}
	if diff := cmp.Diff(want, names(l)); diff != "" || l.Up != 5 || l.Silent != 2 || len(l.Partial) != 0 {
		t.Fatalf("up %d, silent %d, partial %v: %s", l.Up, l.Silent, l.Partial, diff)
	}
	by := map[string]*Host{}
	for i := range l.Hosts {
		by[l.Hosts[i].Name] = &l.Hosts[i]
	}
	agent := by["with-agent"]
	if agent.OS != "Debian 13" || agent.Arch != "amd64" || agent.CPUs != 4 || agent.MemoryBytes != 8000 || agent.LagSeconds != 7 || agent.Lost() != 2 || agent.Dropped["full"] != 2 {
		t.Errorf("what the ledger and its records say is not together: %+v", agent)
	}
	if !agent.LastHeard.Equal(now.Add(-5*time.Second)) || !agent.Heartbeat.Equal(now.Add(-10*time.Second)) || len(agent.Agents) != 1 {
		t.Errorf("heard %v, heartbeat %v", agent.LastHeard, agent.Heartbeat)
	}
	if diff := cmp.Diff(map[string]string{"k8s.node.name": "n1"}, agent.Kubernetes); diff != "" {
		t.Errorf("a pod of many is not the host: %s", diff)
	}
	if len(agent.Traffic) != 2 || agent.Traffic[0].Signal != telemetry.Logs || agent.Traffic[0].PerSecond != 2.0/60 || agent.Traffic[1].PerSecond != 0 {
		t.Errorf("traffic %+v", agent.Traffic)
	}
	if agent.Load == nil || agent.Load.CPU != 0.25 || agent.Load.Runnable != 3 || !math.IsNaN(agent.Load.Memory) || by["sdk-only"].Load != nil {
		t.Errorf("load %+v", agent.Load)
	}
	if sdk := by["sdk-only"]; sdk.Arch != "arm64" || sdk.OS != "linux" || sdk.Attributes["cloud.region"] != "eu-1" || !sdk.Heartbeat.IsZero() {
		t.Errorf("what resources say is lost: %+v", sdk)
	}
	if pod := by["pod-7f"]; pod.Kubernetes["k8s.pod.name"] != "pod-7f" || pod.Container {
		t.Errorf("a host that is a pod: %+v", pod)
	}
	if !by["fast-clock"].LastHeard.Equal(now) {
		t.Errorf("heard in the future: %v", by["fast-clock"].LastHeard)
	}
	if died := by["agent-died"]; died.LagSeconds != 0 {
		t.Errorf("a silent agent's last lag is told as if it were now: %v", died.LagSeconds)
	}
}

func TestQuery(t *testing.T) {
	r := &records{all: []record{
		{telemetry.Logs, "web-1", time.Second, map[string]string{"resource.host.arch": "amd64", "resource.cloud.region": "eu-west"}},
		{telemetry.Logs, "web-2", time.Hour, map[string]string{"resource.host.arch": "arm64", "resource.cloud.region": "eu-west"}},
		{telemetry.Logs, "db", time.Second, map[string]string{"resource.host.arch": "arm64"}},
	}}
	h := New(Deps{Records: r})
	for _, c := range []struct {
		q    Query
		want []string
	}{
		{Query{Search: "WEB"}, []string{"web-2 silent", "web-1 up"}},
		{Query{Search: "arm64 eu-west"}, []string{"web-2 silent"}},
		{Query{Search: "arm64 nowhere"}, nil},
		{Query{Status: Silent}, []string{"web-2 silent"}},
		{Query{Status: Up, Search: "arm"}, []string{"db up"}},
		{Query{Since: now.Add(-time.Minute)}, []string{"db up", "web-1 up"}},
	} {
		l := list(t, h, c.q, now)
		if diff := cmp.Diff(c.want, names(l)); diff != "" || l.Up != 2 || l.Silent != 1 {
			t.Errorf("%+v: up %d, silent %d: %s", c.q, l.Up, l.Silent, diff)
		}
	}
	one, _, err := h.Host(t.Context(), telemetry.DefaultTenant, "db", now)
	if err != nil || one == nil || one.Name != "db" {
		t.Errorf("one host: %+v, %v", one, err)
	}
	if one, _, err := h.Host(t.Context(), telemetry.DefaultTenant, "no", now); err != nil || one != nil {
		t.Errorf("a host that is not there: %+v, %v", one, err)
	}
}

// What is old is remembered and asked for again now and then only; a host whose records are gone is forgotten then.
func TestMemory(t *testing.T) {
	r := &records{all: []record{{telemetry.Logs, "old", time.Hour, map[string]string{"resource.host.arch": "arm64"}}, {telemetry.Logs, "live", time.Second, nil}}}
	h := New(Deps{Records: r})
	list(t, h, Query{}, now)
	h.memoryOf(telemetry.DefaultTenant).took = time.Minute // it is much
	if len(r.asked) != 3 || slices.ContainsFunc(r.asked, func(q engine.Request) bool { return q.From != 0 }) {
		t.Fatalf("the first time: %+v", r.asked)
	}
	r.asked, r.all = nil, append(r.all[1:], record{telemetry.Spans, "new", 0, nil})
	l := list(t, h, Query{}, now.Add(time.Minute))
	if diff := cmp.Diff([]string{"old silent", "live up", "new up"}, names(l)); diff != "" {
		t.Errorf("a minute later: %s", diff)
	}
	if l.Hosts[0].Arch != "arm64" {
		t.Error("facts of a host that was not heard of again are forgotten")
	}
	for _, q := range r.asked {
		if back := now.Add(time.Minute).Sub(time.Unix(0, q.From)); back < recentLogs || back > recentPoints {
			t.Errorf("a minute later %s of %v are asked for", q.Signal, back)
		}
	}
	l = list(t, h, Query{}, now.Add(wholeEvery))
	if diff := cmp.Diff([]string{"live silent", "new silent"}, names(l)); diff != "" {
		t.Errorf("once the records are gone: %s", diff)
	}
	r.all = append(r.all, record{telemetry.Logs, "sent-late", 5 * time.Hour, nil})
	h.memoryOf(telemetry.DefaultTenant).took = 10 * time.Millisecond
	l = list(t, h, Query{}, now.Add(wholeEvery+wholeEveryMin))
	if diff := cmp.Diff([]string{"live silent", "new silent", "sent-late silent"}, names(l)); diff != "" {
		t.Errorf("where it costs little all is asked again soon: %s", diff)
	}
}

// An answer that lacked something is not held to for as long as a whole one.
func TestLacking(t *testing.T) {
	old := record{telemetry.Logs, "old", time.Hour, nil}
	for _, c := range []struct {
		lacks []string
		want  int
	}{{nil, 0}, {[]string{"shard 0 is being read"}, 1}} {
		r := &records{lacks: c.lacks}
		h := New(Deps{Records: r})
		list(t, h, Query{}, now)
		h.memoryOf(telemetry.DefaultTenant).took = 2 * time.Second
		r.all, r.lacks = []record{old}, nil
		if l := list(t, h, Query{}, now.Add(lackingShare*2*time.Second)); len(l.Hosts) != c.want || len(l.Partial) != 0 {
			t.Errorf("after an answer that lacked %q: %v, partial %q", c.lacks, names(l), l.Partial)
		}
	}
}

func TestTrouble(t *testing.T) {
	r := &records{err: errors.New("the disk is gone")}
	if _, err := New(Deps{Records: r}).List(t.Context(), telemetry.DefaultTenant, Query{}, now); err == nil || !strings.Contains(err.Error(), "the disk is gone") {
		t.Errorf("an error of the engine: %v", err)
	}
	r.err = &engine.LimitError{What: "groups", Max: 200_000}
	book := ledger.NewBook(now)
	beat(t, book, "a1", "with-agent", now)
	l := list(t, New(Deps{Records: r, Ledger: book}), Query{}, now)
	if diff := cmp.Diff([]string{"with-agent up"}, names(l)); diff != "" || len(l.Partial) != 3 || !strings.Contains(l.Partial[0], "groups") {
		t.Errorf("beyond a limit: %v %s", l.Partial, diff)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h := New(Deps{Records: r})
	h.memoryOf(telemetry.DefaultTenant).turn <- struct{}{} // somebody else asks, and takes long
	if _, err := h.List(ctx, telemetry.DefaultTenant, Query{}, now); !errors.Is(err, context.Canceled) {
		t.Errorf("a client that left: %v", err)
	}
}

func TestTooManyHosts(t *testing.T) {
	r := &records{}
	for i := range hostsMax + 10 {
		r.all = append(r.all, record{telemetry.Logs, fmt.Sprint("host-", i), time.Duration(i) * time.Millisecond, nil})
	}
	h := New(Deps{Records: r})
	l := list(t, h, Query{}, now)
	all := map[string]bool{}
	for _, name := range names(l) {
		all[name] = true
	}
	if len(all) != hostsMax || !all["host-0 up"] || all[fmt.Sprintf("host-%d up", hostsMax)] || len(l.Partial) != 1 {
		t.Errorf("%d hosts, %v", len(all), l.Partial)
	}
	for i := range 3 * tenantsMax {
		h.memoryOf(fmt.Sprint("tenant-", i))
	}
	if n := len(slices.Collect(maps.Keys(h.tenants))); n > tenantsMax {
		t.Errorf("%d tenants are remembered", n)
	}
}

// The questions are ones that PromQL understands.
func TestQuestions(t *testing.T) {
	e := promql.NewEngine(promql.EngineOpts{MaxSamples: 1000, Timeout: time.Minute})
	defer e.Close()
	for _, q := range questions {
		query, err := e.NewInstantQuery(t.Context(), nil, nil, q.expr, now)
		if err != nil {
			t.Errorf("%s: %v", q.expr, err)
			continue
		}
		query.Close()
	}
}
