package segment

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clew/index"
	"clew/index/segment/format"
	"clew/index/store"
	"clew/index/vocabulary"
	"clew/internal/telemetry"
)

func openStore(t testing.TB) *store.Dir {
	t.Helper()
	st, err := store.OpenDir(filepath.Join(t.TempDir(), "store"))
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func writeAndOpen(t testing.TB, st store.Store, id string, opt Options, parts ...index.Part) (*Segment, Stats) {
	t.Helper()
	stats, err := Write(context.Background(), st, id, parts, opt)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(context.Background(), st, id, NewCache(64<<20, 0))
	if err != nil {
		t.Fatal(err)
	}
	return s, stats
}

// sameRows compares two sets of rows, in any order.
func sameRows(t *testing.T, want, got []plainRow) {
	t.Helper()
	keys := func(rows []plainRow) []string {
		out := make([]string, len(rows))
		for i, row := range rows {
			out[i] = rowKey(row)
		}
		slices.Sort(out)
		return out
	}
	a, b := keys(want), keys(got)
	if len(a) != len(b) {
		t.Fatalf("have %d rows, want %d", len(b), len(a))
	}
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("sorted row %d differs:\nwant %.2000s\nhave %.2000s", i, a[i], b[i])
		}
	}
}

func TestRoundTrip(t *testing.T) {
	for _, signal := range telemetry.Signals {
		for seed := range uint64(4) {
			r := rand.New(rand.NewPCG(seed, 1))
			rows := randomRows(r, signal, 1+r.IntN(3000))
			attributesMax := []int{1000, 3}[seed/2]
			if attributesMax == 3 { // the overflow column knows one NaN only
				for _, row := range rows {
					for c, v := range row {
						if f, ok := v.(float64); ok && math.IsNaN(f) {
							row[c] = math.NaN()
						}
					}
				}
			}
			cut := r.IntN(len(rows) + 1)
			// A second part whose columns are of other kinds, as segments beside a head have them.
			odd := func(c telemetry.Column) index.Kind {
				switch kind := naturalKind(c); {
				case kind == index.KindText && seed%2 == 0:
					return index.KindRaw
				case kind == index.KindText, kind == index.KindInt && c.Type == telemetry.TypeInt && seed%2 == 1, kind == index.KindRaw && format.IDWidth(c) == 0:
					return index.KindValue
				default:
					return kind
				}
			}
			parts := []index.Part{newFakePart(signal, rows[:cut], 700, naturalKind), newFakePart(signal, rows[cut:], 300, odd)}
			st := openStore(t)
			opt := Options{RowGroupRows: 512, PageRows: 128, AttributeColumnsMax: attributesMax}
			s, stats := writeAndOpen(t, st, "one", opt, parts...)
			got := partRows(t, s)
			sameRows(t, rows, got)
			checkPart(t, s)
			checkOrder(t, s, got)
			if stats.Rows != len(rows) || s.Info().Rows != len(rows) || stats.Bytes != s.Info().Bytes || s.Info().Shard != 3 || s.Records() != stats.Records {
				t.Errorf("stats %+v do not agree with info %+v", stats, s.Info())
			}
			// And again from segments: what compaction does.
			half, _ := writeAndOpen(t, st, "half", opt, parts[0], parts[1])
			for i, attributesMax := range []int{1000, attributesMax} { // out of the overflow leaf, and into it
				again, _ := writeAndOpen(t, st, fmt.Sprint("again-", i), Options{RowGroupRows: 1000, AttributeColumnsMax: attributesMax}, s, half)
				sameRows(t, append(slices.Clone(rows), rows...), partRows(t, again))
				checkPart(t, again)
			}
		}
	}
}

