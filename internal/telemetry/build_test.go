package telemetry

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

var testTime = time.Unix(0, testNow)

// rowText prints a row's cells, one a line.
func rowText(t *testing.T, b *Batch, row int) string {
	t.Helper()
	var lines []string
	for i := 1; i < int(b.Rows.NumCols()); i++ {
		c, err := CellsOf(b.Rows.Column(i))
		if err != nil {
			t.Fatal(err)
		}
		if !c.Valid(row) {
			continue
		}
		name := b.Rows.ColumnName(i)
		switch c.form {
		case formTexts, formCodes:
			lines = append(lines, fmt.Sprintf("%s %q", name, c.Bytes(row)))
		case formWidth:
			lines = append(lines, fmt.Sprintf("%s %x", name, c.Bytes(row)))
		case formInts:
			lines = append(lines, fmt.Sprintf("%s %d", name, c.Int(row)))
		case formDoubles:
			lines = append(lines, fmt.Sprintf("%s %g", name, c.Double(row)))
		case formBits:
			lines = append(lines, fmt.Sprintf("%s %v", name, c.Bool(row)))
		}
	}
	return strings.Join(lines, "\n")
}

func buildLog(fill func(plog.LogRecord)) *Batch {
	r := plog.NewLogRecord()
	fill(r)
	b := NewBuilder(Logs, "t")
	b.AppendLog(r, testTime)
	return b.Build()
}

func TestAttributesAsColumns(t *testing.T) {
	batch := buildLog(func(r plog.LogRecord) {
		a := r.Attributes()
		a.PutStr("s", "x")
		a.PutInt("i", 7)
		a.PutDouble("d", 0.5)
		a.PutBool("b", true)
		a.PutEmptyBytes("raw").FromRaw([]byte{1, 2})
		a.PutEmpty("nothing")
		list := a.PutEmptySlice("list")
		list.AppendEmpty().SetInt(1)
		list.AppendEmpty().SetStr("two")
		m := a.PutEmptyMap("m")
		m.PutInt("x", 1)
		m.PutEmptyMap("y").PutStr("z", "deep")
		m.PutEmptySlice("l").AppendEmpty().SetBool(true)
		a.PutInt("m.x", 2) // clashes with the leaf of m
		a.PutStr("time", "now")
		r.Body().SetEmptyMap().PutStr("msg", "hi")
	})
	want := `body#json "{\"msg\":\"hi\"}"
exact#json "{\"nothing\":null,\"m\":{\"x\":1,\"y\":{\"z\":\"deep\"},\"l\":[true]},\"m.x\":2}"
time#time 1700000000000000000
b#bool true
d#double 0.5
i#int 7
list#json "[1,\"two\"]"
m.l#json "[true]"
m.x#int 1
m.y.z#string "deep"
raw#bytes "\x01\x02"
s#string "x"
attr.time#string "now"`
	got := rowText(t, batch, 0)
	if d := cmp.Diff(want, got); d != "" {
		t.Fatal(d)
	}
}

func TestTimes(t *testing.T) {
	const hour = uint64(time.Hour)
	now := uint64(testNow)
	for _, c := range []struct {
		name             string
		time, observed   uint64
		want, wantStated uint64
	}{
		{"given", now - 5, now - 1, now - 5, 0},
		{"zero", 0, now - 1, now - 1, 0},
		{"both zero", 0, 0, now, 0},
		{"an hour ahead", now + hour, 0, now + hour, 0},
		{"more than an hour ahead", now + hour + 1, now - 1, now - 1, now + hour + 1},
		{"all ahead", now + 2*hour, now + 3*hour, now, now + 2*hour},
		{"beyond int64", 1 << 63, 0, now, 1 << 63},
		{"long ago", 1, 0, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			batch := buildLog(func(r plog.LogRecord) {
				r.SetTimestamp(pcommon.Timestamp(c.time))
				r.SetObservedTimestamp(pcommon.Timestamp(c.observed))
			})
			tab, err := newTable(batch.Rows, 1)
			if err != nil {
				t.Fatal(err)
			}
			if got := tab.time(FieldTime, 0); got != c.want {
				t.Errorf("time %d, want %d", got, c.want)
			}
			if got := tab.time(FieldStatedTime, 0); got != c.wantStated {
				t.Errorf("stated time %d, want %d", got, c.wantStated)
			}
			if got := tab.time(FieldObservedTime, 0); got != c.observed {
				t.Errorf("observed time %d, want %d", got, c.observed)
			}
		})
	}
}

