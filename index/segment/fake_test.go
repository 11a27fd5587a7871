package segment

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"clew/index"
	"clew/index/segment/format"
	"clew/index/vocabulary"
	"clew/internal/telemetry"
)

// plainRow is a row of the plain model: the values of the columns it has. String, JSON and bytes are string, int and time int64,
// double float64, bool bool.
type plainRow map[telemetry.Column]any

// plainText is a value's text, as vocabularies hold it.
func plainText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int64:
		return fmt.Sprint(v)
	case float64:
		return string(format.AppendDouble(nil, v))
	case bool:
		return fmt.Sprint(v)
	}
	panic("no such value")
}

// fakePart is an index.Part over plain rows, in whatever kinds the test asks for. It shares no code with the package's own parts.
type fakePart struct {
	info    index.Info
	rows    []plainRow
	columns []index.ColumnInfo
	group   int // rows in a row group
	coders  map[int]*fakeText
	arenas  map[int]*vocabulary.Interner
}

type fakeText struct {
	coder *vocabulary.Coder
	codes []uint32
	vars  [][]string
}

// newFakePart makes a part of rows. kind picks a column's kind.
func newFakePart(signal telemetry.Signal, rows []plainRow, group int, kind func(telemetry.Column) index.Kind) *fakePart {
	p := &fakePart{
		info: index.Info{ID: "fake", Signal: signal, Tenant: "default", Shard: 3, Head: true, Rows: len(rows), SortedBy: -1}, rows: rows,
		group: group, coders: map[int]*fakeText{}, arenas: map[int]*vocabulary.Interner{},
	}
	counts := map[telemetry.Column]uint64{}
	for _, row := range rows {
		for c := range row {
			counts[c]++
		}
	}
	for c, n := range counts {
		p.columns = append(p.columns, index.ColumnInfo{Column: c, Kind: kind(c), NonNull: n})
	}
	slices.SortFunc(p.columns, func(a, b index.ColumnInfo) int { return a.Compare(b.Column) })
	for i := range p.columns {
		c := &p.columns[i]
		switch c.Kind {
		case index.KindValue:
			in := vocabulary.NewInterner()
			for _, row := range rows {
				if v, ok := row[c.Column]; ok {
					in.Intern([]byte(plainText(v)))
				}
			}
			p.arenas[i] = in
			c.Distinct = uint32(in.Len())
		case index.KindText:
			t := &fakeText{coder: vocabulary.NewCoder(vocabulary.DefaultCoderLimits())}
			for _, row := range rows {
				v, ok := row[c.Column]
				if !ok {
					t.codes, t.vars = append(t.codes, index.NullCode), append(t.vars, nil)
					continue
				}
				text := []byte(v.(string))
				code, holes := t.coder.Code(text)
				var vars []string
				for _, h := range holes {
					vars = append(vars, string(text[h.Start:h.End]))
				}
				t.codes, t.vars = append(t.codes, code), append(t.vars, vars)
			}
			p.coders[i] = t
			c.Distinct = uint32(t.coder.Len())
		}
	}
	return p
}

func (p *fakePart) Info() index.Info            { return p.info }
func (p *fakePart) Columns() []index.ColumnInfo { return p.columns }
func (p *fakePart) BytesRead() int64            { return 0 }

func (p *fakePart) RowGroups() []index.RowGroupInfo {
	var groups []index.RowGroupInfo
	for at := 0; at < len(p.rows); at += p.group {
		groups = append(groups, index.RowGroupInfo{Rows: min(p.group, len(p.rows)-at)})
	}
	return groups
}

func (p *fakePart) of(rg int) []plainRow {
	return p.rows[rg*p.group : min(len(p.rows), (rg+1)*p.group)]
}

func (p *fakePart) Vocabulary(_ context.Context, col int) (*vocabulary.Arena, error) {
	if t := p.coders[col]; t != nil {
		return t.coder.Templates(), nil
	}
	return p.arenas[col].Snapshot(), nil
}

