package table

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"clew/index"
	"clew/internal/telemetry"
)

// row is a row as the model has it: each column's value as text (numbers as in a vocabulary, raw bytes as they are).
type row map[telemetry.Column]string

// cells makes random batches and the rows they mean.
type cells struct {
	r       *rand.Rand
	columns []telemetry.Column // of rows
	sets    []telemetry.Column
	next    int // row number, for near-unique values
}

var allTypes = []telemetry.Type{
	telemetry.TypeString, telemetry.TypeInt, telemetry.TypeDouble, telemetry.TypeBool, telemetry.TypeBytes, telemetry.TypeJSON,
}

func newCells(r *rand.Rand, attributes int) *cells {
	c := &cells{r: r}
	field := func(key string, t telemetry.Type) telemetry.Column { return telemetry.Column{Key: key, Type: t} }
	c.columns = []telemetry.Column{
		field(telemetry.FieldTime, telemetry.TypeTime), field(telemetry.FieldBody, telemetry.TypeString),
		field(telemetry.FieldBody, telemetry.TypeJSON), field(telemetry.FieldTraceID, telemetry.TypeBytes),
		field(telemetry.FieldSeverity, telemetry.TypeInt),
	}
	c.sets = []telemetry.Column{field(telemetry.FieldScopeName, telemetry.TypeString)}
	for i := range attributes {
		id := telemetry.Column{Level: telemetry.LevelRecord, Key: fmt.Sprint("k", i), Type: allTypes[r.IntN(len(allTypes))]}
		c.columns = append(c.columns, id)
		if i%3 == 0 {
			id.Level = telemetry.LevelResource + telemetry.Level(r.IntN(2)) - 1
			c.sets = append(c.sets, id)
		}
	}
	slices.SortFunc(c.columns, telemetry.Column.Compare)
	slices.SortFunc(c.sets, telemetry.Column.Compare)
	return c
}

// value is a random value of column id in the text form of the model, or ok is false for none.
func (c *cells) value(id telemetry.Column, n int) (text string, ok bool) {
	h := uint32(len(id.Key))
	for _, b := range id.Key {
		h = h*31 + uint32(b)
	}
	if id.Key != telemetry.FieldTime && c.r.IntN(8) < int(h%7) {
		return "", false
	}
	small := c.r.IntN(5)
	switch id.Type {
	case telemetry.TypeTime:
		return strconv.FormatInt(1e18+int64(c.r.IntN(1e9)), 10), true
	case telemetry.TypeInt:
		return strconv.FormatInt([]int64{0, int64(small), -300, math.MinInt64, math.MaxInt64, 70000}[c.r.IntN(6)], 10), true
	case telemetry.TypeDouble:
		return strconv.FormatFloat([]float64{0, 1.5, math.Copysign(0, -1), math.Inf(1), 1e300}[small], 'g', -1, 64), true
	case telemetry.TypeBool:
		return strconv.FormatBool(small > 2), true
	case telemetry.TypeBytes:
		if id.Key == telemetry.FieldTraceID {
			return fmt.Sprintf("%016d", n), true
		}
		return string([]byte{0, byte(small), 255}[:c.r.IntN(4)]), true
	}
	switch h % 4 {
	case 0:
		return fmt.Sprintf("request %d took %03dms from 10.0.0.%d id %x\x01"[:40+c.r.IntN(8)/7*2], n, small, n%255, n*7919), true
	case 1:
		return fmt.Sprintf("id-%x", n), true
	case 2:
		return "", true
	}
	return []string{"GET", "POST", "ü\xff", "a b", "7"}[small], true
}