// checkPart checks what a part says of itself against its rows.
func checkPart(t *testing.T, s *Segment) {
	t.Helper()
	ctx := context.Background()
	if err := s.Verify(ctx); err != nil {
		t.Fatal(err)
	}
	columns := s.Columns()
	if !slices.IsSortedFunc(columns, func(a, b index.ColumnInfo) int { return a.Compare(b.Column) }) {
		t.Error("columns are not in order")
	}
	nonNull := make([]uint64, len(columns))
	for rg := range s.RowGroups() {
		rows, err := groupRows(s, rg)
		if err != nil {
			t.Fatal(err)
		}
		checkPages(t, s, rg, rows)
		for col, c := range columns {
			for _, row := range rows {
				if _, ok := row[c.Column]; ok {
					nonNull[col]++
				}
			}
			if c.Kind == index.KindValue || c.Kind == index.KindText {
				checkHistogram(t, s, col, rg)
			}
			checkFilter(t, s, col, rg, rows)
		}
	}
	for col, c := range columns {
		if c.NonNull != nonNull[col] {
			t.Errorf("column %s: NonNull %d, have %d", c.Column, c.NonNull, nonNull[col])
		}
	}
}

func checkHistogram(t *testing.T, s *Segment, col, rg int) {
	t.Helper()
	codes, err := s.Codes(context.Background(), col, rg)
	if err != nil {
		t.Fatal(err)
	}
	h, ok, err := s.Histogram(context.Background(), col, rg)
	if err != nil || !ok {
		t.Fatalf("histogram: %v %v", ok, err)
	}
	want := map[uint32]uint32{}
	for _, code := range codes {
		want[code]++
	}
	got := map[uint32]uint32{}
	for i, code := range h.Codes {
		got[code] = h.Counts[i]
	}
	if h.Nulls > 0 {
		got[index.NullCode] = uint32(h.Nulls)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("column %d, row group %d: histogram -codes +have\n%s", col, rg, diff)
	}
	if col == s.Info().SortedBy {
		if !slices.IsSorted(codes) {
			t.Errorf("row group %d is not sorted by column %d", rg, col)
		}
		// What is answered from the histogram must be what the file says.
		c := s.Columns()[col]
		decoded, err := s.decodeCodes(context.Background(), &c, s.leaves[col][0], rg, allPages, h)
		if err != nil && len(h.Codes) > 0 {
			t.Fatal(err)
		}
		if err == nil && !slices.Equal(decoded, codes) {
			t.Errorf("row group %d: codes of the sort column differ from the file's", rg)
		}
	}
}

func checkFilter(t *testing.T, s *Segment, col, rg int, rows []plainRow) {
	t.Helper()
	c := s.Columns()[col]
	if c.Kind != index.KindRaw && c.Kind != index.KindText {
		return
	}
	var hashes []uint64
	if c.Kind == index.KindRaw {
		for _, row := range rows {
			if v, ok := row[c.Column]; ok {
				hashes = append(hashes, vocabulary.Hash([]byte(plainText(v))))
			}
		}
	} else {
		text, err := s.Text(context.Background(), col, rg)
		if err != nil {
			t.Fatal(err)
		}
		arena, err := s.Vocabulary(context.Background(), col)
		if err != nil {
			t.Fatal(err)
		}
		for row := range rows {
			if text.Code(row) == index.NullCode {
				continue
			}
			for k, kind := range vocabulary.Holes(nil, arena.At(int(text.Code(row)))) {
				hole := text.AppendVar(nil, row, k)
				if kind == vocabulary.HoleInt {
					if got := text.IntVar(row, k); got != vocabulary.EncodeInt(hole) {
						t.Fatalf("row %d, variable %d: %d, want the number of %q", row, k, got, hole)
					}
					continue
				}
				vocabulary.Words(hole, func(start, end int) bool {
					hashes = append(hashes, vocabulary.HashWord(hole[start:end]))
					return true
				})
			}
		}
	}
	for _, hash := range hashes {
		for _, where := range []int{rg, index.Whole} {
			if may, err := s.MayContain(context.Background(), col, where, hash); err != nil || !may {
				t.Fatalf("column %s: filter of %d denies what is there (%v)", c.Column, where, err)
			}
		}
	}
	if len(hashes) < 100 || c.Overflow {
		return
	}
	admitted := 0
	for i := range 1000 {
		if may, _ := s.MayContain(context.Background(), col, rg, vocabulary.Hash([]byte{byte(i), byte(i >> 8), 77})); may {
			admitted++
		}
	}
	if admitted > 50 {
		t.Errorf("column %s: the filter of row group %d admits %d of 1000 values that are not there", c.Column, rg, admitted)
	}
}