func (p *fakePart) Histogram(context.Context, int, int) (index.Histogram, bool, error) {
	return index.Histogram{}, false, nil
}

func (p *fakePart) MayContain(context.Context, int, int, uint64) (bool, error) { return true, nil }

func (p *fakePart) Codes(_ context.Context, col, rg int) ([]uint32, error) {
	if t := p.coders[col]; t != nil {
		return t.codes[rg*p.group:][:len(p.of(rg))], nil
	}
	var codes []uint32
	for _, row := range p.of(rg) {
		code := index.NullCode
		if v, ok := row[p.columns[col].Column]; ok {
			code, _ = p.arenas[col].Lookup([]byte(plainText(v)))
		}
		codes = append(codes, code)
	}
	return codes, nil
}

func (p *fakePart) Ints(_ context.Context, col, rg int) (index.Ints, error) {
	rows := p.of(rg)
	out := index.Ints{Values: make([]int64, len(rows)), Valid: make([]uint64, (len(rows)+63)/64)}
	for i, row := range rows {
		if v, ok := row[p.columns[col].Column]; ok {
			out.Values[i] = v.(int64)
			out.Valid[i/64] |= 1 << (i % 64)
		}
	}
	return out, nil
}

func (p *fakePart) Doubles(_ context.Context, col, rg int) (index.Doubles, error) {
	rows := p.of(rg)
	out := index.Doubles{Values: make([]float64, len(rows)), Valid: make([]uint64, (len(rows)+63)/64)}
	for i, row := range rows {
		if v, ok := row[p.columns[col].Column]; ok {
			out.Values[i] = v.(float64)
			out.Valid[i/64] |= 1 << (i % 64)
		}
	}
	return out, nil
}

func (p *fakePart) Bytes(_ context.Context, col, rg int) (index.Bytes, error) {
	rows := p.of(rg)
	out := index.Bytes{Offsets: make([]uint32, 1), Valid: make([]uint64, (len(rows)+63)/64)}
	for i, row := range rows {
		if v, ok := row[p.columns[col].Column]; ok {
			out.Data = append(out.Data, plainText(v)...)
			out.Valid[i/64] |= 1 << (i % 64)
		}
		out.Offsets = append(out.Offsets, uint32(len(out.Data)))
	}
	return out, nil
}

func (p *fakePart) Text(_ context.Context, col, rg int) (index.TextRows, error) {
	return &fakeRows{p: p, t: p.coders[col], col: col, base: rg * p.group}, nil
}

type fakeRows struct {
	p         *fakePart
	t         *fakeText
	col, base int
}

func (r *fakeRows) Code(row int) uint32 { return r.t.codes[r.base+row] }
func (r *fakeRows) AppendVar(dst []byte, row, k int) []byte {
	return append(dst, r.t.vars[r.base+row][k]...)
}

func (r *fakeRows) IntVar(row, k int) int64 {
	return vocabulary.EncodeInt([]byte(r.t.vars[r.base+row][k]))
}

func (r *fakeRows) AppendText(dst []byte, row int) []byte {
	v, _ := r.p.rows[r.base+row][r.p.columns[r.col].Column].(string)
	return append(dst, v...)
}

// naturalKind is the kind that a head gives a column.
func naturalKind(c telemetry.Column) index.Kind {
	switch c.Type {
	case telemetry.TypeInt, telemetry.TypeTime:
		return index.KindInt
	case telemetry.TypeDouble:
		return index.KindDouble
	case telemetry.TypeBytes:
		return index.KindRaw
	}
	if c.Level == telemetry.LevelField && (c.Key == telemetry.FieldBody || c.Key == telemetry.FieldEvents) {
		return index.KindText
	}
	if strings.HasPrefix(c.Key, "raw") {
		return index.KindRaw
	}
	return index.KindValue
}

func field(key string, t telemetry.Type) telemetry.Column {
	return telemetry.Column{Level: telemetry.LevelField, Key: key, Type: t}
}

