package compact

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"clew/index"
	"clew/index/segment"
	"clew/index/store"
	"clew/index/table"
	"clew/internal/telemetry"
)

// spans builds a table of spans; each of list says what number it has, and numbers that repeat are whole repetitions.
func spans(t testing.TB, list ...int) index.Part {
	t.Helper()
	b := telemetry.NewBuilder(telemetry.Spans, "t")
	res := pcommon.NewResource()
	res.Attributes().PutStr("service.name", "shop")
	b.UseSet(res, "", pcommon.NewInstrumentationScope(), "")
	for _, i := range list {
		s := ptrace.NewSpan()
		var trace pcommon.TraceID
		var span pcommon.SpanID
		binary.BigEndian.PutUint64(trace[:], uint64(i/4)*0x9E3779B97F4A7C15+1)
		binary.BigEndian.PutUint64(span[:], uint64(i)+1)
		s.SetTraceID(trace)
		s.SetSpanID(span)
		s.SetName(fmt.Sprintf("get item %d of %s", i, string(rune('a'+i%5))))
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(noon.Add(time.Duration(i) * time.Millisecond)))
		s.SetEndTimestamp(s.StartTimestamp() + pcommon.Timestamp(i))
		s.Attributes().PutInt("n", int64(i))
		s.Attributes().PutDouble("d", float64(i)/3)
		if i%3 == 0 {
			s.Attributes().PutStr("id", fmt.Sprintf("%016x", uint64(i)*0x9E3779B97F4A7C15))
			s.Attributes().PutBool("even", i%2 == 0)
		}
		if i%50 == 0 {
			s.Attributes().PutStr(fmt.Sprint("rare", i), "x")
			s.Attributes().PutDouble("nan", math.NaN())
		}
		b.AppendSpan(s, noon)
	}
	tab := table.New("head", telemetry.Spans, "t", 0)
	batch := b.Build()
	defer batch.Release()
	if err := tab.Append(batch, nil); err != nil {
		t.Fatal(err)
	}
	return tab.Snapshot()
}

