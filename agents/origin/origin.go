// Package origin tells where records come from by what their receivers put on them: the sources that a ledger names.
package origin

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"clew/agents/diskqueue"
	"clew/internal/telemetry"
)

// Attributes of log records by which their place is known. Those of a place (offset, cursor) are for the agent's own queue and are taken off before it.
const (
	PathAttribute   = "log.file.path"
	OffsetAttribute = "log.file.record_offset"
	// CursorAttribute is the journal's own name of a record.
	CursorAttribute = "journald.cursor"
	// ScrapeScope is the scope of what a target of Prometheus was asked for.
	ScrapeScope = "clew/agents/scrape"
)

// Counter counts log records by their origin.
type Counter map[diskqueue.Origin]int

// Add counts a record of a scope.
func (c Counter) Add(scope string, lr plog.LogRecord) { c[ofRecord(scope, lr.Attributes())]++ }

// Tallies are the counts, in no order.
func (c Counter) Tallies() []diskqueue.Tally {
	var list []diskqueue.Tally
	for o, n := range c {
		if n > 0 {
			list = append(list, diskqueue.Tally{Origin: o, Records: n})
		}
	}
	return list
}

// OfLogs counts records.
func OfLogs(logs plog.Logs) []diskqueue.Tally {
	c := Counter{}
	for _, rl := range logs.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				c.Add(sl.Scope().Name(), lr)
			}
		}
	}
	return c.Tallies()
}

func ofRecord(scope string, attributes pcommon.Map) diskqueue.Origin {
	if path, ok := attributes.Get(PathAttribute); ok {
		return diskqueue.Origin{Kind: "file", Name: path.AsString()}
	}
	for key := range attributes.All() {
		if strings.HasPrefix(key, "journald.") {
			return diskqueue.Origin{Kind: "journald"}
		}
	}
	if strings.Contains(scope, "syslogreceiver") {
		return diskqueue.Origin{Kind: "syslog"}
	}
	for _, key := range []string{"net.transport", "network.transport", "priority", "facility"} { // what the syslog receiver puts on each record
		if _, ok := attributes.Get(key); ok && scope == "" {
			return diskqueue.Origin{Kind: "syslog"}
		}
	}
	return diskqueue.Origin{Kind: "otlp"}
}

// OfTraces counts spans.
func OfTraces(traces ptrace.Traces) []diskqueue.Tally {
	return []diskqueue.Tally{{Origin: diskqueue.Origin{Kind: "otlp"}, Records: traces.SpanCount()}}
}

// OfMetrics counts data points. A scraper's scope names it.
func OfMetrics(metrics pmetric.Metrics) []diskqueue.Tally {
	c := Counter{}
	for _, rm := range metrics.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			o := diskqueue.Origin{Kind: "otlp"}
			switch scope := sm.Scope().Name(); {
			case strings.Contains(scope, "hostmetricsreceiver"):
				o = diskqueue.Origin{Kind: "host"}
			case scope == ScrapeScope:
				o = diskqueue.Origin{Kind: "prometheus"}
				if job, ok := rm.Resource().Attributes().Get("service.name"); ok {
					o.Name = job.AsString()
				}
			}
			n := 0
			for _, m := range sm.Metrics().All() {
				n += telemetry.DataPoints(m)
			}
			c[o] += n
		}
	}
	return c.Tallies()
}