// randomRows makes n rows of logs, spans or metrics with every type of value, absent values, and near and far repetitions.
func randomRows(r *rand.Rand, signal telemetry.Signal, n int) []plainRow {
	words := strings.Fields("connection accepted from user failed timeout retrying upstream body of request naïve 世界 done")
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	bytes := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return string(b)
	}
	base := int64(1_700_000_000_000_000_000)
	rows := make([]plainRow, n)
	traces := []string{bytes(16), bytes(16), bytes(16)}
	for i := range rows {
		row := plainRow{}
		at := base + int64(i)*1_000_000 + r.Int64N(50_000_000)
		set := func(p float64, level telemetry.Level, key string, t telemetry.Type, v any) {
			if r.Float64() < p {
				row[telemetry.Column{Level: level, Key: key, Type: t}] = v
			}
		}
		time := format.OrderingKey(signal)
		set(1, telemetry.LevelField, time, telemetry.TypeTime, at)
		trace := bytes(16)
		if r.IntN(2) == 0 {
			trace = pick(traces)
		}
		set(0.7, telemetry.LevelField, telemetry.FieldTraceID, telemetry.TypeBytes, trace)
		set(0.5, telemetry.LevelField, telemetry.FieldObservedTime, telemetry.TypeTime, (at/1e6-3)*1e6)
		set(0.1, telemetry.LevelField, telemetry.FieldStatedTime, telemetry.TypeTime, -at/1e3*1e3)
		set(0.7, telemetry.LevelField, telemetry.FieldSpanID, telemetry.TypeBytes, bytes(8))
		var body []string
		for range 1 + r.IntN(5) {
			body = append(body, pick(words))
		}
		body = append(body, fmt.Sprint(r.IntN(1000)), fmt.Sprintf("%016x", r.Uint64()), fmt.Sprintf("%05d", r.IntN(99)))
		if r.IntN(50) == 0 {
			body = append(body, "\x01raw\x04", strings.Repeat("x 1 ", 40))
		}
		set(0.95, telemetry.LevelField, telemetry.FieldBody, telemetry.TypeString, strings.Join(body, " "))
		set(0.1, telemetry.LevelField, telemetry.FieldBody, telemetry.TypeJSON, fmt.Sprintf(`{"a":%d}`, r.IntN(9)))
		set(0.9, telemetry.LevelField, telemetry.FieldSeverity, telemetry.TypeInt, int64(r.IntN(5)*4+1))
		set(1, telemetry.LevelField, telemetry.FieldName, telemetry.TypeString, pick(words))
		set(1, telemetry.LevelResource, "service.name", telemetry.TypeString, pick([]string{"cart", "checkout", ""}))
		set(1, telemetry.LevelResource, "region", telemetry.TypeString, "eu")
		set(0.5, telemetry.LevelRecord, "key", telemetry.TypeString, pick(words))
		set(0.3, telemetry.LevelRecord, "key", telemetry.TypeInt, r.Int64()-r.Int64())
		set(0.3, telemetry.LevelRecord, "key", telemetry.TypeDouble, r.NormFloat64())
		set(0.3, telemetry.LevelRecord, "key", telemetry.TypeBool, r.IntN(2) == 0)
		set(0.3, telemetry.LevelRecord, "few", telemetry.TypeDouble, []float64{0, 1.5, math.Inf(1), -2e300}[r.IntN(4)])
		set(0.05, telemetry.LevelRecord, "odd", telemetry.TypeDouble, math.Float64frombits(0x7ff8000000000000|r.Uint64()>>13))
		set(0.2, telemetry.LevelRecord, "blob", telemetry.TypeBytes, bytes(r.IntN(20)))
		set(0.9, telemetry.LevelRecord, "raw.id", telemetry.TypeString, fmt.Sprintf("%x", r.Uint64()))
		set(0.9, telemetry.LevelRecord, "raw.few", telemetry.TypeString, pick(words))
		set(0.01, telemetry.LevelScope, "rare\"\\,{key", telemetry.TypeString, "quote\" back\\slash,\n\x00")
		set(0.02, telemetry.LevelRecord, "body.template", telemetry.TypeInt, int64(i))
		if signal == telemetry.Metrics {
			set(1, telemetry.LevelField, "end", telemetry.TypeTime, at+r.Int64N(1e9))
			set(1, telemetry.LevelField, format.FieldSamples, telemetry.TypeInt, 1+r.Int64N(100))
			set(1, telemetry.LevelField, "chunk", telemetry.TypeBytes, bytes(r.IntN(200)))
		}
		rows[i] = row
	}
	return rows
}

