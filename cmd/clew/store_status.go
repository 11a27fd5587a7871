package main

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"clew/index/store/patient"
)

// storeStatus tells people of a store that is not a directory.
type storeStatus struct {
	URL   string    `json:"url"`
	Away  time.Time `json:"away_since,omitzero"`
	Error string    `json:"error,omitempty"`
	// CacheBytes of objects are on the local disk.
	CacheBytes    int64 `json:"cache_bytes"`
	CacheBytesMax int64 `json:"cache_bytes_max"`
}

func (r *remote) status() *storeStatus {
	if r == nil {
		return nil
	}
	st, near := r.patient.Stats(), r.nearby.Stats()
	return &storeStatus{URL: r.bucket.String(), Away: st.Away.UTC(), Error: st.Why, CacheBytes: near.Bytes, CacheBytesMax: near.BytesMax}
}

// logStatus says how long the log holds what senders send while it is not trimmed.
type logStatus struct {
	Bytes    int64 `json:"bytes"`
	BytesMax int64 `json:"bytes_max"`
	// BytesPerSecond is what came in the last minutes; HoursLeft is how long the rest of the log lasts at that. Both are 0 while nothing comes.
	BytesPerSecond float64 `json:"bytes_per_second"`
	HoursLeft      float64 `json:"hours_left"`
}

// logRate is the log's growth, averaged over minutes.
type logRate struct {
	mu    sync.Mutex
	bytes uint64
	at    time.Time
	rate  float64 // bytes a second
}

const (
	rateEvery = 10 * time.Second
	// rateWeight of the newest ten seconds: a change shows by half after two minutes.
	rateWeight = 0.06
)

// run looks at the log every ten seconds until ctx ends.
func (r *logRate) run(ctx context.Context, bytes func() uint64) {
	tick := time.NewTicker(rateEvery)
	defer tick.Stop()
	for {
		r.note(bytes(), time.Now())
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (r *logRate) note(bytes uint64, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.at.IsZero() && now.After(r.at) {
		current := float64(bytes-r.bytes) / now.Sub(r.at).Seconds()
		if r.rate == 0 {
			r.rate = current
		}
		r.rate += rateWeight * (current - r.rate)
	}
	r.bytes, r.at = bytes, now
}

func (r *logRate) status(bytes, bytesMax int64) logStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	st := logStatus{Bytes: bytes, BytesMax: bytesMax, BytesPerSecond: r.rate}
	if r.rate > 1 {
		st.HoursLeft = float64(max(0, bytesMax-bytes)) / r.rate / 3600
	}
	return st
}

// remoteCollector exposes the figures of a store that is not a directory.
type remoteCollector struct{ remote *remote }

var (
	storeRequests = prometheus.NewDesc("clew_store_requests_total", "Requests to the object store, by operation and result.", []string{"op", "result"}, nil)
	storeSeconds  = prometheus.NewDesc("clew_store_request_seconds", "Time of requests to the object store.", nil, nil)
	storeRetries  = prometheus.NewDesc("clew_store_retries_total", "Requests that were repeated, by why.", []string{"reason"}, nil)
	storeHedges   = prometheus.NewDesc("clew_store_hedges_total", "Second tries of slow reads, by whether they answered first.", []string{"result"}, nil)
	storeBytes    = prometheus.NewDesc("clew_store_bytes_total", "Bytes read from and written to the object store.", []string{"direction"}, nil)
	storeAway     = prometheus.NewDesc("clew_store_away", "1 while the object store is away.", nil, nil)
	diskBytes     = prometheus.NewDesc("clew_store_cache_bytes", "Bytes of objects on the local disk.", nil, nil)
	diskBlocks    = prometheus.NewDesc("clew_store_cache_lookups_total", "Blocks of objects looked up on the local disk.", []string{"result"}, nil)
	diskEvictions = prometheus.NewDesc("clew_store_cache_evictions_total", "Blocks that left the local disk for others.", nil, nil)
	diskDamaged   = prometheus.NewDesc("clew_store_cache_damaged_total", "Blocks on the local disk that were not what had been written, and were fetched anew.", nil, nil)
	diskErrors    = prometheus.NewDesc("clew_store_cache_write_errors_total", "Blocks that could not be kept on the local disk.", nil, nil)
	diskFetches   = prometheus.NewDesc("clew_store_fetches_total", "Requests for blocks, by what for: a reader that waits (demand), a guess (ahead), or a guess too many (dropped: not made).", []string{"for"}, nil)
)

// Describe implements prometheus.Collector.
func (c *remoteCollector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements prometheus.Collector.
func (c *remoteCollector) Collect(ch chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	gauge := func(d *prometheus.Desc, v float64) { ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	st, near := c.remote.patient.Stats(), c.remote.nearby.Stats()
	for _, r := range st.Requests {
		counter(storeRequests, r.Count, string(r.Op), r.Result)
	}
	buckets, sum := map[float64]uint64{}, uint64(0)
	for i, bound := range patient.SecondsBuckets {
		sum += st.Buckets[i]
		buckets[bound] = sum
	}
	ch <- prometheus.MustNewConstHistogram(storeSeconds, st.Attempts, st.Seconds, buckets)
	for reason, n := range st.Retries {
		counter(storeRetries, n, reason)
	}
	counter(storeHedges, st.HedgesWon, "won")
	counter(storeHedges, st.Hedges-st.HedgesWon, "lost")
	counter(storeBytes, uint64(st.Read), "read")
	counter(storeBytes, uint64(st.Written), "written")
	away := 0.0
	if !st.Away.IsZero() {
		away = 1
	}
	gauge(storeAway, away)
	gauge(diskBytes, float64(near.Bytes))
	counter(diskBlocks, near.Hits, "hit")
	counter(diskBlocks, near.Misses, "miss")
	counter(diskEvictions, near.Evictions)
	counter(diskDamaged, near.Damaged)
	counter(diskErrors, near.WriteErrors)
	counter(diskFetches, near.Fetches-min(near.Prefetches, near.Fetches), "demand")
	counter(diskFetches, near.Prefetches, "ahead")
	counter(diskFetches, near.PrefetchDropped, "dropped")
}
