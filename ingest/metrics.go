package ingest

import (
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are ingest's Prometheus metrics.
type metrics struct {
	records      *prometheus.CounterVec
	duplicates   *prometheus.CounterVec
	dropped      *prometheus.CounterVec
	seals        *prometheus.CounterVec
	sealFailures *prometheus.CounterVec
	sealedBytes  *prometheus.CounterVec
	sealSeconds  prometheus.Histogram
	retired      *prometheus.CounterVec
	retiredBytes *prometheus.CounterVec
	collected    prometheus.Counter

	countedOther   *prometheus.CounterVec
	uploadFailures *prometheus.CounterVec
	spoolLeft      prometheus.Counter

	merges        *prometheus.CounterVec
	mergedInputs  *prometheus.CounterVec
	mergedBytes   *prometheus.CounterVec
	mergeFailures *prometheus.CounterVec
	rewriteWork   *prometheus.CounterVec
	rewritePaused *prometheus.CounterVec

	downsampled        *prometheus.CounterVec
	downsampledPoints  *prometheus.CounterVec
	downsampledBytes   *prometheus.CounterVec
	downsamplingFailed prometheus.Counter
	retiredNotSampled  prometheus.Counter

	deletions      prometheus.Counter
	deletedRecords *prometheus.CounterVec
}

func newMetrics(in *Ingest, r prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "clew_ingest_" + name, Help: help}, labels)
	}
	m := &metrics{
		records:      counter("records_total", "Records taken from the log into heads.", "signal"),
		duplicates:   counter("duplicates_total", "Records dropped as repetitions, by what gave them away: source (an append repeated), replayed (a batch that its sender numbered and sent again), span or merge.", "signal", "by"),
		dropped:      counter("dropped_messages_total", "Messages of the log that could not be used.", "reason"),
		seals:        counter("seals_total", "Segments sealed and committed.", "signal"),
		sealFailures: counter("seal_failures_total", "Attempts to seal that failed; each is repeated.", "signal"),
		sealedBytes:  counter("sealed_bytes_total", "Bytes of sealed segments.", "signal"),
		retired:      counter("retention_segments_total", "Segments removed by retention.", "signal"),
		retiredBytes: counter("retention_bytes_total", "Bytes removed by retention.", "signal"),
		sealSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "clew_ingest_seal_seconds", Help: "Time to write and commit a segment.", Buckets: prometheus.ExponentialBuckets(0.01, 2, 14),
		}),
		collected: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "clew_ingest_collected_segments_total", Help: "Segments that no commit names, removed from the store.",
		}),
	}
	m.merges = counter("merges_total", "Merges of small segments.", "signal")
	m.mergedInputs = counter("merged_segments_total", "Segments that were merged into others.", "signal")
	m.mergedBytes = counter("merged_bytes_total", "Bytes of segments that were made by merging.", "signal")
	m.mergeFailures = counter("merge_failures_total", "Merges that failed; tried anew later.", "signal")
	m.rewriteWork = counter("rewrite_work_seconds_total", "Time at work on rewriting segments, by what for: compact, downsample or delete.", "for")
	m.deletions = prometheus.NewCounter(prometheus.CounterOpts{Name: "clew_ingest_deletions_total", Help: "Deletions by query that are done."})
	m.deletedRecords = counter("deleted_records_total", "Records taken out by deletions.", "signal")
	m.rewritePaused = counter("rewrite_paused_seconds_total", "Time that compaction waited although there was something to merge, by what for.", "for")
	m.countedOther = counter("counted_other_total", "Records that are counted under the name other, because their tenant has too many operations or templates.", "signal")
	m.uploadFailures = counter("upload_failures_total", "Attempts to upload a local segment that failed, by reason; each is repeated.", "reason")
	m.spoolLeft = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "clew_ingest_spool_left_segments_total", Help: "Local segments that an earlier process left waiting, and that are made again from the log.",
	})
	m.downsampled = counter("downsampled_segments_total", "Segments of metrics that were down-sampled, by the width of the windows.", "resolution")
	m.downsampledPoints = counter("downsampled_points_total",
		"Points at down-sampling, by the width of the windows: in; out, those that stay; future, those that were left out because they were ahead of their time.", "resolution", "points")
	m.downsampledBytes = counter("downsampled_bytes_total", "Bytes of segments that were made by down-sampling.", "resolution")
	m.downsamplingFailed = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "clew_ingest_downsampling_failures_total", Help: "Attempts to down-sample that failed; tried anew later.",
	})
	m.retiredNotSampled = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "clew_ingest_retention_not_downsampled_segments_total", Help: "Segments of metrics that retention removed before they were down-sampled.",
	})
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{
		m.records, m.duplicates, m.dropped, m.seals, m.sealFailures, m.sealedBytes, m.sealSeconds, m.retired, m.retiredBytes, m.collected,
		m.merges, m.mergedInputs, m.mergedBytes, m.mergeFailures, m.rewriteWork, m.rewritePaused,
		m.downsampled, m.downsampledPoints, m.downsampledBytes, m.downsamplingFailed, m.retiredNotSampled,
		m.deletions, m.deletedRecords,
		m.uploadFailures, m.spoolLeft, m.countedOther,
		gauges{in},
	} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

