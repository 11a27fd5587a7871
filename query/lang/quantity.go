package lang

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Unit says what a quantity measures.
type Unit uint8

// The units. What is written with one is converted to its base.
const (
	UnitNone     Unit = iota // a bare number
	UnitDuration             // nanoseconds
	UnitBytes                // bytes
	UnitTime                 // nanoseconds since 1970 UTC
)

// Quantity is a number a field can be compared with.
type Quantity struct {
	Unit  Unit
	Exact bool    // Int holds the number; else only Float does
	Int   int64   // exact value
	Float float64 // nearest value
}

// durationUnits go up to weeks; months and years have no fixed length.
var durationUnits = map[string]float64{
	"ns": 1, "us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9, "d": 86400e9, "w": 7 * 86400e9,
}

// byteUnits: K, M, G, T are powers of 1000 as SI has them, Ki, Mi, Gi, Ti powers of 1024.
var byteUnits = map[string]float64{
	"b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "pb": 1e15,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40, "pib": 1 << 50,
}

var timeLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02",
}

// ParseQuantity reads a number (200, -1.5, 1e9), a duration (200ms, 1h30m), an amount of bytes (10KB, 4MiB), or a time: RFC 3339 or a
// piece of it (2026-11-21T09:30, UTC unless it says otherwise), now, or a time relative to now (now-15m).
func ParseQuantity(s string, now time.Time) (Quantity, bool) {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return Quantity{UnitNone, true, i, float64(i)}, true
	}
	if s == "" || len(s) > 64 || strings.ContainsAny(s, "_xX") { // Go's own number forms are not the language's
		return Quantity{}, false
	}
	if c := s[0]; c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' {
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			return fromFloat(UnitNone, f), true
		}
		if f, ok := parseDuration(s); ok {
			return fromFloat(UnitDuration, f), true
		}
		if f, ok := parseBytes(s); ok {
			return fromFloat(UnitBytes, f), true
		}
	}
	if t, ok := ParseTime(s, now); ok {
		return Quantity{UnitTime, true, t.UnixNano(), float64(t.UnixNano())}, true
	}
	return Quantity{}, false
}

// ParseTime reads the times that ParseQuantity reads, of years 1678 to 2261 (what nanoseconds can hold).
func ParseTime(s string, now time.Time) (time.Time, bool) {
	if rest, ok := strings.CutPrefix(s, "now"); ok {
		if rest == "" {
			return now, true
		}
		if d, ok := parseDuration(rest); ok && (rest[0] == '-' || rest[0] == '+') && math.Abs(d) < math.MaxInt64 {
			return now.Add(time.Duration(d)), true
		}
		return time.Time{}, false
	}
	for _, layout := range timeLayouts {
		if t, err := time.ParseInLocation(layout, s, time.UTC); err == nil {
			return t, t.Year() >= 1678 && t.Year() <= 2261
		}
	}
	return time.Time{}, false
}

func fromFloat(u Unit, f float64) Quantity {
	q := Quantity{Unit: u, Float: f}
	if f == math.Trunc(f) && math.Abs(f) < 1<<63 {
		q.Exact, q.Int = true, int64(f)
	}
	return q
}

// splitUnit cuts the leading decimal number off s.
func splitUnit(s string) (number float64, unit string, ok bool) {
	i := 0
	for i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] == '.') {
		i++
	}
	f, err := strconv.ParseFloat(s[:i], 64)
	return f, s[i:], err == nil
}

// parseDuration gives nanoseconds.
func parseDuration(s string) (float64, bool) {
	sign := 1.0
	if s != "" && (s[0] == '-' || s[0] == '+') {
		if s[0] == '-' {
			sign = -1
		}
		s = s[1:]
	}
	if s == "" {
		return 0, false
	}
	total := 0.0
	for s != "" {
		f, rest, ok := splitUnit(s)
		if !ok {
			return 0, false
		}
		i := 0
		for i < len(rest) && (rest[i] < '0' || rest[i] > '9') {
			i++
		}
		unit, known := durationUnits[rest[:i]]
		if !known {
			return 0, false
		}
		total += f * unit
		s = rest[i:]
	}
	return sign * total, true
}

func parseBytes(s string) (float64, bool) {
	f, unit, ok := splitUnit(s)
	if !ok {
		return 0, false
	}
	scale, known := byteUnits[strings.ToLower(unit)]
	return f * scale, known
}
