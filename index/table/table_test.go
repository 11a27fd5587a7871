package table

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"clew/index"
	"clew/internal/telemetry"
)

// TestModel appends random batches and compares snapshots, old ones too, with a map per row.
func TestModel(t *testing.T) {
	for seed := range uint64(12) {
		appendAndCompare(t, seed, 1+int(seed%5), 2500, 16)
	}
}

// TestRowGroups crosses the limits between row groups.
func TestRowGroups(t *testing.T) {
	if testing.Short() {
		t.Skip("150,000 rows take some seconds")
	}
	appendAndCompare(t, 99, 5, 60_000, 5)
}

// appendAndCompare appends batches of up to rows rows, dropping some rows by keep, and checks each snapshot taken on the way only at the end.
func appendAndCompare(t testing.TB, seed uint64, batches, rows, attributes int) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	gen := newCells(r, attributes)
	tab := New("x", telemetry.Logs, "t", 3)
	var model []row
	type taken struct {
		part index.Part
		rows int
	}
	var snaps []taken
	for range batches {
		b, want := gen.batch(rows/2 + r.IntN(rows/2+1))
		var keep []bool
		if r.IntN(2) == 0 {
			keep = make([]bool, len(want))
			for i := range keep {
				keep[i] = r.IntN(3) > 0
			}
		}
		if err := tab.Append(b, keep); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		b.Release()
		for i, w := range want {
			if keep == nil || keep[i] {
				model = append(model, w)
			}
		}
		snaps = append(snaps, taken{tab.Snapshot(), len(model)})
	}
	for _, s := range snaps {
		checkRows(t, s.part, model[:s.rows])
	}
	if tab.Rows() != len(model) {
		t.Errorf("seed %d: %d rows, want %d", seed, tab.Rows(), len(model))
	}
}

// FuzzAppend appends random batches of a random shape.
func FuzzAppend(f *testing.F) {
	f.Add(uint64(1), uint8(3), uint16(100), uint8(4))
	f.Add(uint64(2), uint8(2), uint16(4500), uint8(2))
	f.Add(uint64(3), uint8(9), uint16(1), uint8(30))
	f.Fuzz(func(t *testing.T, seed uint64, batches uint8, rows uint16, attributes uint8) {
		appendAndCompare(t, seed, int(batches%10), int(rows%6000), int(attributes%40))
	})
}

// TestReadWhileAppending reads snapshots while rows are appended; meant for the race detector.
func TestReadWhileAppending(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	gen := newCells(r, 10)
	tab := New("x", telemetry.Logs, "t", 0)
	var mu sync.Mutex
	var model []row
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				p := tab.Snapshot()
				mu.Lock()
				want := model
				mu.Unlock()
				if n := p.Info().Rows; n <= len(want) {
					checkRows(t, p, want[:n])
				}
			}
		})
	}
	for range 30 {
		b, want := gen.batch(600)
		mu.Lock()
		model = append(model, want...)
		mu.Unlock()
		if err := tab.Append(b, nil); err != nil {
			t.Error(err)
		}
	}
	close(done)
	readers.Wait()
}

// batchOf makes a batch of one string column and the time.
func batchOf(values []string) *telemetry.Batch {
	times := array.NewInt64Builder(memory.DefaultAllocator)
	sets := array.NewUint32Builder(memory.DefaultAllocator)
	words := array.NewStringBuilder(memory.DefaultAllocator)
	for i, v := range values {
		times.Append(int64(i))
		sets.Append(0)
		words.Append(v)
	}
	key := telemetry.Column{Level: telemetry.LevelRecord, Key: "k", Type: telemetry.TypeString}
	rows := array.NewRecord(arrow.NewSchema([]arrow.Field{
		{Name: telemetry.SetColumn, Type: arrow.PrimitiveTypes.Uint32},
		telemetry.FieldOf(telemetry.Column{Key: telemetry.FieldTime, Type: telemetry.TypeTime}, arrow.PrimitiveTypes.Int64),
		telemetry.FieldOf(key, arrow.BinaryTypes.String),
	}, nil), []arrow.Array{sets.NewArray(), times.NewArray(), words.NewArray()}, int64(len(values)))
	one := array.NewRecord(arrow.NewSchema(nil, nil), nil, 1)
	return &telemetry.Batch{Signal: telemetry.Logs, Tenant: "t", Sets: one, Rows: rows, Records: len(values)}
}

// TestKinds: a string column changes its kind when its values hardly repeat, and earlier snapshots keep theirs.
func TestKinds(t *testing.T) {
	for _, c := range []struct {
		name  string
		value func(i int) string
		want  index.Kind
	}{
		{"few values", func(i int) string { return fmt.Sprint("user ", i%3000) }, index.KindValue},
		{"ids", func(i int) string { return fmt.Sprintf("%08x", i*2654435761) }, index.KindRaw},
		{"sentences", func(i int) string { return fmt.Sprint("took ", i, " ms") }, index.KindText},
		{"long values", func(i int) string { return fmt.Sprint(strings.Repeat("/path", 20), i) }, index.KindText},
	} {
		t.Run(c.name, func(t *testing.T) {
			tab := New("x", telemetry.Logs, "t", 0)
			var parts []index.Part
			var want []string
			for range 12 {
				var values []string
				for range 1000 {
					values = append(values, c.value(len(want)+len(values)))
				}
				want = append(want, values...)
				if err := tab.Append(batchOf(values), nil); err != nil {
					t.Fatal(err)
				}
				parts = append(parts, tab.Snapshot())
			}
			if k := parts[0].Columns()[1].Kind; k != index.KindValue {
				t.Errorf("begins as %v", k)
			}
			if k := parts[len(parts)-1].Columns()[1].Kind; k != c.want {
				t.Errorf("ends as %v, want %v", k, c.want)
			}
			for _, p := range parts {
				for i, r := range readPart(t, p) {
					if got := r[p.Columns()[1].Column]; got != want[i] {
						t.Fatalf("of %d rows, row %d is %q, want %q", p.Info().Rows, i, got, want[i])
					}
				}
			}
		})
	}
}

