package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"clew/collector/quota"
	"clew/index/segment"
	"clew/index/wordindex"
	"clew/ingest"
	"clew/ingest/shardlog"
	"clew/internal/clock"
	"clew/internal/ledger"
	"clew/internal/telemetry"
	"clew/query/parts"
)

// status is the answer of /api/v1/status.
type status struct {
	Version  string           `json:"version"`
	Started  time.Time        `json:"started"`
	Roles    []string         `json:"roles"`
	Tenants  []string         `json:"tenants"`
	Segments int              `json:"segments"`
	Bytes    map[string]int64 `json:"segment_bytes"` // by signal
	Disk     diskStatus       `json:"disk"`
	Store    *storeStatus     `json:"store,omitempty"` // nil with a directory
	Log      logStatus        `json:"log"`
	Ingest   ingest.Status    `json:"ingest"`
	Words    wordindex.Stats  `json:"vocabulary"`
	Aside    []parts.Aside    `json:"segments_set_aside"` // damaged: answers leave them out and say so
	Ledger   ledger.Summary   `json:"ledger"`             // of all tenants' agents; /api/v1/ledger has them one by one
	Limits   []quota.Status   `json:"tenant_limits"`      // what tenants have sent since the start, against what they may
}

type diskStatus struct {
	FreeBytes    int64             `json:"free_bytes"`
	FreeBytesMin int64             `json:"free_bytes_min"` // below it senders are told to wait
	Refused      map[string]uint64 `json:"refused"`        // appends, by reason
	Stuck        bool              `json:"stuck"`          // a write failed; clew takes records again once there is room
}

func (p *process) status(ctx context.Context) any {
	log := p.log.Stats()
	s := status{
		Version: version, Started: p.started.UTC(), Roles: p.cfg.Roles, Tenants: []string{}, Bytes: map[string]int64{},
		Disk:   diskStatus{FreeBytes: log.FreeBytes, FreeBytesMin: log.FreeBytesMin, Refused: log.Refused, Stuck: log.Stuck},
		Ledger: p.book.Summary(time.Now()), Store: p.remote.status(), Limits: []quota.Status{}, Aside: []parts.Aside{},
	}
	if p.collector != nil {
		s.Limits = p.collector.Tenants()
	}
	if p.catalog != nil {
		v := p.catalog.Current()
		s.Segments, s.Tenants = v.Len(), append(s.Tenants, v.Tenants()...)
		for _, signal := range telemetry.Signals {
			s.Bytes[signal.String()] = v.Bytes(signal)
		}
	}
	if p.engine != nil {
		s.Words, s.Aside = p.words.Stats(), p.engine.SetAside()
	}
	var logBytes int64
	if p.ingest != nil {
		s.Ingest, s.Tenants = p.ingest.Status(ctx), p.ingest.Tenants()
		for _, shard := range s.Ingest.Shards {
			logBytes += shard.LogBytes
		}
	}
	s.Log = p.rate.status(logBytes, p.cfg.Log.BytesMax)
	return s
}

// wordsCollector exposes what the vocabulary index holds.
type wordsCollector struct{ words *wordindex.Index }

var (
	wordsEntries = prometheus.NewDesc("clew_vocabulary_entries", "Entries of the vocabulary index, by state: live, or dead (met in no segment that there still is).", []string{"state"}, nil)
	wordsBytes   = prometheus.NewDesc("clew_vocabulary_text_bytes", "Bytes of the entries' texts.", nil, nil)
	wordsPassed  = prometheus.NewDesc("clew_vocabulary_passed_entries", "Entries passed over because the index was full, since its generation began.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c *wordsCollector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements prometheus.Collector.
func (c *wordsCollector) Collect(ch chan<- prometheus.Metric) {
	s := c.words.Stats()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(wordsEntries, float64(s.Entries-s.Dead), "live")
	gauge(wordsEntries, float64(s.Dead), "dead")
	gauge(wordsBytes, float64(s.Bytes))
	gauge(wordsPassed, float64(s.Passed))
}

// newTimeGauge is this process's clock, to be compared with that of whoever scrapes.
func newTimeGauge() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "clew_time_seconds", Help: "The time of day as this process has it, in Unix time: by it records are received, heads and segments are old, and queries begin from now.",
	}, func() float64 { return float64(clock.Now().UnixNano()) / 1e9 })
}