// partRows reads all rows of a part into the plain model.
func partRows(t testing.TB, p index.Part) []plainRow {
	t.Helper()
	var all []plainRow
	for rg := range p.RowGroups() {
		rows, err := groupRows(p, rg)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rows...)
	}
	return all
}

func groupRows(p index.Part, rg int) ([]plainRow, error) {
	ctx := context.Background()
	rows := make([]plainRow, p.RowGroups()[rg].Rows)
	for i := range rows {
		rows[i] = plainRow{}
	}
	for col, c := range p.Columns() {
		var at func(row int) (string, bool)
		switch {
		case c.Overflow || c.Kind == index.KindRaw:
			b, err := p.Bytes(ctx, col, rg)
			if err != nil {
				return nil, err
			}
			at = func(row int) (string, bool) { return string(b.At(row)), index.IsValid(b.Valid, row) }
		case c.Kind == index.KindValue:
			arena, err := p.Vocabulary(ctx, col)
			if err != nil {
				return nil, err
			}
			codes, err := p.Codes(ctx, col, rg)
			if err != nil {
				return nil, err
			}
			at = func(row int) (string, bool) {
				if codes[row] == index.NullCode {
					return "", false
				}
				return string(arena.At(int(codes[row]))), true
			}
		case c.Kind == index.KindText:
			text, err := p.Text(ctx, col, rg)
			if err != nil {
				return nil, err
			}
			at = func(row int) (string, bool) {
				return string(text.AppendText(nil, row)), text.Code(row) != index.NullCode
			}
		case c.Kind == index.KindInt:
			ints, err := p.Ints(ctx, col, rg)
			if err != nil {
				return nil, err
			}
			for row := range rows {
				if index.IsValid(ints.Valid, row) {
					rows[row][c.Column] = ints.Values[row]
				}
			}
			continue
		case c.Kind == index.KindDouble:
			doubles, err := p.Doubles(ctx, col, rg)
			if err != nil {
				return nil, err
			}
			for row := range rows {
				if index.IsValid(doubles.Valid, row) {
					rows[row][c.Column] = doubles.Values[row]
				}
			}
			continue
		}
		for row := range rows {
			text, ok := at(row)
			if !ok {
				continue
			}
			var v any = text
			if numeric := c.Type == telemetry.TypeInt || c.Type == telemetry.TypeTime || c.Type == telemetry.TypeDouble; numeric {
				bits, err := format.ParseNumber(c.Type, []byte(text))
				if err != nil {
					return nil, err
				}
				v = int64(bits)
				if c.Type == telemetry.TypeDouble {
					v = math.Float64frombits(bits)
				}
			} else if c.Type == telemetry.TypeBool {
				v = text == "true"
			}
			rows[row][c.Column] = v
		}
	}
	return rows, nil
}

// rowKey is a row as one string, equal for equal rows only.
func rowKey(row plainRow) string {
	var parts []string
	for c, v := range row {
		text := plainText(v)
		if f, ok := v.(float64); ok { // NaNs have many forms
			text = string(binary.BigEndian.AppendUint64(nil, math.Float64bits(f)))
		}
		parts = append(parts, fmt.Sprintf("%s=%q", c, text))
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}