func TestSpanTimes(t *testing.T) {
	now := uint64(testNow)
	for _, c := range []struct {
		name                       string
		start, end                 uint64
		want                       uint64
		duration                   int64
		restoredStart, restoredEnd uint64
	}{
		{"given", now - 10, now - 3, now - 10, 7, now - 10, now - 3},
		{"end before start", now - 3, now - 10, now - 3, -7, now - 3, now - 10},
		{"no end", now - 10, 0, now - 10, 0, now - 10, now - 10},
		{"no start", 0, now + 5, now, 5, now, now + 5},
		{"ahead", now + 1e15, now + 1e15 + 4, now, 4, now + 1e15, now + 1e15 + 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := ptrace.NewSpan()
			s.SetStartTimestamp(pcommon.Timestamp(c.start))
			s.SetEndTimestamp(pcommon.Timestamp(c.end))
			b := NewBuilder(Spans, "t")
			b.AppendSpan(s, testTime)
			batch := b.Build()
			tab, err := newTable(batch.Rows, 1)
			if err != nil {
				t.Fatal(err)
			}
			if start, d := tab.time(FieldStart, 0), tab.int(FieldDuration, 0); start != c.want || d != c.duration {
				t.Errorf("start %d duration %d, want %d and %d", start, d, c.want, c.duration)
			}
			traces, err := batch.Traces()
			if err != nil {
				t.Fatal(err)
			}
			got := traces.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
			if uint64(got.StartTimestamp()) != c.restoredStart || uint64(got.EndTimestamp()) != c.restoredEnd {
				t.Errorf("restored %d to %d, want %d to %d", got.StartTimestamp(), got.EndTimestamp(), c.restoredStart, c.restoredEnd)
			}
		})
	}
}