// record makes an Arrow record of n rows with these columns.
func (c *cells) record(ids []telemetry.Column, n int, sets []uint32) (arrow.Record, []row) {
	rows := make([]row, n)
	for i := range rows {
		rows[i] = row{}
	}
	var fields []arrow.Field
	var arrs []arrow.Array
	if sets != nil {
		b := array.NewUint32Builder(memory.DefaultAllocator)
		b.AppendValues(sets, nil)
		fields = append(fields, arrow.Field{Name: telemetry.SetColumn, Type: arrow.PrimitiveTypes.Uint32})
		arrs = append(arrs, b.NewArray())
	}
	for _, id := range ids {
		if c.r.IntN(10) == 0 && id.Key != telemetry.FieldTime {
			continue
		}
		arr := c.array(id, n, rows)
		fields = append(fields, telemetry.FieldOf(id, arr.DataType()))
		arrs = append(arrs, arr)
	}
	return array.NewRecord(arrow.NewSchema(fields, nil), arrs, int64(n)), rows
}

func (c *cells) array(id telemetry.Column, n int, rows []row) arrow.Array {
	b := array.NewBuilder(memory.DefaultAllocator, arrowType(id, c.r.IntN(2) == 0))
	for i := range n {
		text, ok := c.value(id, c.next+i)
		if !ok {
			b.AppendNull()
			continue
		}
		rows[i][id] = text
		switch b := b.(type) {
		case *array.StringBuilder:
			b.Append(text)
		case *array.BinaryDictionaryBuilder:
			if err := b.AppendString(text); err != nil {
				panic(err)
			}
		case *array.BinaryBuilder:
			b.Append([]byte(text))
		case *array.FixedSizeBinaryBuilder:
			b.Append([]byte(text))
		default:
			if err := b.AppendValueFromString(text); err != nil {
				panic(err)
			}
		}
	}
	return b.NewArray()
}

func arrowType(id telemetry.Column, dictionary bool) arrow.DataType {
	t := id.ArrowType(0)
	if id.Key == telemetry.FieldTraceID {
		t = id.ArrowType(16)
	}
	if t.ID() == arrow.STRING && dictionary {
		return &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Uint32, ValueType: t}
	}
	return t
}

// batch makes a random batch of n rows, with the rows it means.
func (c *cells) batch(n int) (*telemetry.Batch, []row) {
	setRows := 1 + c.r.IntN(4)
	setRec, sets := c.record(c.sets, setRows, nil)
	of := make([]uint32, n)
	for i := range of {
		of[i] = uint32(c.r.IntN(setRows))
	}
	rec, rows := c.record(c.columns, n, of)
	for i := range rows {
		for id, v := range sets[of[i]] {
			rows[i][id] = v
		}
	}
	c.next += n
	return &telemetry.Batch{Signal: telemetry.Logs, Tenant: "t", Sets: setRec, Rows: rec, Records: n}, rows
}

