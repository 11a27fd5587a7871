package engine

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"clew/internal/telemetry"
	"clew/query/lang"
)

// traceWorld are spans of many traces that overlap, some of whose roots are missing, in no order; a few are sent twice.
func traceWorld(rng *rand.Rand, traces int) []*modelRecord {
	var records []*modelRecord
	for n := range traces {
		id := make([]byte, 16)
		id[3], id[14], id[15] = byte(rng.IntN(256)), byte(n>>8), byte(n)
		base := testNow.Add(-time.Hour + time.Duration(n/4)*10*time.Millisecond).UnixNano()
		spans := 1 + rng.IntN(8)
		rootMissing := rng.IntN(5) == 0
		for i := range spans {
			r := &modelRecord{signal: telemetry.Spans, time: base + int64(i*rng.IntN(20))*1e6, cells: map[telemetry.Column]any{}}
			field := func(key string, t telemetry.Type, v any) { r.set(telemetry.LevelField, key, t, v) }
			field(telemetry.FieldTraceID, telemetry.TypeBytes, id)
			field(telemetry.FieldSpanID, telemetry.TypeBytes, []byte{1, 0, 0, 0, 0, byte(n >> 8), byte(n), byte(i + 1)})
			if i > 0 || rootMissing {
				field(telemetry.FieldParentSpanID, telemetry.TypeBytes, []byte{1, 0, 0, 0, 0, byte(n >> 8), byte(n), byte(max(i, 1))})
			}
			field(telemetry.FieldStart, telemetry.TypeTime, r.time)
			field(telemetry.FieldDuration, telemetry.TypeInt, rng.Int64N(5e8))
			field(telemetry.FieldName, telemetry.TypeString, []string{"GET /cart", "POST /pay", fmt.Sprintf("query %d users", rng.IntN(40))}[rng.IntN(3)])
			field(telemetry.FieldKind, telemetry.TypeString, []string{"internal", "server", "client"}[rng.IntN(3)])
			field(telemetry.FieldStatus, telemetry.TypeString, []string{"unset", "ok", "error"}[rng.IntN(3)])
			r.set(telemetry.LevelResource, "service.name", telemetry.TypeString, []string{"checkout", "cart", "payment"}[rng.IntN(3)])
			records = append(records, r)
			if rng.IntN(20) == 0 {
				records = append(records, r)
			}
		}
	}
	rng.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	return records
}

