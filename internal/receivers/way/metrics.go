package way

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics count what comes in other than by OTLP, by protocol. No label holds a tenant: tenants are many.
type Metrics struct {
	requests *prometheus.CounterVec // by protocol and result
	accepted *prometheus.CounterVec // by protocol
	rejected *prometheus.CounterVec // by protocol and reason
	refused  *prometheus.CounterVec // by protocol and reason
	unparsed *prometheus.CounterVec // by protocol
}

// NewMetrics registers the metrics.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	vec := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "clew", Subsystem: "receiver", Name: name, Help: help}, labels)
	}
	m := &Metrics{
		requests: vec("requests_total", "Requests of protocols other than OTLP by result: ok, partial, or the reason of the refusal.", "protocol", "result"),
		accepted: vec("records_accepted_total", "Records of protocols other than OTLP that the pipeline has taken.", "protocol"),
		rejected: vec("records_rejected_total", "Records that were rejected while the others of their request were taken.", "protocol", "reason"),
		refused:  vec("records_refused_total", "Readable records of requests that were refused.", "protocol", "reason"),
		unparsed: vec("records_unparsed_total", "Records that were taken as they came because they are not in the protocol's form.", "protocol"),
	}
	for _, c := range []prometheus.Collector{m.requests, m.accepted, m.rejected, m.refused, m.unparsed} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

// Request counts a request that somebody else has answered.
func (m *Metrics) Request(protocol, result string) {
	m.requests.WithLabelValues(protocol, result).Inc()
}

// Accepted counts records that the pipeline has taken.
func (m *Metrics) Accepted(protocol string, n int) {
	m.accepted.WithLabelValues(protocol).Add(float64(n))
}

// Rejected counts records that were left out.
func (m *Metrics) Rejected(protocol, reason string, n int) {
	m.rejected.WithLabelValues(protocol, reason).Add(float64(n))
}

// Refused counts readable records that the pipeline has refused.
func (m *Metrics) Refused(protocol, reason string, n int) {
	m.refused.WithLabelValues(protocol, reason).Add(float64(n))
}

// Unparsed counts records that are taken as they came, because they are not in the protocol's form.
func (m *Metrics) Unparsed(protocol string, n int) {
	m.unparsed.WithLabelValues(protocol).Add(float64(n))
}
