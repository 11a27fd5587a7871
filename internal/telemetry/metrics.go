package telemetry

import (
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// NewMetricsBatch makes a batch of metrics, as lossless OTLP. Records counts the data points.
func NewMetricsBatch(tenant string, m pmetric.Metrics) (*Batch, error) {
	data, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(m)
	if err != nil {
		return nil, fmt.Errorf("marshal metrics: %w", err)
	}
	if data == nil {
		data = []byte{}
	}
	return &Batch{Signal: Metrics, Tenant: tenant, OTLP: data, Records: m.DataPointCount()}, nil
}

// Metrics gives the metrics back.
func (b *Batch) Metrics() (pmetric.Metrics, error) {
	if b.Signal != Metrics || b.Rows != nil {
		return pmetric.Metrics{}, errors.New("batch holds no metrics as OTLP")
	}
	m, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(b.OTLP)
	if err != nil {
		return pmetric.Metrics{}, fmt.Errorf("unmarshal metrics: %w", err)
	}
	return m, nil
}

// DataPoints is how many points a metric has.
func DataPoints(m pmetric.Metric) int {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return m.Gauge().DataPoints().Len()
	case pmetric.MetricTypeSum:
		return m.Sum().DataPoints().Len()
	case pmetric.MetricTypeHistogram:
		return m.Histogram().DataPoints().Len()
	case pmetric.MetricTypeExponentialHistogram:
		return m.ExponentialHistogram().DataPoints().Len()
	case pmetric.MetricTypeSummary:
		return m.Summary().DataPoints().Len()
	case pmetric.MetricTypeEmpty:
	}
	return 0
}
