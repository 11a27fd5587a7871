package lang

import (
	"testing"
	"time"
)

func TestParseQuantity(t *testing.T) {
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		in   string
		want Quantity
	}{
		{"200", Quantity{UnitNone, true, 200, 200}},
		{"-5", Quantity{UnitNone, true, -5, -5}},
		{"9223372036854775807", Quantity{UnitNone, true, 1<<63 - 1, 1 << 63}},
		{"1.5", Quantity{UnitNone, false, 0, 1.5}},
		{"1e3", Quantity{UnitNone, true, 1000, 1000}},
		{"1e300", Quantity{UnitNone, false, 0, 1e300}},
		{"200ms", Quantity{UnitDuration, true, 200e6, 200e6}},
		{"1h30m", Quantity{UnitDuration, true, 5400e9, 5400e9}},
		{"1.5s", Quantity{UnitDuration, true, 15e8, 15e8}},
		{"-10us", Quantity{UnitDuration, true, -10e3, -10e3}},
		{"10KB", Quantity{UnitBytes, true, 10000, 10000}},
		{"4MiB", Quantity{UnitBytes, true, 4 << 20, 4 << 20}},
		{"now", Quantity{UnitTime, true, now.UnixNano(), float64(now.UnixNano())}},
		{"now-15m", Quantity{UnitTime, true, now.Add(-15 * time.Minute).UnixNano(), float64(now.Add(-15 * time.Minute).UnixNano())}},
		{"2026-11-21T09:00:00Z", Quantity{UnitTime, true, now.UnixNano(), float64(now.UnixNano())}},
		{"2026-11-21T10:00:00+01:00", Quantity{UnitTime, true, now.UnixNano(), float64(now.UnixNano())}},
		{"2026-11-21 09:00", Quantity{UnitTime, true, now.UnixNano(), float64(now.UnixNano())}},
	} {
		got, ok := ParseQuantity(c.in, now)
		if !ok || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", c.in, got, ok, c.want)
		}
	}
	for _, in := range []string{"", "x", "5x", "5M", "ms", "1h30", "now+", "now5m", "9999-01-01", "--5", "inf", "1_000", ".", "-", "1.2.3ms"} {
		if q, ok := ParseQuantity(in, now); ok {
			t.Errorf("%q: %+v, want none", in, q)
		}
	}
}
