package alert

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// counters are what is counted of evaluation.
type counters struct {
	evaluations  *prometheus.CounterVec
	seconds      prometheus.Histogram
	missed       prometheus.Counter
	recordFailed prometheus.Counter
	stateFailed  prometheus.Counter
	sendFailed   prometheus.Counter
	sent         prometheus.Counter
	reloads      *prometheus.CounterVec
	loaded       prometheus.Gauge
}

func newCounters(reg prometheus.Registerer) *counters {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	c := &counters{
		evaluations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "clew_rule_evaluations_total", Help: "Evaluations of rules, by outcome: ok, or error (the rule's alerts stay as they were).",
		}, []string{"outcome"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "clew_rule_evaluation_seconds", Help: "How long evaluations of rules take.", Buckets: []float64{.001, .003, .01, .03, .1, .3, 1, 3, 10, 30},
		}),
		missed:       counter("clew_rule_group_missed_evaluations_total", "Evaluations of groups that were due and are not made up for: clew was away, or too slow."),
		recordFailed: counter("clew_rule_record_failures_total", "Results of rules that could not be written into the metrics."),
		stateFailed:  counter("clew_rule_state_failures_total", "States of groups that could not be read or written: a restart may page again."),
		sendFailed:   counter("clew_alert_send_failures_total", "Alerts that could not be handed to those who deliver; they are handed over again with the next evaluation."),
		sent:         counter("clew_alerts_sent_total", "Alerts handed to those who deliver, repetitions included."),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "clew_rule_reloads_total", Help: "Reloads of rule files, by outcome: ok, or error (the rules from before go on).",
		}, []string{"outcome"}),
		loaded: prometheus.NewGauge(prometheus.GaugeOpts{Name: "clew_rules_loaded", Help: "1 if the rule files as they are now are what is evaluated; 0 if they are broken and older rules go on."}),
	}
	for _, outcome := range []string{"ok", "error"} {
		c.evaluations.WithLabelValues(outcome)
		c.reloads.WithLabelValues(outcome)
	}
	if reg != nil {
		reg.MustRegister(c.evaluations, c.seconds, c.missed, c.recordFailed, c.stateFailed, c.sendFailed, c.sent, c.reloads, c.loaded)
	}
	return c
}

func (c *counters) evaluated(err error, took time.Duration) {
	outcome := "ok"
	if err != nil {
		outcome = "error"
	}
	c.evaluations.WithLabelValues(outcome).Inc()
	c.seconds.Observe(took.Seconds())
}
