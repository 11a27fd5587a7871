// Package hosts says what hosts there are: what each is, when it was last heard of, what it ships, how far behind it is and what it lost.
//
// Three witnesses are heard, and none of them alone knows everything. The ledger has what agents say of themselves every ten seconds, and what became of
// their records. The telemetry itself names hosts too (host.name), those without an agent of ours included, and still does when the host is long gone: so one that
// died is shown as silent and not forgotten for as long as anything of it is kept. And metrics say how busy a host is.
package hosts

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/prometheus/promql"

	"clew/internal/ledger"
	"clew/internal/telemetry"
	"clew/query/engine"
)

// Records says when each value of a field was last met. [engine.Engine] does.
type Records interface {
	Latest(ctx context.Context, r engine.Request, by engine.LatestBy) (*engine.Latest, error)
}

// Ledger lists a tenant's hosts that have an agent; with a name, that one. [ledger.Book] does.
type Ledger interface {
	Hosts(tenant, host string, now time.Time) []ledger.HostAccount
}

// Metrics answers a question in PromQL for one moment.
type Metrics interface {
	Instant(ctx context.Context, tenant, expr string, at time.Time) (promql.Vector, error)
}

// Deps are where hosts are known from.
type Deps struct {
	Records Records
	Ledger  Ledger  // nil: none
	Metrics Metrics // nil: none
	Logger  *slog.Logger
}

// Hosts lists hosts. It is safe for concurrent use.
type Hosts struct {
	deps Deps

	mu      sync.Mutex
	tenants map[string]*memory
}

// New returns a list that knows nothing yet: it asks when it is asked.
func New(deps Deps) *Hosts { return &Hosts{deps: deps, tenants: map[string]*memory{}} }

// Status is whether a host is heard of.
type Status string

// The statuses.
const (
	Up     Status = "up"
	Silent Status = "silent" // for longer than it should be (silentAfter)
)

// Host is what is known of one host.
type Host struct {
	Name      string
	Status    Status
	LastHeard time.Time // by heartbeat or telemetry, whichever was later
	Heartbeat time.Time // the last one; zero: it has no agent of ours

	OS          string
	Arch        string
	ID          string // host.id: its machine id
	CPUs        int    // 0: not known
	MemoryBytes int64  // 0: not known
	Container   bool   // its agent, or the whole of it, is in a container
	Kubernetes  map[string]string
	// Attributes are further resource attributes that say what and where it is: cloud.region, container.id, ...
	Attributes map[string]string

	Traffic  []Traffic             // by signal, of what it ever shipped and is still kept
	Load     *Load                 // nil: it ships no metrics of itself, or not now
	Agents   []ledger.AgentAccount // the latest heard first
	shipping bool                  // the ledger says that an agent is not silent, which it knows best

	LagSeconds float64 // age of the oldest record that waits in an agent
	// Refused, Dropped and Missing are records of its agents that are lost, by reason; see the ledger.
	Refused map[string]uint64
	Dropped map[string]uint64
	Missing uint64
}

// Traffic is what a host ships of one signal.
type Traffic struct {
	Signal    telemetry.Signal
	PerSecond float64 // records (points) with times of the last minute
	LastHeard time.Time
}

// Lost is how many of the host's records are known to be lost.
func (h *Host) Lost() uint64 { return ledger.Sum(h.Refused) + ledger.Sum(h.Dropped) + h.Missing }

// List is the answer of Hosts.List.
type List struct {
	Hosts  []Host // those that match, silent ones first, then by name
	Up     int    // of all
	Silent int    // of all
	// Partial says why hosts or what is said of them may be missing; empty: all there is is told.
	Partial []string
}

// Query says which hosts are meant.
type Query struct {
	Search string    // words, each of which must be in the name or in what the host is; whatever their case
	Status Status    // "": any
	Since  time.Time // last heard at or after; zero: any time
}

// List lists a tenant's hosts. Times are told against now.
func (h *Hosts) List(ctx context.Context, tenant string, q Query, now time.Time) (*List, error) {
	all, partial, err := h.all(ctx, tenant, now)
	if err != nil {
		return nil, err
	}
	out := &List{Partial: partial, Hosts: make([]Host, 0, len(all))}
	words := strings.Fields(strings.ToLower(q.Search))
	for _, host := range all {
		if host.Status == Silent {
			out.Silent++
		} else {
			out.Up++
		}
		if q.Status != "" && host.Status != q.Status || host.LastHeard.Before(q.Since) || !host.matches(words) {
			continue
		}
		out.Hosts = append(out.Hosts, *host)
	}
	slices.SortFunc(out.Hosts, func(a, b Host) int {
		return cmp.Or(cmp.Compare(b.silence(), a.silence()), strings.Compare(a.Name, b.Name))
	})
	return out, nil
}