// modelTraces is the answer, told in the simplest way: a line a trace, in order.
func modelTraces(t *testing.T, records []*modelRecord, query lang.Expr, from, to int64) []string {
	type trace struct {
		place TracePlace
		line  string
	}
	byID := map[telemetry.TraceID][]*modelRecord{}
	for _, r := range records {
		id := telemetry.TraceID(r.cells[telemetry.Column{Level: telemetry.LevelField, Key: telemetry.FieldTraceID, Type: telemetry.TypeBytes}].([]byte))
		if !slices.Contains(byID[id], r) {
			byID[id] = append(byID[id], r)
		}
	}
	var found []trace
	for id, spans := range byID {
		x := trace{place: TracePlace{ID: id}}
		s := TraceSummary{ID: id, Spans: len(spans)}
		end := int64(0)
		services := map[string]*TraceSummaryService{}
		cell := func(r *modelRecord, level telemetry.Level, key string, t telemetry.Type) any {
			return r.cells[telemetry.Column{Level: level, Key: key, Type: t}]
		}
		for i, r := range spans {
			duration := cell(r, telemetry.LevelField, telemetry.FieldDuration, telemetry.TypeInt).(int64)
			if i == 0 || r.time < s.Start {
				s.Start = r.time
			}
			end = max(end, r.time+duration)
			name := cell(r, telemetry.LevelResource, "service.name", telemetry.TypeString).(string)
			if services[name] == nil {
				services[name] = &TraceSummaryService{Service: name}
			}
			services[name].Spans++
			if cell(r, telemetry.LevelField, telemetry.FieldStatus, telemetry.TypeString) == "error" {
				s.Errors++
				services[name].Errors++
			}
			if r.time >= from && (to == 0 || r.time < to) && r.matches(t, query) {
				s.Matched++
				x.place.Time = max(x.place.Time, r.time)
			}
		}
		if s.Matched == 0 {
			continue
		}
		s.Duration = end - s.Start
		slices.SortFunc(spans, func(a, b *modelRecord) int {
			duration := func(r *modelRecord) int64 {
				return cell(r, telemetry.LevelField, telemetry.FieldDuration, telemetry.TypeInt).(int64)
			}
			return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(duration(b), duration(a)))
		})
		root := spans[0]
		s.RootMissing = true
		for _, r := range spans {
			if cell(r, telemetry.LevelField, telemetry.FieldParentSpanID, telemetry.TypeBytes) == nil {
				root, s.RootMissing = r, false
			}
		}
		s.RootService = cell(root, telemetry.LevelResource, "service.name", telemetry.TypeString).(string)
		s.RootName = cell(root, telemetry.LevelField, telemetry.FieldName, telemetry.TypeString).(string)
		for _, v := range services {
			s.Services = append(s.Services, *v)
		}
		slices.SortFunc(s.Services, func(a, b TraceSummaryService) int {
			if a.Spans != b.Spans {
				return b.Spans - a.Spans
			}
			return strings.Compare(a.Service, b.Service)
		})
		x.line = fmt.Sprintf("%+v", s)
		found = append(found, x)
	}
	slices.SortFunc(found, func(a, b trace) int { return a.place.Compare(b.place) })
	lines := []string{}
	for _, x := range found {
		lines = append(lines, x.line)
	}
	return lines
}

// TestTraces compares pages of traces with the model's, whatever the parts the spans are in, the query, the page's size and the times.
func TestTraces(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	records := traceWorld(rng, 250)
	queries := []string{"", "status:error", "service:cart duration>100ms", "name:\"query 7 users\"", "service:payment -kind:server", "nothing", "trace_id:*"}
	for name, e := range layouts(t, rng, telemetry.Spans, records) {
		t.Run(name, func(t *testing.T) {
			for _, query := range queries {
				for _, limit := range []int{1, 7, 500} {
					if limit == 1 && query == "" {
						continue // 250 pages tell nothing more
					}
					r := Request{Tenant: "default", Query: mustParse(t, query)}
					if limit == 7 {
						r.From, r.To = records[1].time, records[2].time
						if r.From > r.To {
							r.From, r.To = r.To, r.From
						}
					}
					want := modelTraces(t, records, r.Query, r.From, r.To)
					if diff := gocmp.Diff(want, allTraces(t, e, TraceSearch{Request: r, Limit: limit})); diff != "" {
						t.Fatalf("%q by %d (-want +got):\n%s", query, limit, diff)
					}
				}
			}
		})
	}
}