// logCollector exposes the shard log's counters.
type logCollector struct{ log theLog }

var (
	logAppends  = prometheus.NewDesc("clew_log_append_seconds", "Appends to the shard log that were acknowledged.", nil, nil)
	logBytes    = prometheus.NewDesc("clew_log_append_bytes_total", "Bytes of acknowledged appends.", nil, nil)
	logUnknown  = prometheus.NewDesc("clew_log_appends_unknown_total", "Appends without an answer.", nil, nil)
	logRefused  = prometheus.NewDesc("clew_log_appends_refused_total", "Appends refused, by reason.", []string{"reason"}, nil)
	logAnomaly  = prometheus.NewDesc("clew_log_anomalies_total", "What the shard log must not do and was found to have done, by reason (docs/cluster.md).", []string{"reason"}, nil)
	logDamaged  = prometheus.NewDesc("clew_log_messages_damaged_total", "Messages that were damaged, missing or of an unknown version.", nil, nil)
	logCommits  = prometheus.NewDesc("clew_log_commits_total", "Commits written.", nil, nil)
	logFenced   = prometheus.NewDesc("clew_log_commits_fenced_total", "Commits that met a newer one.", nil, nil)
	logRestarts = prometheus.NewDesc("clew_log_restarts_total", "Restarts of the embedded log after a write error.", nil, nil)
	logFree     = prometheus.NewDesc("clew_log_disk_free_bytes", "Free bytes on the log's disk.", nil, nil)
	logFreeMin  = prometheus.NewDesc("clew_log_disk_free_min_bytes", "Free bytes below which senders are told to wait.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c *logCollector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements prometheus.Collector.
func (c *logCollector) Collect(ch chan<- prometheus.Metric) {
	s := c.log.Stats()
	buckets := map[float64]uint64{}
	var sum uint64
	for i, bound := range shardlog.AppendSecondsBuckets {
		sum += s.AppendBuckets[i]
		buckets[bound] = sum
	}
	ch <- prometheus.MustNewConstHistogram(logAppends, s.Appends, s.AppendSeconds, buckets)
	counter := func(d *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	counter(logBytes, s.AppendBytes)
	counter(logUnknown, s.Unknown)
	for reason, n := range s.Refused {
		counter(logRefused, n, reason)
	}
	counter(logDamaged, s.Damaged)
	for reason, n := range s.Anomalies {
		counter(logAnomaly, n, reason)
	}
	counter(logCommits, s.Commits)
	counter(logFenced, s.Fenced)
	counter(logRestarts, s.Restarts)
	ch <- prometheus.MustNewConstMetric(logFree, prometheus.GaugeValue, float64(s.FreeBytes))
	ch <- prometheus.MustNewConstMetric(logFreeMin, prometheus.GaugeValue, float64(s.FreeBytesMin))
}

// cacheCollector exposes the cache of decoded columns.
type cacheCollector struct{ cache *segment.Cache }

var (
	cacheBytes     = prometheus.NewDesc("clew_query_cache_bytes", "Decoded columns in the cache.", nil, nil)
	cacheLookups   = prometheus.NewDesc("clew_query_cache_lookups_total", "Look-ups in the cache of decoded columns.", []string{"result"}, nil)
	cacheEvictions = prometheus.NewDesc("clew_query_cache_evictions_total", "Columns that left the cache for others.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c *cacheCollector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements prometheus.Collector.
func (c *cacheCollector) Collect(ch chan<- prometheus.Metric) {
	s := c.cache.Stats()
	ch <- prometheus.MustNewConstMetric(cacheBytes, prometheus.GaugeValue, float64(s.Bytes))
	ch <- prometheus.MustNewConstMetric(cacheLookups, prometheus.CounterValue, float64(s.Hits), "hit")
	ch <- prometheus.MustNewConstMetric(cacheLookups, prometheus.CounterValue, float64(s.Misses), "miss")
	ch <- prometheus.MustNewConstMetric(cacheEvictions, prometheus.CounterValue, float64(s.Evictions))
}
