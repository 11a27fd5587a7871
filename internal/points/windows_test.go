package points

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestWindowEnd(t *testing.T) {
	five := Five.Milliseconds()
	for _, c := range []struct{ t, want int64 }{{1, five}, {five, five}, {five + 1, 2 * five}, {0, 0}, {-1, 0}, {-five, -five}, {-five - 1, -five}} {
		if got := WindowEnd(c.t, Five); got != c.want {
			t.Errorf("%d ms is in the window that ends at %d, want %d", c.t, got, c.want)
		}
	}
}

// What is written is read, and what is no section is an error and no more.
func FuzzWindows(f *testing.F) {
	five := Five.Milliseconds()
	all := []Window{
		{End: 7 * five, Count: 20, Sum: 20, Min: 1, Max: 1},
		{End: 8 * five, Count: 20, Sum: 61.5, Min: 0.25, Max: 9},
		{End: 100 * five, Count: 1, Sum: math.NaN(), Min: math.Inf(-1), Max: math.Copysign(0, -1)},
	}
	for _, stats := range []bool{true, false} {
		b := AppendWindows(nil, Five, stats, all)
		want := all
		if !stats {
			want = nil
			for _, w := range all {
				want = append(want, Window{End: w.End, Count: w.Count})
			}
		}
		found := Found{SectionWindows: b}
		width, has, got, err := found.Windows(nil)
		if err != nil || has != stats || width != Five {
			f.Fatalf("width %v, stats %v: %v", width, has, err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
			f.Fatal(diff)
		}
		for n := range b {
			found[SectionWindows] = b[:n:n]
			if _, _, _, err := found.Windows(nil); err == nil {
				f.Fatalf("cut after %d bytes: no error", n)
			}
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		found := Found{SectionWindows: b}
		if width, _, all, err := found.Windows(nil); err == nil && b != nil && (width < time.Millisecond || len(all) > windowsMax) {
			t.Fatalf("width %v, %d windows", width, len(all))
		}
	})
}
