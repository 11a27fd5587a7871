package manager

import "github.com/prometheus/client_golang/prometheus"

// counters are what is counted beside Alertmanager's own alertmanager_* metrics.
type counters struct {
	refused *prometheus.CounterVec
	failed  *prometheus.CounterVec
	reloads *prometheus.CounterVec
	loaded  prometheus.Gauge
}

func newCounters(reg prometheus.Registerer) *counters {
	c := &counters{
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "clew_alertmanager_alerts_refused_total", Help: "Alerts that the embedded Alertmanager did not take, by reason: full (there are too many), invalid.",
		}, []string{"reason"}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "clew_alertmanager_journal_failures_total",
			Help: "Times that alerts, silences or notifications could not be made durable. Until that is made up for, which is tried every second, a kill forgets them.",
		}, []string{"what"}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "clew_alertmanager_reloads_total", Help: "Times that alertmanager.yml was read again, by outcome: ok, unchanged, or error (the configuration from before goes on).",
		}, []string{"outcome"}),
		loaded: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "clew_alertmanager_config_loaded", Help: "1 if alertmanager.yml as it was last read is what holds; 0 if it is broken and an older one goes on.",
		}),
	}
	for _, reason := range []string{"full", "invalid"} {
		c.refused.WithLabelValues(reason)
	}
	for _, what := range []string{whatAlerts, whatSilences, whatNotices} {
		c.failed.WithLabelValues(what)
	}
	for _, outcome := range []string{"ok", "unchanged", "error"} {
		c.reloads.WithLabelValues(outcome)
	}
	c.loaded.Set(1)
	reg.MustRegister(c.refused, c.failed, c.reloads, c.loaded)
	return c
}
