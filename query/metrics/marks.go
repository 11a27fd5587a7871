package metrics

import (
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"clew/internal/points"
	"clew/internal/telemetry"
)

// marks are what a metric's metadata say of where it comes from (points.MarkType, points.MarkHistogram).
type marks struct {
	prometheus bool             // names and labels are Prometheus' own
	typ        model.MetricType // as Prometheus had it
	native     bool             // explicit bounds are a native histogram's custom buckets
	floats     bool             // counts are the bits of doubles
	gauge      bool             // the histogram may go up and down
	reset      bool             // each point is known to begin anew
	width      int64            // of the buckets that it counts, milliseconds; 0: it is no metric that clew counts itself
}

// readMarks reads them from the metadata section; nothing is wrong with metadata that say something else.
func readMarks(metadata []byte) marks {
	var m marks
	if len(metadata) == 0 {
		return m
	}
	all := pcommon.NewMap()
	if telemetry.ParseMap(string(metadata), all) != nil {
		return m
	}
	if v, ok := all.Get(points.MarkType); ok {
		m.prometheus = true
		m.typ = model.MetricType(strings.ToLower(v.Str()))
	}
	if v, ok := all.Get(points.MarkCounts); ok {
		if width, err := time.ParseDuration(v.Str()); err == nil && width >= time.Second && time.Hour%width == 0 {
			m.width = width.Milliseconds()
		}
	}
	if v, ok := all.Get(points.MarkHistogram); ok {
		for word := range strings.FieldsSeq(v.Str()) {
			switch word {
			case points.MarkedNative:
				m.native = true
			case points.MarkedFloats:
				m.floats = true
			case points.MarkedGauge:
				m.gauge = true
			case points.MarkedReset:
				m.reset = true
			}
		}
	}
	return m
}
