package otlpreceiver

import (
	"context"
	"encoding/binary"
	"math"
	"time"

	"github.com/cespare/xxhash/v2"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"clew/collector/quota"
	"clew/internal/telemetry"
)

// tenantName is the tenant that withTenant has put into ctx.
func tenantName(ctx context.Context) string {
	if values := client.FromContext(ctx).Metadata.Get(telemetry.TenantHeader); len(values) > 0 {
		return values[0]
	}
	return telemetry.DefaultTenant
}

// tenantCheck rejects what exceeds a tenant's bounds on distinct things. The zero value rejects nothing.
type tenantCheck struct {
	tenant *quota.Tenant
	now    time.Time
}

// boundsServices says whether looking at the services can reject any.
func (c *tenantCheck) boundsServices() bool { return c.tenant != nil && c.tenant.BoundsServices() }

// service says whether records of the resource may be taken. A resource without a service name is no service.
func (c *tenantCheck) service(r pcommon.Resource) bool {
	name, ok := r.Attributes().Get("service.name")
	return !ok || c.tenant.Service(hashValue(name), c.now)
}

// tenantLogs removes the records of services beyond the tenant's bound.
func (c *checker) tenantLogs(ld plog.Logs) {
	if !c.limit.boundsServices() {
		return
	}
	ld.ResourceLogs().RemoveIf(func(rl plog.ResourceLogs) bool {
		if c.limit.service(rl.Resource()) {
			return false
		}
		n := 0
		for _, sl := range rl.ScopeLogs().All() {
			n += sl.LogRecords().Len()
		}
		c.rejected.add(quota.ReasonServices, n)
		return true
	})
}

// tenantSpans is tenantLogs for spans.
func (c *checker) tenantSpans(td ptrace.Traces) {
	if !c.limit.boundsServices() {
		return
	}
	td.ResourceSpans().RemoveIf(func(rs ptrace.ResourceSpans) bool {
		if c.limit.service(rs.Resource()) {
			return false
		}
		n := 0
		for _, ss := range rs.ScopeSpans().All() {
			n += ss.Spans().Len()
		}
		c.rejected.add(quota.ReasonServices, n)
		return true
	})
}

// tenantMetrics is tenantLogs for metrics, and removes the points of series beyond the tenant's bound.
func (c *checker) tenantMetrics(md pmetric.Metrics) {
	if c.limit.boundsServices() {
		md.ResourceMetrics().RemoveIf(func(rm pmetric.ResourceMetrics) bool {
			if c.limit.service(rm.Resource()) {
				return false
			}
			n := 0
			for _, sm := range rm.ScopeMetrics().All() {
				for _, m := range sm.Metrics().All() {
					n += dataPoints(m)
				}
			}
			c.rejected.add(quota.ReasonServices, n)
			return true
		})
	}
	if c.limit.tenant == nil || !c.limit.tenant.BoundsSeries() {
		return
	}
	for _, rm := range md.ResourceMetrics().All() {
		resource := hashAttributes(rm.Resource().Attributes())
		for _, sm := range rm.ScopeMetrics().All() {
			scope := resource*31 + xxhash.Sum64String(sm.Scope().Name())
			for _, m := range sm.Metrics().All() {
				c.series(m, scope*31+xxhash.Sum64String(m.Name()))
			}
		}
	}
}

// series removes a metric's points of series that the tenant may not have. hash is of what its points have in common.
func (c *checker) series(m pmetric.Metric, hash uint64) {
	beyond := func(attributes pcommon.Map) bool {
		if c.limit.tenant.Series(hash*31+hashAttributes(attributes), c.limit.now) {
			return false
		}
		c.rejected.add(quota.ReasonSeries, 1)
		return true
	}
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		m.Gauge().DataPoints().RemoveIf(func(p pmetric.NumberDataPoint) bool { return beyond(p.Attributes()) })
	case pmetric.MetricTypeSum:
		m.Sum().DataPoints().RemoveIf(func(p pmetric.NumberDataPoint) bool { return beyond(p.Attributes()) })
	case pmetric.MetricTypeHistogram:
		m.Histogram().DataPoints().RemoveIf(func(p pmetric.HistogramDataPoint) bool { return beyond(p.Attributes()) })
	case pmetric.MetricTypeExponentialHistogram:
		m.ExponentialHistogram().DataPoints().RemoveIf(func(p pmetric.ExponentialHistogramDataPoint) bool { return beyond(p.Attributes()) })
	case pmetric.MetricTypeSummary:
		m.Summary().DataPoints().RemoveIf(func(p pmetric.SummaryDataPoint) bool { return beyond(p.Attributes()) })
	case pmetric.MetricTypeEmpty:
	}
}

// hashAttributes is the same whatever the order of the attributes.
func hashAttributes(m pcommon.Map) uint64 {
	var sum uint64
	for key, v := range m.All() {
		sum += mix(xxhash.Sum64String(key) ^ mix(hashValue(v)))
	}
	return sum
}

func hashValue(v pcommon.Value) uint64 {
	number := func(kind byte, bits uint64) uint64 {
		var b [9]byte
		b[0] = kind
		binary.LittleEndian.PutUint64(b[1:], bits)
		return xxhash.Sum64(b[:])
	}
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return xxhash.Sum64String(v.Str())
	case pcommon.ValueTypeInt:
		return number('i', uint64(v.Int()))
	case pcommon.ValueTypeDouble:
		return number('d', math.Float64bits(v.Double()))
	}
	return xxhash.Sum64String(v.AsString())
}

// mix spreads a hash's bits, so that sums of hashes do not cancel.
func mix(h uint64) uint64 {
	h ^= h >> 32
	h *= 0x9fb21c651e98df25
	return h ^ h>>29
}
