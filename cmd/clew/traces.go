package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"clew/index/catalog"
	"clew/index/traceindex"
	"clew/query/parts"
)

// forget gives up the memory that is about segments that are gone. The vocabulary and trace indexes are not told: their feeders follow the catalog, which also
// works where other processes remove segments.
func (p *process) forget(gone []catalog.Segment) {
	if p.segments == nil {
		return // nobody asks here
	}
	ids := make([]string, len(gone))
	for i := range gone {
		ids[i] = gone[i].ID
	}
	p.segments.Forget(ids)
}

// tracesCollector exposes what the trace index holds, and the open segments.
type tracesCollector struct {
	traces   *traceindex.Index
	segments *parts.Segments
}

var (
	tracesSegments = prometheus.NewDesc("clew_traceindex_segments", "Segments that the trace index covers.", nil, nil)
	tracesEntries  = prometheus.NewDesc("clew_traceindex_entries", "Pairs of trace and segment in the trace index.", nil, nil)
	tracesRuns     = prometheus.NewDesc("clew_traceindex_runs", "Files of the trace index.", nil, nil)
	tracesBytes    = prometheus.NewDesc("clew_traceindex_bytes", "Bytes of the trace index, by where they are: disk, memory.", []string{"in"}, nil)
	tracesDamaged  = prometheus.NewDesc("clew_traceindex_damaged_total", "Files of the trace index that were dropped because they were damaged.", nil, nil)
	tracesPassed   = prometheus.NewDesc("clew_traceindex_passed_total", "Segments that the trace index did not take, by reason.", []string{"reason"}, nil)
	openSegments   = prometheus.NewDesc("clew_query_open_segments", "Segments whose metadata is in memory.", nil, nil)
	openBytes      = prometheus.NewDesc("clew_query_open_segments_bytes", "Bytes of the metadata of open segments.", nil, nil)
	openEvicted    = prometheus.NewDesc("clew_query_open_segments_evicted_total", "Open segments that were given up for others.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c *tracesCollector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements prometheus.Collector.
func (c *tracesCollector) Collect(ch chan<- prometheus.Metric) {
	put := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	t, o := c.traces.Stats(), c.segments.OpenStats()
	put(tracesSegments, prometheus.GaugeValue, float64(t.Segments))
	put(tracesEntries, prometheus.GaugeValue, float64(t.Entries))
	put(tracesRuns, prometheus.GaugeValue, float64(t.Runs))
	put(tracesBytes, prometheus.GaugeValue, float64(t.Bytes), "disk")
	put(tracesBytes, prometheus.GaugeValue, float64(t.Memory), "memory")
	put(tracesDamaged, prometheus.CounterValue, float64(t.Damaged))
	put(tracesPassed, prometheus.CounterValue, float64(t.Full), "full")
	put(tracesPassed, prometheus.CounterValue, float64(t.Unreadable), "unreadable")
	put(openSegments, prometheus.GaugeValue, float64(o.Segments))
	put(openBytes, prometheus.GaugeValue, float64(o.Bytes))
	put(openEvicted, prometheus.CounterValue, float64(o.Evicted))
}
