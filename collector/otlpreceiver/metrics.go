package otlpreceiver

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"clew/internal/telemetry"
)

// Metrics are the Prometheus metrics of all OTLP receivers of a process. No label holds a tenant: tenants are many.
type Metrics struct {
	requests  *prometheus.CounterVec // by signal, protocol and result
	bodyBytes *prometheus.CounterVec // by signal and protocol
	accepted  *prometheus.CounterVec // by signal
	rejected  *prometheus.CounterVec // by signal and reason
	refused   *prometheus.CounterVec // by signal and reason
	restated  *prometheus.CounterVec // by signal and reason
	inFlight  prometheus.Gauge
	reserved  prometheus.GaugeFunc
}

// NewMetrics registers the receivers' metrics. inUse gives the bytes of the requests in flight.
func newMetrics(reg prometheus.Registerer, inUse func() float64) (*Metrics, error) {
	vec := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "clew", Subsystem: "collector", Name: name, Help: help}, labels)
	}
	m := &Metrics{
		requests:  vec("requests_total", "OTLP requests by result: ok, partial, or the reason of the refusal.", "signal", "protocol", "result"),
		bodyBytes: vec("body_bytes_total", "Decompressed bytes of OTLP request bodies.", "signal", "protocol"),
		accepted:  vec("records_accepted_total", "Records that were acknowledged: they are durable.", "signal"),
		rejected:  vec("records_rejected_total", "Invalid records, rejected by partial success.", "signal", "reason"),
		refused:   vec("records_refused_total", "Valid records of requests that were refused, most to be sent again.", "signal", "reason"),
		restated:  vec("records_restated_total", "Records without a time or with one far in the future, which are ordered by their observed time.", "signal", "reason"),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "clew", Subsystem: "collector", Name: "requests_in_flight",
			Help: "OTLP requests in flight.",
		}),
		reserved: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "clew", Subsystem: "collector", Name: "in_flight_bytes",
			Help: "Bytes that OTLP requests in flight take, decoded (estimated).",
		}, inUse),
	}
	for _, s := range telemetry.Signals {
		m.accepted.WithLabelValues(s.String())
	}
	for _, c := range []prometheus.Collector{m.requests, m.bodyBytes, m.accepted, m.rejected, m.refused, m.restated, m.inFlight, m.reserved} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}
