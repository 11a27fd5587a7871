package engine

import "github.com/prometheus/client_golang/prometheus"

var (
	runningDesc = prometheus.NewDesc("clew_query_running", "Queries that have their turn, by lane.", []string{"lane"}, nil)
	waitingDesc = prometheus.NewDesc("clew_query_waiting", "Queries that wait for their turn, by lane.", []string{"lane"}, nil)
	memoryDesc  = prometheus.NewDesc("clew_query_memory_bytes", "Bytes that running queries have taken for decoded columns and records.", nil, nil)
	asideDesc   = prometheus.NewDesc("clew_query_segments_set_aside", "Segments that are left out of answers because they cannot be read.", nil, nil)
)

// Describe implements prometheus.Collector.
func (e *Engine) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{runningDesc, waitingDesc, memoryDesc, asideDesc} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (e *Engine) Collect(to chan<- prometheus.Metric) {
	for _, l := range []*lane{e.light, e.heavy} {
		running, waiting := l.turns.Load()
		to <- prometheus.MustNewConstMetric(runningDesc, prometheus.GaugeValue, float64(running), l.name)
		to <- prometheus.MustNewConstMetric(waitingDesc, prometheus.GaugeValue, float64(waiting), l.name)
	}
	to <- prometheus.MustNewConstMetric(memoryDesc, prometheus.GaugeValue, float64(e.memory.Used()))
	to <- prometheus.MustNewConstMetric(asideDesc, prometheus.GaugeValue, float64(len(e.SetAside())))
}
