package stored

import (
	"context"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"clew/internal/points"
	"clew/query/metrics/pointstest"

	head "clew/ingest/series"
)

// start is when the points of tests begin.
var start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// seedRows are rows as heads make them.
type seedRows struct {
	f     *testing.F
	kinds map[string]byte
}

// Row implements points.LiveReader.
func (s *seedRows) Row(_ int, r points.LiveRow) {
	if kind, ok := s.kinds[r.Kind]; ok {
		s.f.Add(kind, uint32(r.Samples), r.Chunk, r.Extra)
	}
}

// Number implements points.LiveReader.
func (s *seedRows) Number(int64, int64, float64) {}

// FuzzDecode reads rows that lie: what they say is an error or points, never a panic, and takes memory in proportion to the bytes.
func FuzzDecode(f *testing.F) {
	h := head.New("head", "t", 0)
	rnd := rand.New(rand.NewPCG(1, 1))
	for round := range 60 {
		if err := h.Append(pointstest.Random(rnd, start, round), start.Add(time.Hour)); err != nil {
			f.Fatal(err)
		}
	}
	all := make([]uint32, h.Series())
	for i := range all {
		all[i] = uint32(i)
	}
	seeds := &seedRows{f, map[string]byte{points.ChunkXOR2: byte(ChunkXOR2), points.ChunkHistogram: byte(ChunkHistogram), points.ChunkOTLP: byte(ChunkOTLP)}}
	if err := h.Live().Read(context.Background(), all, 0, 1<<60, seeds); err != nil {
		f.Fatal(err)
	}
	// A span of four billion buckets.
	f.Add(byte(ChunkHistogram), uint32(1), []byte{0, 1, 0, 0, 0b0_10_001_11, 0b111110_00, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0}, []byte{})
	f.Fuzz(func(t *testing.T, kind byte, samples uint32, chunk, extra []byte) {
		found, err := points.Sections(extra)
		if err != nil || len(chunk) > 1<<16 {
			return
		}
		ref := &Row{Samples: min(samples, SamplesOfRowMax+1), Chunk: ChunkKind(kind % byte(ChunkUnknown+1))}
		of := &Base{Family: &Family{}}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		// The errors are what is wanted of bytes that lie.
		if all, err := NumbersOf(ref, chunk, &found); err == nil && len(all) != int(ref.Samples) {
			t.Errorf("%d points of %d", len(all), ref.Samples)
		}
		_, _ = MultiOf(ref, chunk, &found)
		_, _ = NativesOf(of, ref, chunk, &found)
		_ = EachBounds(of, ref, chunk, &found, func([]float64) {})
		runtime.ReadMemStats(&after)
		// Every point of a chunk may have all its buckets, at eight bytes and more for a bit.
		if most := uint64(64<<20) + uint64(min(samples, SamplesOfRowMax))*uint64(len(chunk))*600; after.TotalAlloc-before.TotalAlloc > most {
			t.Errorf("%d bytes for a chunk of %d bytes and %d samples", after.TotalAlloc-before.TotalAlloc, len(chunk), samples)
		}
	})
}

// The layout is read as Prometheus writes it.
func TestCheckLayout(t *testing.T) {
	h := head.New("head", "t", 0)
	rnd := rand.New(rand.NewPCG(2, 2))
	for round := range 100 {
		if err := h.Append(pointstest.Random(rnd, start, round), start.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	all := make([]uint32, h.Series())
	for i := range all {
		all[i] = uint32(i)
	}
	seen := &layouts{t: t}
	if err := h.Live().Read(t.Context(), all, 0, 1<<60, seen); err != nil {
		t.Fatal(err)
	}
	if seen.n < 20 {
		t.Errorf("%d chunks", seen.n)
	}
	huge := []byte{0, 1, 0, 0, 0b0_10_001_11, 0b111110_00, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0}
	if checkLayout(huge) == nil || checkLayout(huge[:5]) == nil || checkLayout(nil) == nil {
		t.Error("a layout that lies, or ends early, is taken")
	}
}

type layouts struct {
	t *testing.T
	n int
}

// Row implements points.LiveReader.
func (l *layouts) Row(_ int, r points.LiveRow) {
	if r.Kind == points.ChunkHistogram {
		l.n++
		if err := checkLayout(r.Chunk); err != nil {
			l.t.Error(err)
		}
	}
}

// Number implements points.LiveReader.
func (l *layouts) Number(int64, int64, float64) {}
