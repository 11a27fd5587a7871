package stored

import (
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"clew/internal/points"
	"clew/internal/telemetry"
)

// Marks are what a metric's metadata say of where it comes from (points.MarkType, points.MarkHistogram).
type Marks struct {
	Prometheus bool             // names and labels are Prometheus' own
	Type       model.MetricType // as Prometheus had it
	Native     bool             // explicit bounds are a native histogram's custom buckets
	Floats     bool             // counts are the bits of doubles
	Gauge      bool             // the histogram may go up and down
	Reset      bool             // each point is known to begin anew
	Width      int64            // of the buckets that it counts, milliseconds; 0: it is no metric that clew counts itself
}

// readMarks reads them from the metadata section; nothing is wrong with metadata that say something else.
func readMarks(metadata []byte) Marks {
	var m Marks
	if len(metadata) == 0 {
		return m
	}
	all := pcommon.NewMap()
	if telemetry.ParseMap(string(metadata), all) != nil {
		return m
	}
	if v, ok := all.Get(points.MarkType); ok {
		m.Prometheus = true
		m.Type = model.MetricType(strings.ToLower(v.Str()))
	}
	if v, ok := all.Get(points.MarkCounts); ok {
		if width, err := time.ParseDuration(v.Str()); err == nil && width >= time.Second && time.Hour%width == 0 {
			m.Width = width.Milliseconds()
		}
	}
	if v, ok := all.Get(points.MarkHistogram); ok {
		for word := range strings.FieldsSeq(v.Str()) {
			switch word {
			case points.MarkedNative:
				m.Native = true
			case points.MarkedFloats:
				m.Floats = true
			case points.MarkedGauge:
				m.Gauge = true
			case points.MarkedReset:
				m.Reset = true
			}
		}
	}
	return m
}
