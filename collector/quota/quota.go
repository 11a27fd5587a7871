// Package quota bounds what a tenant sends: bytes a second, and how many services and metric series it is made of.
//
// One tenant's mistake (a loop that logs, a request id as a label) must not be everybody's outage. Bytes are a token bucket: past it
// requests are refused with the time after which they fit, so that senders keep what they have. What exceeds a bound on distinct
// things is rejected by itself, by partial success: the rest of the tenant's records are as good as before. Attribute keys have no bound here,
// because none is needed: a segment keeps what exceeds its columns in an overflow column, where it stays searchable.
//
// The limits are applied at the door (door.go), before the exporter, so that they hold for every receiver, ours, a stock one or one of the user's
// configuration. A receiver that knows a request's size before it decodes it may ask earlier ([Quota.Charge]).
package quota

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"clew/collector/refusal"
)

// Reasons, as counters and answers name them.
const (
	ReasonRate     = "tenant_rate"
	ReasonServices = "tenant_services"
	ReasonSeries   = "tenant_series"
	// ReasonLimits is ReasonServices or ReasonSeries, where nobody has asked which.
	ReasonLimits = "tenant_limits"
)

// Quota keeps count of all tenants. All methods are safe for concurrent use.
type Quota struct {
	cfg Config

	received *prometheus.CounterVec // by tenant
	// refusedBytes is by tenant and reason
	refusedBytes *prometheus.CounterVec
	refused      *prometheus.CounterVec // by tenant and reason
	rejected     *prometheus.CounterVec // by tenant and reason

	mu      sync.Mutex
	tenants map[string]*Tenant
	labels  map[string]bool // tenants that have a label of their own
}

// New makes a Quota with a valid configuration and registers its metrics.
func New(cfg Config, reg prometheus.Registerer) (*Quota, error) {
	vec := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "clew", Subsystem: "tenant", Name: name, Help: help}, labels)
	}
	q := &Quota{
		cfg: cfg, tenants: map[string]*Tenant{}, labels: map[string]bool{},
		received:     vec("received_bytes_total", "Decompressed bytes of requests that the tenant's rate had room for, by tenant (the first 100 by name, the rest as "+otherTenants+").", "tenant"),
		refusedBytes: vec("refused_bytes_total", "Decompressed bytes of requests refused because of the tenant's limits; most are sent again.", "tenant", "reason"),
		refused:      vec("refused_requests_total", "Requests refused because of the tenant's limits.", "tenant", "reason"),
		rejected:     vec("rejected_records_total", "Records rejected because of the tenant's limits.", "tenant", "reason"),
	}
	for _, c := range []prometheus.Collector{q.received, q.refusedBytes, q.refused, q.rejected} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return q, nil
}

// SetConfig changes the limits of all tenants from now on. The configuration must be valid.
func (q *Quota) SetConfig(cfg Config) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.cfg = cfg
	for name, t := range q.tenants {
		t.setLimits(cfg.Of(name))
	}
}

// Tenant finds or makes a tenant's count. Past tenantsMax the further ones have one count, and so one limit, together.
func (q *Quota) Tenant(name string, now time.Time) *Tenant {
	q.mu.Lock()
	defer q.mu.Unlock()
	if t := q.tenants[name]; t != nil {
		t.used.Store(now.UnixNano())
		return t
	}
	if len(q.tenants) >= tenantsMax {
		q.forgetLocked(now)
	}
	if len(q.tenants) >= tenantsMax {
		name = otherTenants
		if t := q.tenants[name]; t != nil {
			return t
		}
	}
	label := name
	if !q.labels[name] && len(q.labels) >= labelsMax {
		label = otherTenants
	}
	q.labels[label] = true
	t := &Tenant{q: q, name: name, label: label}
	t.setLimits(q.cfg.Of(name))
	t.used.Store(now.UnixNano())
	q.tenants[name] = t
	return t
}

// forgetLocked drops tenants that have sent nothing for a while.
func (q *Quota) forgetLocked(now time.Time) {
	maps.DeleteFunc(q.tenants, func(_ string, t *Tenant) bool {
		return now.UnixNano()-t.used.Load() > int64(window)
	})
}

// Status is a tenant's count for people.
type Status struct {
	Tenant   string            `json:"tenant"`
	Limits   Limits            `json:"limits"`
	Received int64             `json:"received_bytes"`     // decompressed, since the start
	Services int               `json:"services,omitempty"` // distinct within the last one to two hours, where they are bounded
	Series   int               `json:"series,omitempty"`
	Refused  map[string]uint64 `json:"refused,omitempty"`  // requests, by reason
	Rejected map[string]uint64 `json:"rejected,omitempty"` // records, by reason
}

// Status describes the tenants that send, by name, at most a hundred.
func (q *Quota) Status() []Status {
	q.mu.Lock()
	names := slices.Sorted(maps.Keys(q.tenants))
	tenants := make([]*Tenant, 0, labelsMax)
	for _, name := range names[:min(len(names), labelsMax)] {
		tenants = append(tenants, q.tenants[name])
	}
	q.mu.Unlock()
	out := make([]Status, 0, len(tenants))
	for _, t := range tenants {
		out = append(out, t.status())
	}
	return out
}

// tooFast is the refusal of what exceeds a tenant's rate.
func tooFast(limits Limits, wait time.Duration) *refusal.Error {
	return refusal.Overloaded(ReasonRate, wait, "the tenant may send %d bytes a second (bursts of %d)", limits.BytesPerSecond, limits.burst())
}