func write(t testing.TB, id string, opt segment.Options, parts ...index.Part) index.Part {
	t.Helper()
	st, err := store.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := segment.Write(t.Context(), st, id, parts, opt); err != nil {
		t.Fatal(err)
	}
	s, err := segment.Open(t.Context(), st, id, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// rows renders every row of a part: column name to text.
func rows(ctx context.Context, t testing.TB, part index.Part) []map[string]string {
	t.Helper()
	var all []map[string]string
	for rg, g := range part.RowGroups() {
		first := len(all)
		for range g.Rows {
			all = append(all, map[string]string{})
		}
		for col, c := range part.Columns() {
			v, err := OpenValues(ctx, part, col, rg)
			if err != nil {
				t.Fatal(err)
			}
			for row := range g.Rows {
				if v.has(row) {
					all[first+row][fmt.Sprint(c.Column)] = string(v.append(nil, row))
				}
			}
		}
	}
	return all
}

func numbers(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// TestWithout: a part without rows says what the others say, and what is written of it too; its counts and vocabularies are those of the rest.
func TestWithout(t *testing.T) {
	ctx := t.Context()
	rng := rand.New(rand.NewPCG(5, 6))
	sources := map[string]index.Part{
		"table": spans(t, numbers(1000)...), "segment": write(t, "a", segment.Options{RowGroupRows: 300}, spans(t, numbers(1000)...)),
		"overflow": write(t, "b", segment.Options{RowGroupRows: 300, AttributeColumnsMax: 3}, spans(t, numbers(1000)...)),
	}
	for name, part := range sources {
		for _, share := range []float64{0, 0.01, 0.5, 0.99} {
			gone := make(Rows, len(part.RowGroups()))
			var want []map[string]string
			all := rows(ctx, t, part)
			for rg, g := range part.RowGroups() {
				for row := range g.Rows {
					if rng.Float64() < share || rg == 1 && share > 0.5 {
						gone.Add(rg, row, g.Rows)
					} else {
						want = append(want, all[row])
					}
				}
				all = all[g.Rows:]
			}
			left, err := Without(ctx, part, gone)
			if err != nil {
				t.Fatal(err)
			}
			if n := part.Info().Rows - gone.Count(); left.Info().Rows != n || len(want) != n {
				t.Fatalf("%s: %d rows, want %d", name, left.Info().Rows, n)
			}
			got := rows(ctx, t, left)
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("%s without %v: %s", name, share, d)
			}
			checkCounts(ctx, t, left, got)
			written := write(t, "c", segment.Options{RowGroupRows: 400}, left)
			sorted := rows(ctx, t, written)
			for _, list := range [][]map[string]string{want, sorted} {
				slices.SortFunc(list, func(a, b map[string]string) int { return cmpStrings(a["start#time"], b["start#time"]) })
			}
			if d := cmp.Diff(want, sorted); d != "" {
				t.Fatalf("%s without %v, written: %s", name, share, d)
			}
		}
	}
}

func cmpStrings(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// checkCounts: columns say how many rows have a value, and vocabularies hold nothing that no row says.
func checkCounts(ctx context.Context, t *testing.T, part index.Part, all []map[string]string) {
	t.Helper()
	for col, c := range part.Columns() {
		n := uint64(0)
		said := map[string]bool{}
		for _, row := range all {
			if v, ok := row[fmt.Sprint(c.Column)]; ok {
				n++
				said[v] = true
			}
		}
		if c.NonNull != n {
			t.Errorf("column %s: %d rows have a value, it says %d", c.Column, n, c.NonNull)
		}
		if c.Kind != index.KindValue || c.Overflow {
			continue
		}
		arena, err := part.Vocabulary(ctx, col)
		if err != nil {
			t.Fatal(err)
		}
		if arena.Len() != len(said) || int(c.Distinct) != len(said) {
			t.Errorf("column %s: vocabulary of %d (%d) entries, rows have %d", c.Column, arena.Len(), c.Distinct, len(said))
		}
	}
}

// TestRepeated: whole repetitions are found, within a part and over parts that store them differently; spans that share their ids only stay.
func TestRepeated(t *testing.T) {
	shared := spans(t, 2, 2+1000*4) // other ids
	parts := []index.Part{
		write(t, "a", segment.Options{RowGroupRows: 64}, spans(t, append(numbers(200), 7, 8)...)), spans(t, append(numbers(20), 500)...), shared,
	}
	gone, n, err := Repeated(t.Context(), parts)
	if err != nil {
		t.Fatal(err)
	}
	if n != 2+20+1 {
		t.Errorf("%d repetitions, want 23", n)
	}
	seen := map[string]int{}
	for i, part := range parts {
		left := part
		if gone[i] != nil {
			if left, err = Without(t.Context(), part, gone[i]); err != nil {
				t.Fatal(err)
			}
		}
		for _, row := range rows(t.Context(), t, left) {
			seen[row["n#int"]]++
		}
	}
	if len(seen) != 202 {
		t.Errorf("%d spans are left, want 202", len(seen))
	}
	for number, times := range seen {
		if times != 1 {
			t.Errorf("span %s is there %d times", number, times)
		}
	}
}

// TestRepeatedZipkin: client and server share a span id.
func TestRepeatedZipkin(t *testing.T) {
	b := telemetry.NewBuilder(telemetry.Spans, "t")
	b.UseSet(pcommon.NewResource(), "", pcommon.NewInstrumentationScope(), "")
	for i := range 4 {
		s := ptrace.NewSpan()
		s.SetTraceID(pcommon.TraceID{1})
		s.SetSpanID(pcommon.SpanID{1})
		s.SetKind(ptrace.SpanKind(2 + i%2))
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(noon))
		b.AppendSpan(s, noon)
	}
	tab := table.New("head", telemetry.Spans, "t", 0)
	batch := b.Build()
	defer batch.Release()
	if err := tab.Append(batch, nil); err != nil {
		t.Fatal(err)
	}
	if _, n, err := Repeated(t.Context(), []index.Part{tab.Snapshot()}); err != nil || n != 2 {
		t.Errorf("%d repetitions (%v), want 2: a client's and a server's", n, err)
	}
}
