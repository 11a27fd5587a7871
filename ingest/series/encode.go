package series

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Encoded is a row as Encode makes it.
type Encoded struct {
	ChunkKind   string
	First, Last int64 // times of its points, nanoseconds
	Samples     int
	Chunk       []byte
	Extra       []byte // without the metric's metadata
}

// Encode makes rows of the points of one series, as a head would. m's type and temporality count, and the points' attributes do not. Gauges and sums become one
// row, however many points there are; of histograms rows end where a chunk must.
func Encode(m pmetric.Metric) ([]Encoded, error) {
	var w keyWriter
	w.metric(0, m)
	meta, err := readMeta(w.buf)
	if err != nil {
		return nil, fmt.Errorf("encode points: %w", err)
	}
	var s series
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		s.numbers = numbersOf(m.Gauge().DataPoints(), &w)
	case pmetric.MetricTypeSum:
		s.numbers = numbersOf(m.Sum().DataPoints(), &w)
	case pmetric.MetricTypeHistogram:
		s.histograms = &histograms{}
		for _, dp := range m.Histogram().DataPoints().All() {
			s.histograms.addExplicit(dp, &w)
		}
	case pmetric.MetricTypeExponentialHistogram:
		s.histograms = &histograms{exponential: true}
		for _, dp := range m.ExponentialHistogram().DataPoints().All() {
			s.histograms.addExponential(dp, &w)
		}
	case pmetric.MetricTypeSummary:
		s.summaries = newSummaries()
		for _, dp := range m.Summary().DataPoints().All() {
			s.summaries.add(dp)
		}
	default:
		return nil, fmt.Errorf("encode points of a metric of type %v", m.Type())
	}
	meta.metadata = ""
	rows, err := s.rows(0, &meta)
	if err != nil {
		return nil, fmt.Errorf("encode points: %w", err)
	}
	out := make([]Encoded, len(rows))
	for i, r := range rows {
		out[i] = Encoded{ChunkKind: r.kind, First: r.min, Last: r.max, Samples: r.samples, Chunk: r.chunk, Extra: r.extra}
	}
	return out, nil
}

func numbersOf(all pmetric.NumberDataPointSlice, w *keyWriter) *numbers {
	p := &numbers{common: common{times: make([]int64, 0, all.Len())}, values: make([]uint64, 0, all.Len())}
	for _, dp := range all.All() {
		n, exemplars := numberOf(dp, w)
		p.add(&n, exemplars)
	}
	return p
}

// AppendExemplars adds the section of exemplars of points, by their numbers, ascending.
func AppendExemplars(extra []byte, all []ReadyExemplars) []byte {
	var w keyWriter
	return w.appendExemplars(extra, all)
}