func (h *Host) silence() int {
	if h.Status == Silent {
		return 1
	}
	return 0
}

// Host is one host; nil if there is none of this name.
func (h *Hosts) Host(ctx context.Context, tenant, name string, now time.Time) (*Host, []string, error) {
	all, partial, err := h.all(ctx, tenant, now)
	if err != nil {
		return nil, nil, err
	}
	return all[name], partial, nil
}

// all puts together what the witnesses say, by name.
func (h *Hosts) all(ctx context.Context, tenant string, now time.Time) (map[string]*Host, []string, error) {
	met, partial, err := h.memoryOf(tenant).at(ctx, h.deps.Records, tenant, now)
	if err != nil {
		return nil, nil, err
	}
	all := make(map[string]*Host, len(met))
	for name, s := range met {
		host := &Host{Name: name}
		host.heard(s, now)
		all[name] = host
	}
	if h.deps.Ledger != nil {
		for _, l := range h.deps.Ledger.Hosts(tenant, "", now) {
			host := all[l.Host]
			if host == nil {
				host = &Host{Name: l.Host}
				all[l.Host] = host
			}
			host.account(&l)
		}
	}
	for _, host := range all {
		host.settle(now)
	}
	partial = append(partial, h.load(ctx, tenant, all, now)...)
	return all, partial, nil
}

// heard takes over what the telemetry says.
func (h *Host) heard(s *sighting, now time.Time) {
	h.Arch, h.ID, h.OS = s.facts["host.arch"], s.facts["host.id"], s.facts["os.type"]
	if d := s.facts["os.description"]; d != "" {
		h.OS = d
	}
	for key, value := range s.facts {
		switch {
		case key == "k8s.pod.name" && value != h.Name || key == "container.id" && !strings.HasPrefix(value, h.Name):
			// One of many on this host: what its last record happened to be of.
		case strings.HasPrefix(key, "k8s."):
			put(&h.Kubernetes, key, value)
		case key != "host.arch" && key != "host.id" && key != "os.type" && key != "os.description":
			put(&h.Attributes, key, value)
			h.Container = h.Container || key == "container.id"
		}
	}
	for _, signal := range telemetry.Signals {
		last := s.last[signal]
		if last == 0 {
			continue
		}
		at := time.Unix(0, min(last, now.UnixNano())).UTC() // clocks run ahead; nobody is heard of in the future
		h.Traffic = append(h.Traffic, Traffic{Signal: signal, PerSecond: s.perSecond[signal], LastHeard: at})
		if at.After(h.LastHeard) {
			h.LastHeard = at
		}
	}
}

// account takes over what the ledger says.
func (h *Host) account(l *ledger.HostAccount) {
	h.Agents = l.Agents
	if l.LastHeard.After(h.LastHeard) {
		h.LastHeard = l.LastHeard
	}
	h.shipping = !l.Silent
	if h.shipping {
		h.LagSeconds = l.LagSeconds() // who is silent does not say how far behind it is
	}
	for i := range l.Flows {
		f := &l.Flows[i]
		addAll(&h.Refused, f.Refused)
		addAll(&h.Dropped, f.Dropped)
		h.Missing += f.Missing
	}
	for i := range h.Agents {
		a := &h.Agents[i]
		if a.Heartbeat != nil && a.Heartbeat.After(h.Heartbeat) {
			h.Heartbeat = *a.Heartbeat
		}
		if i > 0 {
			continue // the latest heard knows best
		}
		h.OS, h.CPUs, h.MemoryBytes = cmp.Or(a.OS, h.OS), a.CPUs, a.MemoryBytes
		h.Container = h.Container || a.Container
		for key, value := range a.K8s {
			put(&h.Kubernetes, key, value)
		}
	}
}

// settle says whether the host is up.
func (h *Host) settle(now time.Time) {
	after := telemetrySilentAfter
	if !h.Heartbeat.IsZero() {
		after = ledger.SilentAfter
	}
	h.Status = Up
	if !h.shipping && now.Sub(h.LastHeard) > after {
		h.Status = Silent
	}
}

func (h *Host) matches(words []string) bool {
	if len(words) == 0 {
		return true
	}
	texts := []string{h.Name, h.OS, h.Arch, h.ID, string(h.Status)}
	texts = slices.AppendSeq(texts, maps.Values(h.Kubernetes))
	texts = slices.AppendSeq(texts, maps.Values(h.Attributes))
	all := strings.ToLower(strings.Join(texts, "\n"))
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(all, w) })
}

func put(m *map[string]string, key, value string) {
	if *m == nil {
		*m = map[string]string{}
	}
	(*m)[key] = value
}

func addAll(to *map[string]uint64, from map[string]uint64) {
	if *to == nil && len(from) > 0 {
		*to = map[string]uint64{}
	}
	for reason, n := range from {
		(*to)[reason] += n
	}
}
