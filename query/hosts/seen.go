package hosts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"clew/internal/telemetry"
	"clew/query/engine"
)

// hostField is the attribute that names a host.
const hostField = "resource.host.name"

// factKeys are the resource attributes that say what a host is.
var factKeys = []string{
	"host.arch", "host.id", "host.type", "os.type", "os.description", "k8s.cluster.name", "k8s.node.name", "k8s.pod.name", "k8s.namespace.name",
	"container.id", "container.image.name", "cloud.provider", "cloud.platform", "cloud.region", "cloud.availability_zone",
}

// sighting is what the telemetry says of one host.
type sighting struct {
	last      map[telemetry.Signal]int64 // time of the last record, nanoseconds
	perSecond map[telemetry.Signal]float64
	facts     map[string]string // by resource attribute
}

func (s *sighting) latest() int64 {
	var last int64
	for _, t := range s.last {
		last = max(last, t)
	}
	return last
}

// memory is what is remembered of a tenant's telemetry. All that is kept is asked now and then only: it may be weeks of records.
type memory struct {
	turn chan struct{} // held by who asks

	// Of whoever holds the turn.
	wholeAt time.Time // when all was asked last
	took    time.Duration
	why     []string // why that was not everything
	lacks   bool     // records were missing that may be there soon
	met     map[string]*sighting
}

func (h *Hosts) memoryOf(tenant string) *memory {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := h.tenants[tenant]
	if m == nil {
		if len(h.tenants) >= tenantsMax {
			clear(h.tenants)
		}
		m = &memory{turn: make(chan struct{}, 1)}
		h.tenants[tenant] = m
	}
	return m
}

// at is what is known at a time. What it returns is not changed any more.
func (m *memory) at(ctx context.Context, records Records, tenant string, now time.Time) (map[string]*sighting, []string, error) {
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	whole := m.met == nil || now.Sub(m.wholeAt) >= m.wholeAfter()
	began := time.Now()
	met := map[string]*sighting{}
	if !whole {
		for name, s := range m.met {
			met[name] = &sighting{last: maps.Clone(s.last), perSecond: map[telemetry.Signal]float64{}, facts: s.facts}
		}
	}
	var partial []string
	for _, signal := range telemetry.Signals {
		why, err := meet(ctx, records, tenant, signal, met, whole, now)
		if err != nil {
			return nil, nil, err
		}
		partial = append(partial, why...)
	}
	lacks := len(partial) > 0
	if len(met) > hostsMax {
		partial = append(partial, fmt.Sprintf("there are %d hosts, and the %d last heard of are listed", len(met), hostsMax))
		forget(met)
	}
	m.met = met
	if whole {
		m.wholeAt, m.took, m.why, m.lacks = now, time.Since(began), partial, lacks
		return met, partial, nil
	}
	return met, append(partial, without(m.why, partial)...), nil
}

// wholeAfter is how long what was asked of all is good for.
func (m *memory) wholeAfter() time.Duration {
	share := time.Duration(wholeShare)
	if m.lacks {
		share = lackingShare
	}
	return min(wholeEvery, max(wholeEveryMin, share*m.took))
}

// meet asks for a signal's hosts, and adds what it says of them to met.
func meet(ctx context.Context, records Records, tenant string, signal telemetry.Signal, met map[string]*sighting, whole bool, now time.Time) ([]string, error) {
	r := engine.Request{Tenant: tenant, Signal: signal}
	if !whole {
		back := recentLogs
		if signal == telemetry.Metrics {
			back = recentPoints
		}
		r.From = now.Add(-back).UnixNano()
	}
	by := engine.LatestBy{Field: hostField, Since: now.Add(-rateWindow).UnixNano()}
	for _, key := range factKeys {
		by.Facts = append(by.Facts, "resource."+key)
	}
	found, err := records.Latest(ctx, r, by)
	var limit *engine.LimitError
	switch {
	case errors.As(err, &limit):
		return []string{fmt.Sprintf("hosts that %s name: %v", signal, limit)}, nil
	case err != nil:
		return nil, fmt.Errorf("hosts that %s name: %w", signal, err)
	}
	for _, row := range found.Rows {
		if row.Value == "" {
			continue
		}
		s := met[row.Value]
		if s == nil {
			s = &sighting{last: map[telemetry.Signal]int64{}, perSecond: map[telemetry.Signal]float64{}}
			met[row.Value] = s
		}
		newer := row.Time >= s.latest()
		s.last[signal] = max(s.last[signal], row.Time)
		s.perSecond[signal] = float64(row.Recent) / rateWindow.Seconds()
		s.learn(row.Facts, newer)
	}
	return found.Stats.Partial, nil
}

// learn adds facts; newer ones replace those that are known.
func (s *sighting) learn(facts map[string]string, newer bool) {
	known := maps.Clone(s.facts) // lent to answers
	if known == nil {
		known = map[string]string{}
	}
	for _, key := range factKeys {
		value := facts["resource."+key]
		if value == "" || known[key] != "" && !newer {
			continue
		}
		if len(value) > factBytesMax {
			value = value[:factBytesMax]
		}
		known[key] = value
	}
	s.facts = known
}

// forget drops hosts beyond hostsMax: those that were heard of longest ago.
func forget(met map[string]*sighting) {
	names := slices.SortedFunc(maps.Keys(met), func(a, b string) int {
		return cmp.Or(cmp.Compare(met[b].latest(), met[a].latest()), strings.Compare(a, b))
	})
	for _, name := range names[hostsMax:] {
		delete(met, name)
	}
}

// without are the texts that others has not.
func without(texts, others []string) []string {
	return slices.DeleteFunc(slices.Clone(texts), func(text string) bool { return slices.Contains(others, text) })
}
