package logexporter

import (
	"github.com/prometheus/client_golang/prometheus"

	"clew/internal/telemetry"
)

// counters are the exporter's Prometheus metrics.
type counters struct {
	messages      *prometheus.CounterVec // by signal
	messageBytes  *prometheus.CounterVec // by signal
	records       *prometheus.CounterVec // by signal
	appendSeconds prometheus.Histogram
	retries       prometheus.Counter
	failures      *prometheus.CounterVec // by reason
}

func newCounters(reg prometheus.Registerer, pending func() float64) (*counters, error) {
	vec := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "clew", Subsystem: "collector", Name: name, Help: help}, labels)
	}
	c := &counters{
		messages:     vec("log_messages_total", "Messages appended to the shard log.", "signal"),
		messageBytes: vec("log_message_bytes_total", "Encoded bytes of the messages appended to the shard log.", "signal"),
		records:      vec("log_records_total", "Records in the messages appended to the shard log.", "signal"),
		appendSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "clew", Subsystem: "collector", Name: "log_append_seconds",
			Help:    "Time until a message was durable, with repetitions.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15),
		}),
		retries: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "clew", Subsystem: "collector", Name: "log_append_retries_total",
			Help: "Appends repeated because the outcome was unknown.",
		}),
		failures: vec("log_append_failures_total", "Messages that were not acknowledged by the shard log.", "reason"),
	}
	for _, s := range telemetry.Signals {
		c.messages.WithLabelValues(s.String())
		c.messageBytes.WithLabelValues(s.String())
		c.records.WithLabelValues(s.String())
	}
	gauge := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "clew", Subsystem: "collector", Name: "log_pending_bytes",
		Help: "Estimated encoded bytes of records that wait to be durable.",
	}, pending)
	for _, m := range []prometheus.Collector{c.messages, c.messageBytes, c.records, c.appendSeconds, c.retries, c.failures, gauge} {
		if err := reg.Register(m); err != nil {
			return nil, err
		}
	}
	return c, nil
}
