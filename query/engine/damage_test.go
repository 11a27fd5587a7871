package engine

import (
	"encoding/binary"
	"hash/crc32"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clew/index"
	"clew/index/catalog"
	"clew/index/segment"
	"clew/index/store"
	"clew/internal/telemetry"
	"clew/query/parts"
)

// damages are what may become of a segment's objects.
var damages = map[string]func(t *testing.T, parquet, idx string){
	"flipped bits": func(t *testing.T, parquet, _ string) {
		change(t, parquet, func(b []byte) []byte {
			for i := 8; i < len(b); i += 16 {
				b[i] ^= 4
			}
			return b
		})
	},
	"flipped sections": func(t *testing.T, _, idx string) {
		change(t, idx, func(b []byte) []byte {
			for i := len(b) / 2; i < len(b); i += 16 {
				b[i] ^= 4
			}
			return b
		})
	},
	"truncated": func(t *testing.T, parquet, _ string) {
		change(t, parquet, func(b []byte) []byte { return b[:len(b)/2] })
	},
	"missing parquet": func(t *testing.T, parquet, _ string) { remove(t, parquet) },
	"missing index":   func(t *testing.T, _, idx string) { remove(t, idx) },
	"later version": func(t *testing.T, _, idx string) {
		change(t, idx, func(b []byte) []byte {
			binary.LittleEndian.PutUint32(b[8:], segment.Version+1)
			binary.LittleEndian.PutUint32(b[36:], crc32.Checksum(b[:36], crc32.MakeTable(crc32.Castagnoli)))
			return b
		})
	},
}

