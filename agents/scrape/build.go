package scrape

import (
	"fmt"
	"math"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// tally is what a scrape had, in samples as Prometheus counts them: each bucket is one.
type tally struct {
	scraped, kept, added int
	// bad is why a series was left out, the last one, and how many were.
	bad      error
	badCount int
}

func (t *tally) leave(name string, err error) {
	t.bad = fmt.Errorf("%s: %w", name, err)
	t.badCount++
}

// fill adds families to a batch. An error is beyond what a job takes.
func (h *history) fill(b *batch, j *Job, at *place, families []*dto.MetricFamily) (t tally, err error) {
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if m == nil {
				continue
			}
			n := samples(f.GetType(), m)
			t.scraped += n
			ls, keep := j.label(f.GetName(), m, at.labels)
			if !keep {
				continue
			}
			if t.kept += n; t.kept > j.Samples {
				return t, fmt.Errorf("more than %d samples (sample_limit)", j.Samples)
			}
			if f.GetName() == "target_info" || (f.GetName() == "target" && f.GetType() == dto.MetricType_GAUGE) {
				b.describe(ls)
				continue
			}
			h.point(b, j, &t, f, m, ls)
		}
	}
	return t, nil
}

// samples is how many lines a metric has in text.
func samples(t dto.MetricType, m *dto.Metric) int {
	switch t {
	case dto.MetricType_SUMMARY:
		return len(m.GetSummary().GetQuantile()) + 2
	case dto.MetricType_HISTOGRAM, dto.MetricType_GAUGE_HISTOGRAM:
		return len(m.GetHistogram().GetBucket()) + 2
	}
	return 1
}

// label gives a metric its target's labels, and its job's relabelling.
func (j *Job) label(name string, m *dto.Metric, target labels.Labels) (labels.Labels, bool) {
	b := labels.NewBuilder(labels.EmptyLabels())
	for _, l := range m.GetLabel() {
		b.Set(l.GetName(), l.GetValue())
	}
	target.Range(func(l labels.Label) {
		theirs := b.Get(l.Name)
		if theirs != "" && j.HonorLabels {
			return
		}
		if theirs != "" {
			to := model.ExportedLabelPrefix + l.Name
			for b.Get(to) != "" {
				to = model.ExportedLabelPrefix + to
			}
			b.Set(to, theirs)
		}
		b.Set(l.Name, l.Value)
	})
	b.Set(model.MetricNameLabel, name)
	if !relabel.ProcessBuilder(b, j.MetricRelabel...) || b.Get(model.MetricNameLabel) == "" {
		return labels.EmptyLabels(), false
	}
	return b.Labels(), true
}

// describe puts target_info's labels on the resource: they say what the target is.
func (b *batch) describe(ls labels.Labels) {
	put(b.resource(ls).Resource().Attributes(), ls)
}

// point adds a metric's point.
func (h *history) point(b *batch, j *Job, t *tally, f *dto.MetricFamily, m *dto.Metric, ls labels.Labels) {
	name := ls.Get(model.MetricNameLabel)
	k := kindOf(f.GetType(), m, j.Native)
	s, added, twice := h.see(name, k, ls)
	if twice {
		t.leave(name, fmt.Errorf("a series that is there twice: %s", ls))
		return
	}
	if added {
		t.added += samples(f.GetType(), m)
	}
	at := b.at
	if s.stamped = j.HonorTimestamps && m.TimestampMs != nil; s.stamped {
		const millisMax = math.MaxInt64 / 1_000_000
		if ms := m.GetTimestampMs(); ms > 0 && ms < millisMax {
			at = pcommon.Timestamp(ms * 1_000_000)
		}
	}
	metric, fresh := b.metric(s)
	if fresh {
		metric.SetDescription(f.GetHelp())
		metric.SetUnit(f.GetUnit())
	}
	switch k {
	case counter:
		c := m.GetCounter()
		s.since(stamp(c.GetCreatedTimestamp()), c.GetValue(), at)
		p := b.number(s, c.GetValue(), at)
		exemplar(p.Exemplars, c.GetExemplar())
	case gauge:
		b.number(s, valueOf(m), at)
	case histogram:
		hist := m.GetHistogram()
		p := pmetric.NewHistogramDataPoint()
		if err := classic(p, hist); err != nil {
			t.leave(name, err)
			return
		}
		p.SetTimestamp(at)
		p.SetStartTimestamp(s.since(stamp(hist.GetCreatedTimestamp()), float64(hist.GetSampleCount()), at))
		put(p.Attributes(), ls)
		p.MoveTo(metric.Histogram().DataPoints().AppendEmpty())
	case exponential:
		hist := m.GetHistogram()
		p := pmetric.NewExponentialHistogramDataPoint()
		if err := native(p, hist); err != nil {
			t.leave(name, err)
			return
		}
		p.SetTimestamp(at)
		p.SetStartTimestamp(s.since(stamp(hist.GetCreatedTimestamp()), float64(hist.GetSampleCount()), at))
		put(p.Attributes(), ls)
		p.MoveTo(metric.ExponentialHistogram().DataPoints().AppendEmpty())
	case summary:
		sum := m.GetSummary()
		p := metric.Summary().DataPoints().AppendEmpty()
		p.SetTimestamp(at)
		p.SetStartTimestamp(s.since(stamp(sum.GetCreatedTimestamp()), float64(sum.GetSampleCount()), at))
		put(p.Attributes(), ls)
		p.SetCount(sum.GetSampleCount())
		p.SetSum(sum.GetSampleSum())
		for _, q := range sum.GetQuantile() {
			x := p.QuantileValues().AppendEmpty()
			x.SetQuantile(q.GetQuantile())
			x.SetValue(q.GetValue())
		}
	}
}

// kindOf is what a metric becomes. What was counted in windows (gauge histograms) is no cumulative histogram; it is rare, and becomes one all the same.
func kindOf(t dto.MetricType, m *dto.Metric, wantNative bool) kind {
	switch t {
	case dto.MetricType_COUNTER:
		return counter
	case dto.MetricType_SUMMARY:
		return summary
	case dto.MetricType_HISTOGRAM, dto.MetricType_GAUGE_HISTOGRAM:
		if wantNative && isNative(m.GetHistogram()) {
			return exponential
		}
		return histogram
	}
	return gauge
}

func valueOf(m *dto.Metric) float64 {
	if m.GetUntyped() != nil {
		return m.GetUntyped().GetValue()
	}
	return m.GetGauge().GetValue()
}

// stamp is a time that was stated; 0 if it was not.
func stamp(t *timestamppb.Timestamp) pcommon.Timestamp {
	if t == nil || !t.IsValid() || t.GetSeconds() <= 0 {
		return 0
	}
	return pcommon.NewTimestampFromTime(t.AsTime())
}