// readPart reads all rows of a part through every method that can give them.
func readPart(t testing.TB, p index.Part) []row {
	t.Helper()
	ctx := context.Background()
	rows := make([]row, p.Info().Rows)
	for i := range rows {
		rows[i] = row{}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for col, info := range p.Columns() {
		first, nonNull := 0, uint64(0)
		for rg, g := range p.RowGroups() {
			at := func(i int) string { return "" }
			has := func(i int) bool { return false }
			switch info.Kind {
			case index.KindValue:
				codes, err := p.Codes(ctx, col, rg)
				must(err)
				arena, err := p.Vocabulary(ctx, col)
				must(err)
				has = func(i int) bool { return codes[i] != index.NullCode }
				at = func(i int) string { return string(arena.At(int(codes[i]))) }
				checkHistogram(t, p, col, rg, codes)
			case index.KindText:
				codes, err := p.Codes(ctx, col, rg)
				must(err)
				text, err := p.Text(ctx, col, rg)
				must(err)
				has = func(i int) bool {
					if text.Code(i) != codes[i] {
						t.Fatalf("%v row %d: text's code is %d, the column's %d", info.Column, i, text.Code(i), codes[i])
					}
					return codes[i] != index.NullCode
				}
				at = func(i int) string { return string(text.AppendText(nil, i)) }
				checkHistogram(t, p, col, rg, codes)
			case index.KindInt:
				ints, err := p.Ints(ctx, col, rg)
				must(err)
				has = func(i int) bool { return index.IsValid(ints.Valid, i) }
				at = func(i int) string { return strconv.FormatInt(ints.Values[i], 10) }
			case index.KindDouble:
				doubles, err := p.Doubles(ctx, col, rg)
				must(err)
				has = func(i int) bool { return index.IsValid(doubles.Valid, i) }
				at = func(i int) string { return strconv.FormatFloat(doubles.Values[i], 'g', -1, 64) }
			case index.KindRaw:
				b, err := p.Bytes(ctx, col, rg)
				must(err)
				has = func(i int) bool { return index.IsValid(b.Valid, i) }
				at = func(i int) string { return string(b.At(i)) }
			}
			for i := range g.Rows {
				if has(i) {
					rows[first+i][info.Column] = at(i)
					nonNull++
				}
			}
			checkEachText(t, p, col, rg, rows[first:first+g.Rows])
			first += g.Rows
		}
		if nonNull != info.NonNull {
			t.Errorf("%v: %d rows have a value, ColumnInfo says %d", info.Column, nonNull, info.NonNull)
		}
	}
	return rows
}

// checkEachText compares a column's values, as they are lent one by one, with a row group's rows.
func checkEachText(t testing.TB, p index.Part, col, rg int, rows []row) {
	t.Helper()
	id, next := p.Columns()[col].Column, 0
	ok, err := p.(index.SparseReader).EachText(context.Background(), col, rg, func(at int, text []byte) {
		if at < next {
			t.Fatalf("%v: row %d after row %d", id, at, next-1)
		}
		for ; next < at; next++ {
			if have, is := rows[next][id]; is {
				t.Fatalf("%v: row %d has %q, and was passed over", id, next, have)
			}
		}
		if rows[at][id] != string(text) {
			t.Fatalf("%v: row %d is lent as %q, want %q", id, at, text, rows[at][id])
		}
		next++
	})
	if err != nil {
		t.Fatal(err)
	}
	for ; ok && next < len(rows); next++ {
		if have, is := rows[next][id]; is {
			t.Fatalf("%v: row %d has %q, and was passed over", id, next, have)
		}
	}
}

func checkHistogram(t testing.TB, p index.Part, col, rg int, codes []uint32) {
	t.Helper()
	h, ok, err := p.Histogram(context.Background(), col, rg)
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		return
	}
	counts := map[uint32]uint32{}
	nulls := 0
	for _, code := range codes {
		if code == index.NullCode {
			nulls++
		} else {
			counts[code]++
		}
	}
	if nulls != h.Nulls || len(counts) != len(h.Codes) || !slices.IsSorted(h.Codes) {
		t.Fatalf("histogram has %d codes and %d nulls, want %d and %d", len(h.Codes), h.Nulls, len(counts), nulls)
	}
	for i, code := range h.Codes {
		if counts[code] != h.Counts[i] {
			t.Fatalf("histogram counts code %d %d times, want %d", code, h.Counts[i], counts[code])
		}
	}
}

// checkRows compares a part with the model, and its time ranges with the rows.
func checkRows(t testing.TB, p index.Part, want []row) {
	t.Helper()
	got := readPart(t, p)
	if len(got) != len(want) {
		t.Fatalf("part has %d rows, want %d", len(got), len(want))
	}
	for i := range want {
		if len(got[i]) != len(want[i]) {
			t.Fatalf("row %d: %s", i, cmp.Diff(want[i], got[i]))
		}
		for id, v := range want[i] {
			if g, ok := got[i][id]; !ok || g != v {
				t.Fatalf("row %d: %v is %q (there: %v), want %q", i, id, g, ok, v)
			}
		}
	}
	at := 0
	for rg, g := range p.RowGroups() {
		lo, hi := int64(math.MaxInt64), int64(math.MinInt64)
		for _, r := range want[at : at+g.Rows] {
			v, _ := strconv.ParseInt(r[telemetry.Column{Key: telemetry.FieldTime, Type: telemetry.TypeTime}], 10, 64)
			lo, hi = min(lo, v), max(hi, v)
		}
		if g.MinTime != lo || g.MaxTime != hi {
			t.Errorf("row group %d: times %d to %d, want %d to %d", rg, g.MinTime, g.MaxTime, lo, hi)
		}
		at += g.Rows
	}
}