func TestExceptions(t *testing.T) {
	s := ptrace.NewSpan()
	s.Events().AppendEmpty().SetName("other")
	for _, typ := range []string{"IOError", ""} {
		e := s.Events().AppendEmpty()
		e.SetName("exception")
		if typ != "" {
			e.Attributes().PutStr("exception.type", typ)
		}
		e.Attributes().PutStr("exception.message", "disk full")
		e.Attributes().PutStr("exception.stacktrace", "at a\nat b")
	}
	b := NewBuilder(Spans, "t")
	b.AppendSpan(s, testTime)
	batch := b.Build()
	tab, err := newTable(batch.Rows, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := "IOError: disk full\nat a\nat b\ndisk full\nat a\nat b"
	if got := tab.text(FieldExceptions, TypeString, 0); got != want {
		t.Fatalf("%q, want %q", got, want)
	}
}

// A builder keeps nothing of one batch in the next, whatever the sizes.
func TestLargeBatches(t *testing.T) {
	b := NewBuilder(Logs, "t")
	for round, n := range []int{3000, 40, 5000, 1, 0, 600} {
		logs := plog.NewLogs()
		rl := logs.ResourceLogs().AppendEmpty()
		rl.Resource().Attributes().PutInt("round", int64(round))
		sl := rl.ScopeLogs().AppendEmpty()
		for i := range n {
			r := sl.LogRecords().AppendEmpty()
			r.SetTimestamp(pcommon.Timestamp(testNow - i))
			r.Body().SetStr(fmt.Sprint("unique ", round, i))
			r.Attributes().PutStr("few", fmt.Sprint(i%(3+round)))
			if i%7 == round%7 {
				r.Attributes().PutStr("sparse", strings.Repeat("v", i%9))
				r.Attributes().PutDouble("sparse", float64(i))
			}
			if i > n/2 {
				r.Attributes().PutStr("late", fmt.Sprint(i))
				r.Attributes().PutEmptyBytes("bytes").FromRaw([]byte(fmt.Sprint(i)))
				r.Attributes().PutBool("bool", i%3 == 0)
			}
		}
		appendLogs(b, logs, testTime)
		if b.Len() != n {
			t.Fatalf("round %d: length %d, want %d", round, b.Len(), n)
		}
		size := b.Size()
		batch := b.Build()
		data, err := Encode(nil, batch)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > size+2000 {
			t.Errorf("round %d: %d bytes encoded, estimated %d", round, len(data), size)
		}
		if err := batch.Check(); err != nil {
			t.Fatal(err)
		}
		got, err := reencode(t, batch).Logs()
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(canonicalLogs(logs), canonicalLogs(got)); d != "" {
			t.Fatalf("round %d: %s", round, d)
		}
	}
}

// What Build returns does not change when the builder goes on.
func TestBatchSharesNothing(t *testing.T) {
	logs := newRandom(7).logs()
	b := NewBuilder(Logs, "t")
	appendLogs(b, logs, testTime)
	batch := b.Build()
	for seed := range uint64(5) {
		appendLogs(b, newRandom(seed).logs(), testTime)
		b.Build().Release()
	}
	got, err := batch.Logs()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(canonicalLogs(logs), canonicalLogs(got)); d != "" {
		t.Fatal(d)
	}
}

// Equal resources and scopes are one set, also when the same objects come again with other content.
func TestSets(t *testing.T) {
	b := NewBuilder(Logs, "t")
	use := func(service string, size int) {
		res := pcommon.NewResource()
		res.Attributes().PutStr("service.name", service)
		scope := pcommon.NewInstrumentationScope()
		for range size {
			b.UseSet(res, "url", scope, "")
			b.AppendLog(plog.NewLogRecord(), testTime)
		}
		res.Attributes().PutStr("service.name", service+"!")
		b.UseSet(res, "url", scope, "")
		b.AppendLog(plog.NewLogRecord(), testTime)
	}
	use("a", 3)
	use("b", 2)
	use("a", 1)
	batch := b.Build()
	c, err := CellsOf(batch.Rows.Column(0))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]uint32{0, 0, 0, 1, 2, 2, 3, 0, 1}, c.Codes()); d != "" {
		t.Fatal(d)
	}
	// The set in use stays in use after Build.
	b.AppendLog(plog.NewLogRecord(), testTime)
	logs, err := b.Build().Logs()
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := logs.ResourceLogs().At(0).Resource().Attributes().Get("service.name"); v.Str() != "a!" {
		t.Fatalf("service %q", v.Str())
	}
}

func TestTooDeep(t *testing.T) {
	for _, depth := range []int{ValueDepthMax - 1, ValueDepthMax, ValueDepthMax + 1, 100_000} {
		r := plog.NewLogRecord()
		v := r.Body()
		attribute := r.Attributes().PutEmpty("deep")
		for range depth {
			v = v.SetEmptySlice().AppendEmpty()
			attribute = attribute.SetEmptyMap().PutEmpty("k")
		}
		v.SetStr("bottom")
		attribute.SetStr("bottom")
		b := NewBuilder(Logs, "t")
		b.AppendLog(r, testTime)
		logs, err := reencode(t, b.Build()).Logs()
		if err != nil {
			t.Fatalf("depth %d: %v", depth, err)
		}
		got := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
		fits := depth < ValueDepthMax
		if depth > 2*ValueDepthMax {
			continue // the comparison's text would be too long
		}
		if fits != (canonicalTop(got.Attributes()) == canonicalTop(r.Attributes()) && canonicalValue(got.Body()) == canonicalValue(r.Body())) {
			t.Errorf("depth %d: fits is %v, but what came back says otherwise", depth, fits)
		}
	}
}

// many appends rows records of which each has attributes of its own, besides one that all have.
func many(b *Builder, rows, each int) plog.Logs {
	logs := plog.NewLogs()
	sl := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
	for i := range rows {
		r := sl.LogRecords().AppendEmpty()
		r.SetTimestamp(testNow)
		r.Attributes().PutInt("common", int64(i))
		for j := range each {
			r.Attributes().PutStr(fmt.Sprintf("key.%d.%d", i, j), fmt.Sprint("value ", i, j))
		}
	}
	appendLogs(b, logs, testTime)
	return logs
}

