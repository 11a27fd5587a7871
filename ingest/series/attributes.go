package series

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// attributed is a point of any kind.
type attributed interface{ Attributes() pcommon.Map }

// setAttributes calls set with each point of m.
func setAttributes(m pmetric.Metric, set func(attributed)) {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		for i := range m.Gauge().DataPoints().Len() {
			set(m.Gauge().DataPoints().At(i))
		}
	case pmetric.MetricTypeSum:
		for i := range m.Sum().DataPoints().Len() {
			set(m.Sum().DataPoints().At(i))
		}
	case pmetric.MetricTypeHistogram:
		for i := range m.Histogram().DataPoints().Len() {
			set(m.Histogram().DataPoints().At(i))
		}
	case pmetric.MetricTypeExponentialHistogram:
		for i := range m.ExponentialHistogram().DataPoints().Len() {
			set(m.ExponentialHistogram().DataPoints().At(i))
		}
	case pmetric.MetricTypeSummary:
		for i := range m.Summary().DataPoints().Len() {
			set(m.Summary().DataPoints().At(i))
		}
	}
}
