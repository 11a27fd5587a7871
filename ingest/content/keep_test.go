package content

import (
	"slices"
	"testing"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

func TestKeepPoints(t *testing.T) {
	m := pmetric.NewMetrics()
	metrics := m.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	gauge := metrics.AppendEmpty().SetEmptyGauge().DataPoints()
	for i := range 3 {
		gauge.AppendEmpty().SetIntValue(int64(i))
	}
	sum := metrics.AppendEmpty().SetEmptySum().DataPoints()
	sum.AppendEmpty().SetIntValue(3)
	metrics.AppendEmpty().SetEmptyHistogram().DataPoints().AppendEmpty().SetCount(4)
	metrics.AppendEmpty().SetEmptyExponentialHistogram().DataPoints().AppendEmpty().SetCount(5)
	summary := metrics.AppendEmpty().SetEmptySummary().DataPoints()
	summary.AppendEmpty().SetCount(6)
	summary.AppendEmpty().SetCount(7)
	metrics.AppendEmpty().SetName("empty")
	keepPoints(m, []bool{true, false, true, false, true, false, false, true})
	var got []int
	for _, dp := range gauge.All() {
		got = append(got, int(dp.IntValue()))
	}
	for _, dp := range metrics.At(2).Histogram().DataPoints().All() {
		got = append(got, int(dp.Count()))
	}
	for _, dp := range summary.All() {
		got = append(got, int(dp.Count()))
	}
	if !slices.Equal(got, []int{0, 2, 4, 7}) || m.DataPointCount() != 4 {
		t.Errorf("points %v are left, %d in all", got, m.DataPointCount())
	}
}
