package processes

import (
	"slices"
	"testing"

	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor/processortest"
)

// scrape is one reading: process id to CPU seconds and bytes.
func scrape(of map[int64][2]float64) pmetric.Metrics {
	d := pmetric.NewMetrics()
	d.ResourceMetrics().AppendEmpty().Resource().Attributes().PutStr("host.name", "x")
	for pid, v := range of {
		res := d.ResourceMetrics().AppendEmpty()
		res.Resource().Attributes().PutInt("process.pid", pid)
		ms := res.ScopeMetrics().AppendEmpty().Metrics()
		m := ms.AppendEmpty()
		m.SetName("process.cpu.time")
		m.SetEmptySum()
		for range 2 { // user and system
			m.Sum().DataPoints().AppendEmpty().SetDoubleValue(v[0] / 2)
		}
		m = ms.AppendEmpty()
		m.SetName("process.memory.usage")
		m.SetEmptySum().DataPoints().AppendEmpty().SetIntValue(int64(v[1]))
	}
	return d
}

func TestTop(t *testing.T) {
	f := NewFactory()
	sink := new(consumertest.MetricsSink)
	p, err := f.CreateMetrics(t.Context(), processortest.NewNopSettings(Type), &Config{Top: 1}, sink)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		of   map[int64][2]float64
		want []int64
	}{
		{map[int64][2]float64{1: {100, 5}, 2: {1, 50}, 3: {2, 1}}, []int64{0, 1, 2}},
		// 1 has most in all, 3 since the last time.
		{map[int64][2]float64{1: {101, 5}, 2: {1, 50}, 3: {9, 1}}, []int64{0, 2, 3}},
		// The id 1 is another process now.
		{map[int64][2]float64{1: {5, 5}, 2: {2, 50}, 3: {12, 1}}, []int64{0, 2, 3}},
	} {
		if err := p.ConsumeMetrics(t.Context(), scrape(c.of)); err != nil {
			t.Fatal(err)
		}
		var have []int64
		for _, res := range sink.AllMetrics()[i].ResourceMetrics().All() {
			pid := int64(0)
			if v, ok := res.Resource().Attributes().Get("process.pid"); ok {
				pid = v.Int()
			}
			have = append(have, pid)
		}
		slices.Sort(have)
		if !slices.Equal(have, c.want) {
			t.Errorf("%d: %v, want %v", i, have, c.want)
		}
	}
}