// Columns beyond attributesMax, beyond candidatesMax, and columns that few rows have, become overflow; nothing is lost.
func TestOverflow(t *testing.T) {
	for _, c := range []struct{ rows, each, columnsMin, columnsMax int }{
		{1, 1500, 1501, 1501},                     // all fit
		{1, 10_000, 1990, 2000},                   // too many
		{3, 10_000, 1990, 2000},                   // more than are kept while collecting
		{20_000, 1, 1, 1 + sparseCellsMax/20_000}, // too few values in each
	} {
		t.Run(fmt.Sprint(c.rows, "x", c.each), func(t *testing.T) {
			b := NewBuilder(Logs, "t")
			logs := many(b, c.rows, c.each)
			batch := b.Build()
			columns := 0
			for i := 1; i < int(batch.Rows.NumCols()); i++ {
				if col, _ := ColumnOf(batch.Rows.Schema().Field(i)); col.Level == LevelRecord {
					columns++
				}
			}
			if columns < c.columnsMin || columns > c.columnsMax {
				t.Errorf("%d attribute columns, want %d to %d", columns, c.columnsMin, c.columnsMax)
			}
			tab, err := newTable(batch.Rows, 1)
			if err != nil {
				t.Fatal(err)
			}
			// Every value is found in a column or in the overflow.
			r := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(c.rows - 1)
			over := pcommon.NewMap()
			if cells, ok := tab.cells(FieldOverflow, TypeJSON, c.rows-1); ok {
				if err := ParseMap(string(cells.Bytes(c.rows-1)), over); err != nil {
					t.Fatal(err)
				}
			}
			cells := 0
			for _, a := range tab.attributes[LevelRecord] {
				if a.cells.Valid(c.rows - 1) {
					cells++
				}
			}
			if cells+over.Len() != r.Attributes().Len() {
				t.Errorf("%d cells and %d in the overflow, want %d", cells, over.Len(), r.Attributes().Len())
			}
			start := time.Now()
			got, err := reencode(t, batch).Logs()
			if err != nil {
				t.Fatal(err)
			}
			t.Log(time.Since(start))
			if d := cmp.Diff(canonicalLogs(logs), canonicalLogs(got)); d != "" {
				t.Fatal(d[:min(len(d), 2000)])
			}
		})
	}
}

func TestCheck(t *testing.T) {
	b := NewBuilder(Logs, "t")
	appendLogs(b, newRandom(3).logs(), testTime)
	batch := b.Build()
	if _, err := NewBatch(Logs, "t", batch.Sets, batch.Rows); err != nil {
		t.Fatal(err)
	}
	if _, err := NewBatch(Logs, "t", batch.Rows, batch.Rows); err == nil {
		t.Error("rows as sets: no error")
	}
	if _, err := NewBatch(Logs, "t", nil, batch.Rows); err == nil {
		t.Error("no sets: no error")
	}
	if _, err := NewBatch(Logs, "t", batch.Sets.NewSlice(0, 0), batch.Rows); err == nil {
		t.Error("sets that are not there: no error")
	}
	// Slices of arrays are read and encoded as what they are.
	n := batch.Rows.NumRows()
	sliced, err := NewBatch(Logs, "t", batch.Sets, batch.Rows.NewSlice(n-3, n))
	if err != nil {
		if !strings.Contains(err.Error(), "sets for") {
			t.Fatal(err)
		}
		t.Fatalf("the seed has too few records: %v", err)
	}
	all, err := batch.Logs()
	if err != nil {
		t.Fatal(err)
	}
	got, err := reencode(t, sliced).Logs() // releases the sets, too
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, s := range canonicalLogs(all) {
		want[s] = true
	}
	for _, s := range canonicalLogs(got) {
		if !want[s] {
			t.Errorf("not in the batch: %s", s)
		}
	}
	if got.LogRecordCount() != 3 {
		t.Errorf("%d records, want 3", got.LogRecordCount())
	}
}
