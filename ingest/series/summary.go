package series

import (
	"slices"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// summaries are points of summaries. No chunk has a place for quantiles and summaries are rare, so they are kept as OTLP.
type summaries struct {
	points pmetric.SummaryDataPointSlice
	held   int64     // estimate of the points' memory
	known  []float64 // quantiles that points have or had, ascending
}

func newSummaries() *summaries { return &summaries{points: pmetric.NewSummaryDataPointSlice()} }

// add copies a point, without its attributes. reshaped says that it has a quantile that none before it had.
func (p *summaries) add(dp pmetric.SummaryDataPoint) (reshaped bool) {
	to := p.points.AppendEmpty()
	to.SetTimestamp(dp.Timestamp())
	to.SetStartTimestamp(dp.StartTimestamp())
	to.SetCount(dp.Count())
	to.SetSum(dp.Sum())
	to.SetFlags(dp.Flags())
	dp.QuantileValues().CopyTo(to.QuantileValues())
	p.held += int64(160 + 48*dp.QuantileValues().Len())
	quantiles := make([]float64, 0, dp.QuantileValues().Len())
	for _, q := range dp.QuantileValues().All() {
		quantiles = append(quantiles, q.Quantile())
	}
	p.known, reshaped = learn(p.known, quantiles)
	return reshaped
}

// rows makes one row.
func (p *summaries) rows(m *meta) ([]row, error) {
	n := p.points.Len()
	if n == 0 {
		return nil, nil
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		// Times are compared as everywhere else here: as int64.
		a, b := int64(p.points.At(i).Timestamp()), int64(p.points.At(j).Timestamp())
		switch {
		case a < b:
			return -1
		case a > b:
			return 1
		}
		return 0
	})
	metrics, metric := m.empty()
	points := metric.Summary().DataPoints()
	points.EnsureCapacity(n)
	for _, i := range order {
		p.points.At(i).CopyTo(points.AppendEmpty())
	}
	r := row{min: int64(points.At(0).Timestamp()), max: int64(points.At(n - 1).Timestamp()), samples: n}
	if err := r.setOTLP(metrics); err != nil {
		return nil, err
	}
	return []row{r}, nil
}
