package points

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"time"
)

// Five and Hour are the widths of windows that metrics are down-sampled to.
const (
	Five = 5 * time.Minute
	Hour = time.Hour
)

// Resolutions are the widths, the finest first. Each is made of the one before it, the first of the points as they came.
var Resolutions = []time.Duration{Five, Hour}

// Coarser is the next coarser resolution; ok is false if there is none.
func Coarser(resolution time.Duration) (next time.Duration, ok bool) {
	for _, r := range Resolutions {
		if r > resolution {
			return r, true
		}
	}
	return 0, false
}

// Window is what there was of a series in a window of time: after End less the width and up to End. Markers of the end of a series don't count.
type Window struct {
	End           int64 // milliseconds
	Count         uint64
	Sum, Min, Max float64 // of gauges
}

// Add adds a value.
func (w *Window) Add(v float64) {
	w.Merge(&Window{Count: 1, Sum: v, Min: v, Max: v})
}

// Merge adds what there was beside. As in PromQL NaN is the least and the greatest only where there is nothing else.
func (w *Window) Merge(x *Window) {
	if w.Count == 0 {
		w.Count, w.Sum, w.Min, w.Max = x.Count, x.Sum, x.Min, x.Max
		return
	}
	w.Count += x.Count
	w.Sum += x.Sum
	if x.Min < w.Min || math.IsNaN(w.Min) {
		w.Min = x.Min
	}
	if x.Max > w.Max || math.IsNaN(w.Max) {
		w.Max = x.Max
	}
}

// WindowEnd is the end, in milliseconds, of the window that a moment is in.
func WindowEnd(ms int64, width time.Duration) int64 {
	w := width.Milliseconds()
	n := ms / w
	if ms%w > 0 {
		n++
	}
	return n * w
}

// AppendWindows adds the payload of the windows section. All numbers are varints:
//
//	width of the windows, milliseconds; 1 if they have sums, minima and maxima, else 0; how many there are
//	runs: of each window's number (its end divided by the width) the step from the one before (the first: from 0)
//	runs: counts
//	if they have them, for each window three doubles' bits, each xor what stands behind it here, bytes reversed: the minimum (the minimum before),
//	the maximum (the minimum), the sum (count times minimum)
func AppendWindows(dst []byte, width time.Duration, stats bool, all []Window) []byte {
	w := width.Milliseconds()
	dst = binary.AppendUvarint(dst, uint64(w))
	has := byte(0)
	if stats {
		has = 1
	}
	dst = binary.AppendUvarint(append(dst, has), uint64(len(all)))
	dst = AppendRuns(dst, len(all), func(i int) uint64 {
		if i == 0 {
			return uint64(all[0].End / w)
		}
		return uint64((all[i].End - all[i-1].End) / w)
	})
	dst = AppendRuns(dst, len(all), func(i int) uint64 { return all[i].Count })
	if !stats {
		return dst
	}
	last := uint64(0)
	for i := range all {
		x := &all[i]
		low := math.Float64bits(x.Min)
		dst = binary.AppendUvarint(dst, bits.ReverseBytes64(low^last))
		dst = binary.AppendUvarint(dst, bits.ReverseBytes64(math.Float64bits(x.Max)^low))
		dst = binary.AppendUvarint(dst, bits.ReverseBytes64(math.Float64bits(x.Sum)^math.Float64bits(float64(x.Count)*x.Min)))
		last = low
	}
	return dst
}

// Told says whether a row says more of its windows than how many points there were.
func (found *Found) Told() bool {
	r := Reader{Rest: found[SectionWindows]}
	r.Uint()
	return r.Byte() == 1
}

// windowsMax bounds the windows that a damaged section may claim: a row has those of its points, and of no more time than a merge covers.
const windowsMax = 1 << 16

// Windows are those of a row, in to's memory if there is room. A row that is not down-sampled has none, and width is 0. stats says whether they have more than counts.
func (found *Found) Windows(to []Window) (width time.Duration, stats bool, all []Window, err error) {
	if found[SectionWindows] == nil {
		return 0, false, nil, nil
	}
	r := Reader{Rest: found[SectionWindows]}
	w := int64(r.Uint())
	stats = r.Byte() == 1
	n := r.Uint()
	if r.Err != nil || w < 1 || w > math.MaxInt32 || n > windowsMax {
		return 0, false, nil, fmt.Errorf("extra section %d: %d windows of %d ms", SectionWindows, n, w)
	}
	all = slices.Grow(to[:0], int(n))[:n]
	clear(all)
	number := int64(0)
	r.Runs(int(n), func(i int, step uint64) {
		number += int64(step)
		if r.Err == nil && (number < 0 || number > math.MaxInt64/w) {
			r.Err = fmt.Errorf("window %d", number)
		}
		all[i].End = number * w
	})
	r.Runs(int(n), func(i int, count uint64) { all[i].Count = count })
	if stats {
		last := uint64(0)
		for i := range all {
			x := &all[i]
			last = r.XOR(last)
			x.Min = math.Float64frombits(last)
			x.Max = math.Float64frombits(r.XOR(last))
			x.Sum = math.Float64frombits(r.XOR(math.Float64bits(float64(x.Count) * x.Min)))
		}
	}
	if r.Err == nil && len(r.Rest) > 0 {
		r.Err = fmt.Errorf("%d bytes left", len(r.Rest))
	}
	if r.Err != nil {
		return 0, false, nil, fmt.Errorf("extra section %d: %w", SectionWindows, r.Err)
	}
	return time.Duration(w) * time.Millisecond, stats, all, nil
}
