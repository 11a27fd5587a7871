package tailsample

import (
	"fmt"
	"maps"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics count decisions, of all shards together, since the start. Everything is counted where messages leave a Stage: what is read a second time after
// a restart is not counted a second time.
type Metrics struct {
	spansTotal  *prometheus.CounterVec
	tracesTotal *prometheus.CounterVec
	earlyTotal  *prometheus.CounterVec

	mu   sync.Mutex
	left map[string]map[string]uint64 // spans, by tenant and policy
}

// NewMetrics registers the metrics; with a nil registerer they only count.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	vec := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "clew", Subsystem: "tail_sampling", Name: name, Help: help}, labels)
	}
	m := &Metrics{
		spansTotal:  vec("spans_total", "Spans by what tail sampling decided (kept, sampled: left out) and by the policy that did.", "decision", "policy"),
		tracesTotal: vec("traces_total", "Traces by what tail sampling decided and by the policy that did.", "decision", "policy"),
		earlyTotal:  vec("early_total", "Traces decided before decision_wait had passed, by the bound that forced it: traces or held_bytes.", "bound"),
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.spansTotal, m.tracesTotal, m.earlyTotal} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

func decision(t *Trace) string {
	if t.keep {
		return "kept"
	}
	return "sampled"
}

func (m *Metrics) spans(t *Trace, n int) {
	m.spansTotal.WithLabelValues(decision(t), t.policy).Add(float64(n))
	if t.keep {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left == nil {
		m.left = map[string]map[string]uint64{}
	}
	if m.left[t.tenant] == nil {
		m.left[t.tenant] = map[string]uint64{}
	}
	m.left[t.tenant][t.policy] += uint64(n)
}

// Left is how many of a tenant's spans were left out since the start, by the policy that did it.
func (m *Metrics) Left(tenant string) map[string]uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.left[tenant])
}

func (m *Metrics) trace(t *Trace) { m.tracesTotal.WithLabelValues(decision(t), t.policy).Inc() }

func (m *Metrics) early(bound string, n int) { m.earlyTotal.WithLabelValues(bound).Add(float64(n)) }