func change(t *testing.T, name string, f func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, f(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
}

// operations are all questions, each with how many records its answer is about.
func operations(t *testing.T, id telemetry.TraceID, span telemetry.SpanID) map[string]func(e *Engine) (int, Stats, error) {
	request := Request{Tenant: "default", Signal: telemetry.Spans, Query: mustParse(t, "service:checkout OR service:cart OR name:query")}
	return map[string]func(e *Engine) (int, Stats, error){
		"count": func(e *Engine) (int, Stats, error) {
			c, err := e.Count(t.Context(), request)
			if err != nil {
				return 0, Stats{}, err
			}
			return int(c.Count), c.Stats, nil
		},
		"count by": func(e *Engine) (int, Stats, error) {
			g, err := e.CountBy(t.Context(), request, "name", 0)
			if err != nil {
				return 0, Stats{}, err
			}
			return int(g.Count), g.Stats, nil
		},
		"histogram": func(e *Engine) (int, Stats, error) {
			h, err := e.Histogram(t.Context(), request, HistogramBy{Step: time.Second})
			if err != nil {
				return 0, Stats{}, err
			}
			return int(h.Count), h.Stats, nil
		},
		"heatmap": func(e *Engine) (int, Stats, error) {
			h, err := e.Heatmap(t.Context(), request, time.Second)
			if err != nil {
				return 0, Stats{}, err
			}
			return int(h.Count), h.Stats, nil
		},
		"fields": func(e *Engine) (int, Stats, error) {
			f, err := e.Fields(t.Context(), request)
			if err != nil {
				return 0, Stats{}, err
			}
			return int(f.Count), f.Stats, nil
		},
		"search": func(e *Engine) (int, Stats, error) {
			f, err := e.Search(t.Context(), Search{Request: request})
			if err != nil {
				return 0, Stats{}, err
			}
			return len(f.Records), f.Stats, nil
		},
		"traces": func(e *Engine) (int, Stats, error) {
			f, err := e.Traces(t.Context(), TraceSearch{Request: request})
			if err != nil {
				return 0, Stats{}, err
			}
			return len(f.Traces), f.Stats, nil
		},
		"trace": func(e *Engine) (int, Stats, error) {
			f, err := e.Trace(t.Context(), "default", id, 0, 0)
			if err != nil {
				return 0, Stats{}, err
			}
			return len(f.Spans), f.Stats, nil
		},
		"skeleton": func(e *Engine) (int, Stats, error) {
			f, err := e.Skeleton(t.Context(), "default", id, 0, 0)
			if err != nil {
				return 0, Stats{}, err
			}
			return len(f.Spans), f.Stats, nil
		},
		"span": func(e *Engine) (int, Stats, error) {
			f, err := e.Span(t.Context(), "default", id, span, 0, 0)
			if err != nil {
				return 0, Stats{}, err
			}
			return len(f.Spans), f.Stats, nil
		},
	}
}

// TestDamage asks everything of a segment that is whole and one that is damaged, in every way: an answer is whole and right, or it is partial, names the
// segment, and has nothing but what is right. When the objects are put back, answers are whole again.
func TestDamage(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	records := traceWorld(rng, 300)
	root := t.TempDir()
	st, err := store.OpenDir(root)
	if err != nil {
		t.Fatal(err)
	}
	half := len(records) / 2
	cat := catalog.New()
	var ids []string
	for i, rs := range [][]*modelRecord{records[:half], records[half:]} {
		part := sealed(t, st, nil, head(t, "h", spanBatch(toTraces(rs))))
		info := part.Info()
		ids = append(ids, info.ID)
		commit := catalog.Commit{
			Version: catalog.CommitVersion, Epoch: 1, Time: testNow, Reason: "seal", Last: uint64(i),
			Added: []catalog.Segment{{
				ID: info.ID, Signal: info.Signal, Tenant: "default", Rows: info.Rows, Records: info.Rows, MinTime: info.MinTime, MaxTime: info.MaxTime,
				Bytes: 1, Created: testNow,
			}},
			Positions: []catalog.Position{{Signal: info.Signal, Tenant: "default", Position: uint64(i + 1)}},
		}
		if err := cat.Apply(uint64(i+1), commit); err != nil {
			t.Fatal(err)
		}
	}
	of := func(r *modelRecord, key string) []byte {
		return r.cells[telemetry.Column{Level: telemetry.LevelField, Key: key, Type: telemetry.TypeBytes}].([]byte)
	}
	last := records[len(records)-1] // it is in the segment that is damaged
	ops := operations(t, telemetry.TraceID(of(last, telemetry.FieldTraceID)), telemetry.SpanID(of(last, telemetry.FieldSpanID)))
	fresh := func() (*Engine, *parts.Segments) {
		src := parts.NewSegments(cat, st, segment.NewCache(16<<20, 0), nil, slog.New(slog.DiscardHandler))
		return newEngine(t, src), src
	}
	other := newEngine(t, &fixedSource{parts: map[telemetry.Signal][]index.Part{telemetry.Spans: {open(t, st, ids[0])}}})
	parquet, idx := segment.Names(ids[1])
	parquet, idx = filepath.Join(root, parquet), filepath.Join(root, idx)
	for what, damage := range damages {
		parquetBytes, indexBytes := read(t, parquet), read(t, idx)
		e, _ := fresh()
		whole := map[string]int{}
		for op, ask := range ops {
			n, stats, err := ask(e)
			if err != nil || len(stats.Partial) > 0 || n == 0 {
				t.Fatalf("%s before: %d, %v, %v", op, n, stats.Partial, err)
			}
			whole[op] = n
		}
		damage(t, parquet, idx)
		sawDamage := 0
		for op, ask := range ops {
			e, src := fresh()
			for range 2 { // the second time it is set aside
				n, stats, err := ask(e)
				if err != nil {
					t.Errorf("%s, %s: %v", what, op, err)
					continue
				}
				if len(stats.Partial) == 0 {
					if n != whole[op] {
						t.Errorf("%s, %s: %d, want %d, and it does not say so", what, op, n, whole[op])
					}
					continue
				}
				sawDamage++
				want, _, err := ask(other)
				if err != nil {
					t.Fatal(err)
				}
				if n != want || !strings.Contains(strings.Join(stats.Partial, "; "), ids[1]) {
					t.Errorf("%s, %s: %d of what is left, want %d; it says %q", what, op, n, want, stats.Partial)
				}
				if aside := src.SetAside(); len(aside) != 1 || aside[0].Segment != ids[1] || aside[0].Reason == "" {
					t.Errorf("%s, %s: set aside are %+v", what, op, aside)
				}
			}
		}
		if sawDamage < len(ops) {
			t.Errorf("%s: only %d answers saw it: this tests nothing", what, sawDamage)
		}
		e, src := fresh()
		if _, stats, err := ops["search"](e); err != nil || len(stats.Partial) == 0 {
			t.Fatalf("%s: %v, %v", what, stats.Partial, err)
		}
		write(t, parquet, parquetBytes)
		write(t, idx, indexBytes)
		healed(t, src, ids[1], func() bool {
			n, stats, err := ops["search"](e)
			return err == nil && n == whole["search"] && len(stats.Partial) == 0
		})
	}
}

// healed makes the segment due to be looked at again, and waits until answers are whole.
func healed(t *testing.T, src *parts.Segments, id string, whole func() bool) {
	t.Helper()
	if whole() {
		t.Error("a segment that is set aside is read again at once")
	}
	src.UseClock(func() time.Time { return time.Now().Add(time.Hour) })
	for deadline := time.Now().Add(10 * time.Second); !whole(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not whole again: %+v", src.SetAside())
		}
	}
	if aside := src.SetAside(); len(aside) > 0 {
		t.Errorf("still aside: %+v", aside)
	}
}

func open(t *testing.T, st store.Store, id string) index.Part {
	t.Helper()
	s, err := segment.Open(t.Context(), st, id, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