// checkOrder checks the order of rows that part.go promises.
func checkOrder(t *testing.T, s *Segment, rows []plainRow) {
	t.Helper()
	signal := s.Info().Signal
	timeColumn := field(format.OrderingKey(signal), telemetry.TypeTime)
	at := 0
	previous := int64(0)
	for rg, g := range s.RowGroups() {
		first, last := rows[at][timeColumn].(int64), rows[at][timeColumn].(int64)
		for _, row := range rows[at : at+g.Rows] {
			v := row[timeColumn].(int64)
			first, last = min(first, v), max(last, v)
			if end, ok := row[field("end", telemetry.TypeTime)]; ok {
				last = max(last, end.(int64))
			}
		}
		if g.MinTime != first || g.MaxTime != last {
			t.Errorf("row group %d: times %d to %d, want %d to %d", rg, g.MinTime, g.MaxTime, first, last)
		}
		if signal == telemetry.Logs && first < previous {
			t.Errorf("row group %d begins before the one before ends", rg)
		}
		previous = last
		at += g.Rows
	}
	if signal == telemetry.Spans {
		trace := func(row plainRow) string {
			v, _ := row[field(telemetry.FieldTraceID, telemetry.TypeBytes)].(string)
			return v
		}
		for i := 1; i < len(rows); i++ {
			a, b := trace(rows[i-1]), trace(rows[i])
			if a > b || a == b && rows[i-1][timeColumn].(int64) > rows[i][timeColumn].(int64) {
				t.Fatalf("span %d is out of order", i)
			}
		}
	}
	if signal == telemetry.Metrics {
		for i := 1; i < len(rows); i++ {
			if name := field(telemetry.FieldName, telemetry.TypeString); rows[i-1][name].(string) > rows[i][name].(string) {
				t.Fatalf("metric %d is out of order", i)
			}
		}
	}
}

func TestTextOfReadsOnlyItsTemplates(t *testing.T) {
	body := field(telemetry.FieldBody, telemetry.TypeString)
	rows := []plainRow{{body: "only words"}, {body: "number 7 here"}, {body: "id 0123456789abcdef here"}}
	st := openStore(t)
	s, _ := writeAndOpen(t, st, "x", Options{}, newFakePart(telemetry.Logs, rows, 100, naturalKind))
	ctx := context.Background()
	arena, err := s.Vocabulary(ctx, 0)
	if err != nil || arena.Len() != 3 {
		t.Fatalf("%d templates, %v", arena.Len(), err)
	}
	for code := range uint32(3) {
		text, err := s.TextOf(ctx, 0, 0, []uint32{code})
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for row := range rows {
			got := string(text.AppendText(nil, row))
			if text.Code(row) != code {
				if got != "" {
					t.Errorf("row of a template that was not asked for has the text %q", got)
				}
				continue
			}
			found++
			if !slices.ContainsFunc(rows, func(r plainRow) bool { return r[body] == got }) {
				t.Errorf("text %q is nobody's", got)
			}
		}
		if found != 1 {
			t.Errorf("template %d has %d rows", code, found)
		}
	}
	if _, err := s.TextOf(ctx, 0, 0, []uint32{99}); err == nil {
		t.Error("a template that does not exist: no error")
	}
}

