package points

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is written is read, and what is not a chunk is an error and no more.
func FuzzReadCounts(f *testing.F) {
	want := []Count{
		{End: 50_000, Count: 3, Zero: 1, Sum: 1_500, Buckets: []CountBucket{{-80, 1}, {12, 1}}},
		{End: 60_000, Count: 1, Zero: 1},
		{End: 1_800_000_000_000, Count: math.MaxUint64, Sum: math.MaxInt64, Buckets: []CountBucket{{-240, math.MaxUint64}}},
	}
	for _, histograms := range []bool{true, false} {
		chunk := CountsHeader(10_000, histograms, 3)
		last := int64(0)
		var plain []Count
		for i := range want {
			number := want[i].End / 10_000
			chunk = AppendCount(chunk, &want[i], number, last, histograms)
			last = number
			plain = append(plain, Count{End: want[i].End, Count: want[i].Count})
		}
		if histograms {
			plain = want
		}
		var got []Count
		have, scale, err := ReadCounts(chunk, len(want), func(c *Count) {
			one := *c
			one.Buckets = append([]CountBucket(nil), c.Buckets...)
			got = append(got, one)
		})
		if err != nil || have != histograms || have && scale != 3 {
			f.Fatalf("histograms %v, scale %d: %v", have, scale, err)
		}
		if diff := cmp.Diff(plain, got); diff != "" {
			f.Fatal(diff)
		}
		if _, _, err := ReadCounts(chunk, len(want)+1, func(*Count) {}); err == nil {
			f.Fatal("a bucket that is not there is read")
		}
		if _, _, err := ReadCounts(chunk, len(want)-1, func(*Count) {}); err == nil {
			f.Fatal("a bucket that is there is not read")
		}
		f.Add(chunk, len(want))
	}
	f.Fuzz(func(t *testing.T, chunk []byte, samples int) {
		seen := 0
		if _, _, err := ReadCounts(chunk, min(samples, 1<<16), func(c *Count) {
			seen++
			if c.End < 0 || len(c.Buckets) > countBucketsMax {
				t.Fatalf("%+v", c)
			}
		}); err == nil && seen != max(0, min(samples, 1<<16)) {
			t.Fatalf("%d of %d buckets", seen, samples)
		}
	})
}