// gauges are asked of the owners when somebody scrapes.
type gauges struct{ in *Ingest }

var (
	gaugeBytes    = prometheus.NewDesc("clew_ingest_head_bytes", "Memory of heads, by state: live (growing) or frozen (waiting to be sealed).", []string{"state"}, nil)
	gaugeRecords  = prometheus.NewDesc("clew_ingest_head_records", "Records in heads.", []string{"signal"}, nil)
	gaugeConsumed = prometheus.NewDesc("clew_ingest_consumed_position", "Log position up to which the shard has been read.", []string{"shard"}, nil)
	gaugeLag      = prometheus.NewDesc("clew_ingest_lag_seconds", "For how long the first message of the log has waited that the shard's owner has not read; 0: all is read.", []string{"shard"}, nil)
	gaugeFloor    = prometheus.NewDesc("clew_ingest_floor_position", "Log position up to which everything is in segments.", []string{"shard"}, nil)
	gaugeSpool    = prometheus.NewDesc("clew_ingest_spool_bytes", "Local segments that wait to be uploaded.", nil, nil)
	gaugeSpooled  = prometheus.NewDesc("clew_ingest_spool_segments", "Local segments that wait to be uploaded.", nil, nil)
	gaugeReady    = prometheus.NewDesc("clew_ingest_ready", "1 once every shard is owned and has read what was in its log at the start.", nil, nil)
)

func (g gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{gaugeBytes, gaugeRecords, gaugeConsumed, gaugeLag, gaugeFloor, gaugeSpool, gaugeSpooled, gaugeReady} {
		ch <- d
	}
}

func (g gauges) Collect(ch chan<- prometheus.Metric) {
	set := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	live, frozen := g.in.room.get()
	set(gaugeBytes, float64(live), "live")
	set(gaugeBytes, float64(frozen), "frozen")
	for signal, n := range g.in.recordsIn() {
		set(gaugeRecords, float64(n), signal.String())
	}
	now := time.Now()
	for _, o := range g.in.allOwners() {
		shard := strconv.Itoa(o.shard)
		behind, _ := o.behind(now)
		set(gaugeLag, behind.Seconds(), shard)
		set(gaugeConsumed, float64(o.consumed.Load()), shard)
		set(gaugeFloor, float64(g.in.catalog.Current().Shard(o.shard).Floor), shard)
	}
	if s := g.in.spool.Status(); s != nil {
		set(gaugeSpool, float64(s.Bytes))
		set(gaugeSpooled, float64(s.Segments))
	}
	ready := 0.0
	if g.in.Ready() {
		ready = 1
	}
	set(gaugeReady, ready)
}