// TestManyKeys: ten thousand attributes that one row each has cost no more than themselves.
func TestManyKeys(t *testing.T) {
	tab := New("x", telemetry.Logs, "t", 0)
	b := telemetry.NewBuilder(telemetry.Logs, "t")
	const keys, perBatch = 10_000, 1000
	for i := range keys {
		l := plog.NewLogRecord()
		l.SetTimestamp(pcommon.Timestamp(i + 1))
		l.Attributes().PutStr(fmt.Sprint("key.", i), fmt.Sprint("value ", i))
		b.UseSet(pcommon.NewResource(), "", pcommon.NewInstrumentationScope(), "")
		b.AppendLog(l, time.Unix(0, 1))
		if b.Len() == perBatch {
			if err := tab.Append(b.Build(), nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	if most := int64(2000 * keys); tab.Bytes() > most {
		t.Errorf("%d bytes for %d keys, want at most %d", tab.Bytes(), keys, most)
	}
	rows := readPart(t, tab.Snapshot())
	for i, r := range rows {
		id := telemetry.Column{Level: telemetry.LevelRecord, Key: fmt.Sprint("key.", i), Type: telemetry.TypeString}
		if r[id] != fmt.Sprint("value ", i) {
			t.Fatalf("row %d: %v", i, r)
		}
	}
}

// TestRefusedBatches: a batch that can't be appended is an error, and the table stays as it was.
func TestRefusedBatches(t *testing.T) {
	good := func() *telemetry.Batch { return batchOf([]string{"a", "b"}) }
	for name, c := range map[string]struct {
		batch func() *telemetry.Batch
		keep  []bool
	}{
		"other tenant": {func() *telemetry.Batch { b := good(); b.Tenant = "u"; return b }, nil},
		"other signal": {func() *telemetry.Batch { b := good(); b.Signal = telemetry.Spans; return b }, nil},
		"no rows":      {func() *telemetry.Batch { return &telemetry.Batch{Signal: telemetry.Logs, Tenant: "t"} }, nil},
		"no sets":      {func() *telemetry.Batch { b := good(); b.Sets = nil; return b }, nil},
		"unknown set": {func() *telemetry.Batch {
			b := good()
			b.Sets = array.NewRecord(arrow.NewSchema(nil, nil), nil, 0)
			return b
		}, nil},
		"short keep": {good, []bool{true}},
		"wrong array": {func() *telemetry.Batch {
			b := good()
			f := b.Rows.Schema().Fields()
			f[2] = telemetry.FieldOf(telemetry.Column{Level: telemetry.LevelRecord, Key: "k", Type: telemetry.TypeInt}, f[2].Type)
			b.Rows = array.NewRecord(arrow.NewSchema(f, nil), b.Rows.Columns(), 2)
			return b
		}, nil},
		"resource among rows": {func() *telemetry.Batch {
			b := good()
			f := b.Rows.Schema().Fields()
			f[2] = telemetry.FieldOf(telemetry.Column{Level: telemetry.LevelResource, Key: "k", Type: telemetry.TypeString}, f[2].Type)
			b.Rows = array.NewRecord(arrow.NewSchema(f, nil), b.Rows.Columns(), 2)
			return b
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			tab := New("x", telemetry.Logs, "t", 0)
			if err := tab.Append(good(), nil); err != nil {
				t.Fatal(err)
			}
			if err := tab.Append(c.batch(), c.keep); err == nil {
				t.Error("no error")
			}
			p := tab.Snapshot()
			if tab.Rows() != 2 || p.Info().Rows != 2 || len(p.Columns()) != 2 {
				t.Errorf("%d rows and %d columns afterwards", tab.Rows(), len(p.Columns()))
			}
		})
	}
}

// TestLongKeys appends attributes of resource and scope whose keys are too long for columns: they are in the overflow fields of the sets.
func TestLongKeys(t *testing.T) {
	long := strings.Repeat("k", 2000)
	logs := plog.NewLogs()
	rl := logs.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr(long, "resource's")
	sl := rl.ScopeLogs().AppendEmpty()
	sl.Scope().Attributes().PutStr(long, "scope's")
	sl.LogRecords().AppendEmpty().Body().SetStr("x")
	b := telemetry.NewBuilder(telemetry.Logs, "t")
	b.UseSet(rl.Resource(), "", sl.Scope(), "")
	b.AppendLog(sl.LogRecords().At(0), time.Unix(1, 0))
	batch := b.Build()
	defer batch.Release()
	tab := New("x", telemetry.Logs, "t", 0)
	if err := tab.Append(batch, nil); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, c := range tab.Snapshot().Columns() {
		if c.NonNull == 1 && strings.HasSuffix(c.Key, "overflow") {
			found = append(found, c.Key)
		}
	}
	if len(found) != 2 {
		t.Errorf("overflow columns with a value: %v, want the resource's and the scope's", found)
	}
}