func allTraces(t *testing.T, e *Engine, s TraceSearch) []string {
	t.Helper()
	lines := []string{}
	for {
		found, err := e.Traces(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if len(found.Traces) > s.Limit {
			t.Fatalf("%d traces, limit %d", len(found.Traces), s.Limit)
		}
		for i := range found.Traces {
			lines = append(lines, fmt.Sprintf("%+v", found.Traces[i]))
		}
		if found.Cursor == nil {
			return lines
		}
		if s.Cursor, err = ParseTraceCursor(found.Cursor.String()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTracesLongOverlap pages through traces that all have spans at every page's place, so that nearly all candidates have been shown.
func TestTracesLongOverlap(t *testing.T) {
	var records []*modelRecord
	for n := range 2000 {
		for i := range 3 {
			r := &modelRecord{signal: telemetry.Spans, time: testNow.Add(-time.Duration(i)*time.Second + time.Duration(n)*time.Microsecond).UnixNano(), cells: map[telemetry.Column]any{}}
			field := func(key string, t telemetry.Type, v any) { r.set(telemetry.LevelField, key, t, v) }
			field(telemetry.FieldTraceID, telemetry.TypeBytes, []byte{9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, byte(n >> 8), byte(n)})
			field(telemetry.FieldSpanID, telemetry.TypeBytes, []byte{1, 0, 0, 0, 0, byte(n >> 8), byte(n), byte(i + 1)})
			field(telemetry.FieldDuration, telemetry.TypeInt, int64(1))
			field(telemetry.FieldName, telemetry.TypeString, "x")
			field(telemetry.FieldStatus, telemetry.TypeString, "ok")
			field(telemetry.FieldKind, telemetry.TypeString, "server")
			r.set(telemetry.LevelResource, "service.name", telemetry.TypeString, "s")
			records = append(records, r)
		}
	}
	for name, e := range layouts(t, rand.New(rand.NewPCG(1, 1)), telemetry.Spans, records) {
		lines := allTraces(t, e, TraceSearch{Request: Request{Tenant: "default"}, Limit: 90})
		seen := map[string]bool{}
		for _, l := range lines {
			if seen[l] {
				t.Fatalf("%s: twice: %s", name, l)
			}
			seen[l] = true
		}
		if len(lines) != 2000 {
			t.Errorf("%s: %d traces of 2000", name, len(lines))
		}
	}
}

// TestTracesMargin holds how far the spans of a listed trace are looked for: an hour from the one that matches, whatever the times
// of the request.
func TestTracesMargin(t *testing.T) {
	var records []*modelRecord
	for i, after := range []time.Duration{-61 * time.Minute, -59 * time.Minute, 0, 59 * time.Minute, 61 * time.Minute} {
		r := &modelRecord{signal: telemetry.Spans, time: testNow.Add(after - 3*time.Hour).UnixNano(), cells: map[telemetry.Column]any{}}
		r.set(telemetry.LevelField, telemetry.FieldTraceID, telemetry.TypeBytes, []byte("0123456789abcdef"))
		r.set(telemetry.LevelField, telemetry.FieldSpanID, telemetry.TypeBytes, []byte{7: byte(i + 1)})
		r.set(telemetry.LevelField, telemetry.FieldDuration, telemetry.TypeInt, int64(time.Minute))
		r.set(telemetry.LevelField, telemetry.FieldName, telemetry.TypeString, fmt.Sprint("span ", i))
		records = append(records, r)
	}
	for name, e := range layouts(t, rand.New(rand.NewPCG(1, 1)), telemetry.Spans, records) {
		r := Request{Tenant: "default", Query: mustParse(t, `"span 2"`), From: records[2].time, To: records[2].time + 1}
		found, err := e.Traces(t.Context(), TraceSearch{Request: r, Limit: 1})
		if err != nil || len(found.Traces) != 1 {
			t.Fatalf("%s: %+v, %v", name, found, err)
		}
		if x := found.Traces[0]; x.Spans != 3 || x.Matched != 1 || x.Start != records[1].time || x.Duration != int64(119*time.Minute) {
			t.Errorf("%s: %+v", name, x)
		}
	}
}

// TestTraceCursor holds that cursors of the two kinds are told apart.
func TestTraceCursor(t *testing.T) {
	c := &TraceCursor{Last: TracePlace{Time: -5, ID: telemetry.TraceID{1, 15: 2}}}
	back, err := ParseTraceCursor(c.String())
	if err != nil || *back != *c {
		t.Errorf("%v, %v", back, err)
	}
	if _, err := ParseTraceCursor((&Cursor{Time: 1}).String()); err == nil {
		t.Error("a cursor of records was taken")
	}
	if _, err := ParseCursor(c.String()); err == nil {
		t.Error("a cursor of traces was taken")
	}
	for _, s := range []string{"x", "!", strings.Repeat("A", 34)} {
		if _, err := ParseTraceCursor(s); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
}
