package loggen

import (
	"bytes"
	"testing"
	"unicode/utf8"
)

func TestSameSeedSameRecords(t *testing.T) {
	a, b, c := New(1), New(1), New(2)
	var ra, rb, rc Record
	differ := 0
	services := map[string]int{}
	last := int64(0)
	for range 20_000 {
		a.Next(&ra)
		b.Next(&rb)
		c.Next(&rc)
		if !bytes.Equal(ra.Body, rb.Body) || ra.Time != rb.Time || ra.Instance != rb.Instance || ra.TraceID != rb.TraceID {
			t.Fatalf("seed 1: %q and %q", ra.Body, rb.Body)
		}
		if !bytes.Equal(ra.Body, rc.Body) {
			differ++
		}
		if ra.Time < last || len(ra.Body) == 0 || !utf8.Valid(ra.Body) || ra.Severity == 0 {
			t.Fatalf("record %+v", ra)
		}
		last = ra.Time
		services[ra.Service]++
	}
	if differ < 19_000 || len(services) != len(Services) {
		t.Errorf("%d bodies differ between seeds, %d services", differ, len(services))
	}
}

func BenchmarkNext(b *testing.B) {
	g := New(1)
	var rec Record
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		g.Next(&rec)
		n += len(rec.Body)
	}
	b.SetBytes(int64(n / b.N))
}

func TestPods(t *testing.T) {
	if Pods != len(Services)*instancesEach {
		t.Fatalf("Pods is %d", Pods)
	}
	g := New(1)
	var rec Record
	traced, again, seen := 0, 0, map[[16]byte]bool{}
	for i := range 20_000 {
		g.NextOf(&rec, i%Pods)
		if want := Services[i%Pods/instancesEach]; rec.Service != want {
			t.Fatalf("pod %d is of %s, want %s", i%Pods, rec.Service, want)
		}
		if rec.HasTrace {
			traced++
			if seen[rec.TraceID] {
				again++
			}
			seen[rec.TraceID] = true
		}
	}
	if traced < 7500 || traced > 8500 || again < traced/3 || again > traced*2/3 {
		t.Errorf("%d of 20,000 records have trace ids, %d a known one", traced, again)
	}
}
