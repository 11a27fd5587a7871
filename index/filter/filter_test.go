package filter

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

func randomHashes(r *rand.Rand, n int) []uint64 {
	hashes := make([]uint64, n)
	for i := range hashes {
		hashes[i] = r.Uint64()
		if i > 0 && r.IntN(4) == 0 {
			hashes[i] = hashes[r.IntN(i)] // many are met more than once
		}
	}
	return hashes
}

func TestFilter(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 2, listMax, listMax + 1, 100, 1000, 100_000} {
		hashes := randomHashes(r, n)
		built := Build(append([]uint64{}, hashes...))
		data := built.Append([]byte("before"))[len("before"):]
		if len(data) != built.Size() {
			t.Errorf("%d hashes: size %d, have %d bytes", n, built.Size(), len(data))
		}
		opened, err := Open(data)
		if err != nil {
			t.Fatalf("%d hashes: %v", n, err)
		}
		for _, h := range hashes {
			if !built.Contains(h) || !opened.Contains(h) {
				t.Fatalf("%d hashes: a member is denied", n)
			}
		}
		wrong := 0
		for range 100_000 {
			h := r.Uint64()
			if built.Contains(h) != opened.Contains(h) {
				t.Fatalf("%d hashes: the opened filter differs", n)
			}
			if opened.Contains(h) {
				wrong++
			}
		}
		if wrong > 600 { // 390 expected
			t.Errorf("%d hashes: %d of 100,000 others admitted", n, wrong)
		}
		if again := Build(hashes).Append(nil); !bytes.Equal(again, data) {
			t.Errorf("%d hashes: another filter the second time", n)
		}
		for cut := range min(len(data), 50) {
			if _, err := Open(data[:cut]); err == nil {
				t.Errorf("%d hashes: opened when cut to %d bytes", n, cut)
			}
		}
		if _, err := Open(append(data, 0)); err == nil {
			t.Errorf("%d hashes: opened with a byte too many", n)
		}
	}
	if f := (*Filter)(nil); !f.Contains(1) {
		t.Error("no filter denies")
	}
}

func FuzzOpen(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{0, 10, 60, 500} {
		f.Add(Build(randomHashes(r, n)).Append(nil), uint64(n))
	}
	f.Fuzz(func(t *testing.T, data []byte, hash uint64) {
		filter, err := Open(data)
		if err != nil {
			return
		}
		for i := range uint64(100) {
			filter.Contains(hash * (i + 1))
		}
		if !bytes.Equal(filter.Append(nil), data) {
			t.Error("opened, but appended otherwise")
		}
	})
}

func BenchmarkBuild(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			hashes := randomHashes(rand.New(rand.NewPCG(1, 2)), n)
			work := make([]uint64, n)
			b.SetBytes(int64(8 * n))
			b.ReportAllocs()
			for b.Loop() {
				copy(work, hashes)
				Build(work)
			}
		})
	}
}

func BenchmarkContains(b *testing.B) {
	f := Build(randomHashes(rand.New(rand.NewPCG(1, 2)), 100_000))
	var h uint64
	b.ReportAllocs()
	for b.Loop() {
		h += 0x9E3779B97F4A7C15
		f.Contains(h)
	}
}
