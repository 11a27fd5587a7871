package notify

import "github.com/prometheus/client_golang/prometheus"

// Reasons for which alerts are dropped.
const (
	reasonFull    = "full"    // no room in the queue
	reasonExpired = "expired" // told too late to be of use
	reasonRefused = "refused" // the Alertmanager says that they are invalid
)

// counters are what is counted of deliveries, by Alertmanager.
type counters struct {
	sent    *prometheus.CounterVec
	dropped *prometheus.CounterVec
	failed  *prometheus.CounterVec
	seconds *prometheus.HistogramVec
}

func newCounters() *counters {
	labels := []string{"alertmanager"}
	return &counters{
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "clew_notify_sent_total", Help: "Alerts that Alertmanagers took, repetitions included."}, labels),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "clew_notify_dropped_total", Help: "Alerts that an Alertmanager was not told of, by reason: full, expired, refused.",
		}, []string{"alertmanager", "reason"}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "clew_notify_failures_total", Help: "Requests to Alertmanagers that failed and are tried again."}, labels),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "clew_notify_request_seconds", Help: "How long requests to Alertmanagers take.", Buckets: []float64{.003, .01, .03, .1, .3, 1, 3, 10},
		}, labels),
	}
}

func (c *counters) begin(name string) {
	c.sent.WithLabelValues(name)
	c.failed.WithLabelValues(name)
	for _, reason := range []string{reasonFull, reasonExpired, reasonRefused} {
		c.dropped.WithLabelValues(name, reason)
	}
}

var waitingDesc = prometheus.NewDesc("clew_notify_waiting", "Alerts that an Alertmanager has not taken yet.", []string{"alertmanager"}, nil)

// Describe implements prometheus.Collector.
func (s *Sender) Describe(ch chan<- *prometheus.Desc) { ch <- waitingDesc }

// Collect implements prometheus.Collector.
func (s *Sender) Collect(ch chan<- prometheus.Metric) {
	for _, t := range s.targets {
		ch <- prometheus.MustNewConstMetric(waitingDesc, prometheus.GaugeValue, float64(t.queue.len()), t.name)
	}
}
