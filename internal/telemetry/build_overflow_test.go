package telemetry

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// thin makes records with ten of so many keys each, of all types, some twice in a record, some with invalid UTF-8, beside one key that all have.
func thin(rng *rand.Rand, records, keys int) plog.Logs {
	logs := plog.NewLogs()
	out := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for i := range records {
		r := out.AppendEmpty()
		r.SetTimestamp(pcommon.Timestamp(1_700_000_000_000_000_000 + i))
		all := pcommon.NewValueInt(int64(i))
		entries := []entry{{"all", all}}
		for range 10 {
			v := pcommon.NewValueEmpty()
			switch rng.IntN(8) {
			case 0:
				v.SetInt(rng.Int64())
			case 1:
				v.SetDouble(rng.NormFloat64())
			case 2:
				v.SetBool(rng.IntN(2) == 0)
			case 3:
				v.SetEmptyBytes().FromRaw([]byte{byte(rng.IntN(256)), 0})
			case 4:
				v.SetEmptySlice().AppendEmpty().SetStr("x")
			case 5:
				v.SetEmptyMap().PutInt("inner", int64(i))
			case 6:
				v.SetStr("a\xffb \"quoted\"")
			default:
				v.SetStr(fmt.Sprint("value ", rng.IntN(100)))
			}
			entries = append(entries, entry{fmt.Sprintf("key.%d", rng.IntN(keys)), v})
		}
		if rng.IntN(10) == 0 {
			entries = append(entries, entries[3], entries[5]) // twice the same key
		}
		if err := fillMap(r.Attributes(), entries); err != nil {
			panic(err)
		}
	}
	return logs
}

// Keys that few records have go past the columns once there have been too many of them, and are columns again when they are no longer few. In every
// batch all attributes come back.
func TestDiverted(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 14))
	b := NewBuilder(Logs, "t")
	for i, c := range []struct{ keys, columnsMin, columnsMax int }{
		{10_000, 1, 50}, // found out when the batch was built
		{10_000, 1, 50},
		{10_000, 1, 50},
		{20, 1, 100},   // each is in every other record now, and still diverted
		{20, 100, 300}, // key and type
		{10_000, 1, 50},
	} {
		logs := thin(rng, 1000, c.keys)
		appendLogs(b, logs, testTime)
		batch := b.Build()
		columns := 0
		for i := 1; i < int(batch.Rows.NumCols()); i++ {
			if col, _ := ColumnOf(batch.Rows.Schema().Field(i)); col.Level == LevelRecord {
				columns++
			}
		}
		if columns < c.columnsMin || columns > c.columnsMax {
			t.Errorf("batch %d: %d attribute columns, want %d to %d", i, columns, c.columnsMin, c.columnsMax)
		}
		got, err := reencode(t, batch).Logs()
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(canonicalLogs(logs), canonicalLogs(got)); d != "" {
			t.Fatalf("batch %d: %s", i, d[:min(len(d), 2000)])
		}
	}
}
