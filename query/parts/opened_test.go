package parts

import (
	"log/slog"
	"runtime"
	"sync"
	"testing"

	"clew/internal/telemetry"
	"clew/query/parts/partstest"
)

// Segments stay open while there is room; what a view holds stays whatever happens.
func TestOpenSegmentsAreBounded(t *testing.T) {
	const n, kept = 60, 10
	c, st := partstest.Many(t, n)
	s := NewSegments(c, st, nil, nil, slog.New(slog.DiscardHandler))
	view := func(from, to int) *View {
		t.Helper()
		const minute = 60_000_000_000
		v, err := s.View(t.Context(), Scope{
			Tenant: "default", Signal: telemetry.Spans, From: partstest.Now.UnixNano() + int64(from)*minute, To: partstest.Now.UnixNano() + int64(to)*minute - 1,
		})
		if err != nil || len(v.Parts) != to-from {
			t.Fatal(v, err)
		}
		return v
	}
	view(0, 1).Release()
	each := s.OpenStats().Bytes
	s.most = kept * each
	all := view(0, n)
	if got := s.OpenStats(); got.Segments != n || got.Evicted > 0 {
		t.Errorf("while a view holds them: %+v", got)
	}
	held := view(0, kept/2)
	all.Release()
	if got := s.OpenStats(); got.Segments > kept+1 || got.Segments < kept-1 || got.Bytes > s.most || got.Evicted == 0 {
		t.Errorf("after the view: %+v, want about %d", got, kept)
	}
	before := s.OpenStats().Evicted
	for i := range n - 1 { // least recently used ones go
		view(i, i+1).Release()
	}
	for _, p := range view(0, kept/2).Parts {
		if p != held.Parts[0] && p != held.Parts[1] && p != held.Parts[2] && p != held.Parts[3] && p != held.Parts[4] {
			t.Errorf("segment %s was opened twice while a view holds it", p.Info().ID)
		}
	}
	if got := s.OpenStats(); got.Evicted == before {
		t.Errorf("nothing has gone: %+v", got)
	}
	held.Release()
	s.Forget([]string{held.Parts[0].Info().ID})
	if s.opened(held.Parts[0].Info().ID) != nil {
		t.Error("a segment is open that was to be forgotten")
	}
}

// Views come and go at once, and the account is right in the end.
func TestOpenSegmentsConcurrently(t *testing.T) {
	const n = 40
	c, st := partstest.Many(t, n)
	s := NewSegments(c, st, nil, nil, slog.New(slog.DiscardHandler))
	s.most = 20 << 10 // a few
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				v, err := s.View(t.Context(), Scope{Tenant: "default", Signal: telemetry.Spans, To: 1 << 62})
				if err != nil || len(v.Parts) != n {
					t.Error(v, err)
					return
				}
				v.Release()
			}
		})
	}
	wg.Wait()
	s.mu.Lock()
	bytes := int64(0)
	for _, o := range s.open {
		if bytes += o.bytes; o.views != 0 || o.unused == nil {
			t.Errorf("segment %s is held by %d views", o.id, o.views)
		}
	}
	if bytes != s.bytes || bytes > s.most || s.unused.Len() != len(s.open) {
		t.Errorf("%d bytes of %d segments, accounted %d bytes of %d", bytes, len(s.open), s.bytes, s.unused.Len())
	}
	for id := range s.open {
		defer s.Forget([]string{id})
	}
	s.mu.Unlock()
}

// What is accounted is what open segments take.
func TestMetadataBytes(t *testing.T) {
	const n = 200
	c, st := partstest.Many(t, n)
	s := NewSegments(c, st, nil, nil, slog.New(slog.DiscardHandler))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	v, err := s.View(t.Context(), Scope{Tenant: "default", Signal: telemetry.Spans, To: 1 << 62})
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	took, said := int64(after.HeapAlloc)-int64(before.HeapAlloc), s.OpenStats().Bytes
	t.Logf("%d bytes a segment, accounted %d", took/n, said/n)
	if said < took/2 || said > took*2 {
		t.Errorf("%d segments take %d bytes, accounted are %d", n, took, said)
	}
	v.Release()
}
