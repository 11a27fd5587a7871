package ledger

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"clew/internal/telemetry"
)

var (
	descAgents = prometheus.NewDesc("clew_ledger_agents", "Agents that are known, of all tenants, by state: up, or silent for longer than a minute.", []string{"state"}, nil)
	descNumber = prometheus.NewDesc("clew_ledger_missing_numbers", "Batches of agents that never came and that no agent tells of.", []string{"signal"}, nil)
	// Agents come and go, and so do their counts: a gauge.
	descLosses = prometheus.NewDesc("clew_ledger_lost_records", "Records that the agents that are known have refused or dropped since they were installed, by reason (sampled was intended).", []string{"signal", "what", "reason"}, nil)
	// Of a book that is shared.
	descRefused = prometheus.NewDesc("clew_ledger_told_refused_total", "What processes of a cluster tell each other of agents and could not be used: messages that cannot be read or are too large, and agents beyond the bound.", nil, nil)
	descLag     = prometheus.NewDesc("clew_ledger_lag_seconds", "The largest age of a record that waits in an agent that is not silent.", []string{"signal"}, nil)
)

// Describe is part of prometheus.Collector.
func (b *Book) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descAgents, descNumber, descLosses, descLag, descRefused} {
		to <- d
	}
}

// Collect is part of prometheus.Collector. Hosts are not told apart, which may be many: that is what /api/v1/ledger is for.
func (b *Book) Collect(to chan<- prometheus.Metric) {
	for _, g := range b.gauges(time.Now()) {
		to <- g
	}
}

func (b *Book) gauges(now time.Time) []prometheus.Metric {
	type loss struct{ signal, what, reason string }
	up, silent := 0, 0
	losses, missing, lag := map[loss]uint64{}, map[string]uint64{}, map[string]float64{}
	for _, s := range telemetry.Signals {
		missing[s.String()], lag[s.String()] = 0, 0
	}
	b.mu.Lock()
	shared := b.shared
	for _, a := range b.agents {
		quiet := b.silentLocked(a.heard, now)
		if quiet {
			silent++
		} else {
			up++
		}
		told := map[string][]NumberGap{}
		if a.heartbeat != nil {
			for i := range a.heartbeat.Sources {
				s := &a.heartbeat.Sources[i]
				told[s.Signal] = s.Gaps
				if !quiet {
					lag[s.Signal] = max(lag[s.Signal], s.LagSeconds)
				}
				for reason, n := range s.Refused {
					losses[loss{s.Signal, "refused", reason}] += n
				}
				for reason, n := range s.Dropped {
					losses[loss{s.Signal, "dropped", reason}] += n
				}
			}
		}
		for signal, lane := range a.lanes {
			_, n := lane.missing(told[signal], now)
			missing[signal] += n
		}
	}
	b.mu.Unlock()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
		return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	out := []prometheus.Metric{gauge(descAgents, float64(up), "up"), gauge(descAgents, float64(silent), "silent")}
	if shared != nil {
		out = append(out, prometheus.MustNewConstMetric(descRefused, prometheus.CounterValue, float64(shared.refused.Load())))
	}
	for signal, n := range missing {
		out = append(out, gauge(descNumber, float64(n), signal))
	}
	for signal, seconds := range lag {
		out = append(out, gauge(descLag, seconds, signal))
	}
	for l, n := range losses {
		out = append(out, gauge(descLosses, float64(n), l.signal, l.what, l.reason))
	}
	return out
}