func TestWriteRefuses(t *testing.T) {
	st := openStore(t)
	rows := []plainRow{{field(telemetry.FieldTime, telemetry.TypeTime): int64(1)}}
	part := newFakePart(telemetry.Logs, rows, 10, naturalKind)
	other := newFakePart(telemetry.Logs, rows, 10, naturalKind)
	other.info.Tenant = "other"
	for name, write := range map[string]func() error{
		"no rows": func() error { _, err := Write(context.Background(), st, "a", nil, Options{}); return err },
		"no id": func() error {
			_, err := Write(context.Background(), st, "", []index.Part{part}, Options{})
			return err
		},
		"two tenants": func() error {
			_, err := Write(context.Background(), st, "a", []index.Part{part, other}, Options{})
			return err
		},
		"bad options": func() error {
			_, err := Write(context.Background(), st, "a", []index.Part{part}, Options{RowGroupRows: -1})
			return err
		},
		"bad attribute": func() error {
			_, err := Write(context.Background(), st, "a", []index.Part{part}, Options{AttributeColumnsMax: -1})
			return err
		},
	} {
		if write() == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if objects, err := st.List(context.Background(), ""); err != nil || len(objects) != 0 {
		t.Errorf("refused writes left %v, %v", objects, err)
	}
}

func TestMissingAndDeleted(t *testing.T) {
	ctx := context.Background()
	st := openStore(t)
	rows := randomRows(rand.New(rand.NewPCG(1, 1)), telemetry.Logs, 100)
	s, _ := writeAndOpen(t, st, "x", Options{}, newFakePart(telemetry.Logs, rows, 100, naturalKind))
	parquet, idx := Names("x")
	if err := st.Delete(ctx, parquet); err != nil {
		t.Fatal(err)
	}
	var damage *index.DamageError
	_, err := Open(ctx, st, "x", nil)
	if !errors.As(err, &damage) || damage.File != parquet || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open without the .parquet: %v, want damage of it that does not exist", err)
	}
	if _, err := s.Text(ctx, s.Info().SortedBy, 0); !errors.As(err, &damage) {
		t.Errorf("reading an open segment whose .parquet is gone: %v, want damage", err)
	}
	if err := Delete(ctx, st, "x"); err != nil {
		t.Errorf("Delete of what is half gone: %v", err)
	}
	if _, err := Open(ctx, st, "x", nil); !errors.As(err, &damage) || damage.File != idx {
		t.Errorf("Open after Delete: %v, want damage of %s", err, idx)
	}
	if objects, err := st.List(ctx, ""); err != nil || len(objects) != 0 {
		t.Errorf("after Delete there is %v, %v", objects, err)
	}
}

func TestIDs(t *testing.T) {
	created := time.Date(2026, 11, 21, 9, 30, 0, 123456789, time.FixedZone("x", 3600))
	id := NewID(12, telemetry.Spans, created)
	shard, signal, back, err := ParseID(id)
	if err != nil || shard != 12 || signal != telemetry.Spans || !back.Equal(created) {
		t.Errorf("ParseID(%q) = %d, %s, %s, %v", id, shard, signal, back, err)
	}
	if later := NewID(12, telemetry.Spans, created.Add(time.Nanosecond)); later[:len(later)-16] <= id[:len(id)-16] {
		t.Errorf("%s does not sort after %s", later, id)
	}
	parquet, idx := Names(id)
	for _, name := range []string{parquet, idx} {
		if err := store.CheckName(name); err != nil {
			t.Error(err)
		}
		if got, ok := IDOf(name); !ok || got != id {
			t.Errorf("IDOf(%q) = %q, %v", name, got, ok)
		}
	}
	for _, name := range []string{"segments/x", "catalog/x.index", "x.parquet"} {
		if got, ok := IDOf(name); ok {
			t.Errorf("IDOf(%q) = %q, want none", name, got)
		}
	}
	for _, bad := range []string{"", "x-logs-20261121T093000.000000000Z-ab", "1-nothing-20261121T093000.000000000Z-ab", "1-logs-yesterday-ab", "1-logs"} {
		if _, _, _, err := ParseID(bad); err == nil {
			t.Errorf("ParseID(%q): no error", bad)
		}
	}
}

func TestUnknownVersion(t *testing.T) {
	h := format.Header{Version: format.Version + 1, FileBytes: format.HeaderBytes}.Append(nil)
	var version *format.VersionError
	if _, err := format.ParseHeader("f", h, format.HeaderBytes); !errors.As(err, &version) || version.Version != format.Version+1 {
		t.Errorf("%v, want a *VersionError", err)
	}
	h[8]++ // a flipped bit in the version is damage, not another version
	var damage *index.DamageError
	if _, err := format.ParseHeader("f", h, format.HeaderBytes); !errors.As(err, &damage) {
		t.Errorf("%v, want damage", err)
	}
}
