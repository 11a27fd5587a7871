package segment

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"clew/index"
	"clew/index/store"
	"clew/index/vocabulary"
	"clew/internal/telemetry"
)

// memStore is a Store in memory, whose objects a test may spoil.
type memStore map[string][]byte

func (m memStore) Put(_ context.Context, name string, write func(io.Writer) error) (int64, error) {
	var out bytes.Buffer
	err := write(&out)
	m[name] = out.Bytes()
	return int64(out.Len()), err
}

func (m memStore) ReadAt(_ context.Context, name string, p []byte, off int64) error {
	data := m[name]
	if off > int64(len(data)) || copy(p, data[off:]) < len(p) {
		return io.ErrUnexpectedEOF
	}
	return nil
}

func (m memStore) Size(_ context.Context, name string) (int64, error) {
	return int64(len(m[name])), nil
}
func (m memStore) Delete(_ context.Context, name string) error                   { return nil }
func (m memStore) List(_ context.Context, prefix string) ([]store.Object, error) { return nil, nil }

// TestFlippedBits flips bits of both objects, many of them one at a time, and truncates: whatever is read is right or is damage.
func TestFlippedBits(t *testing.T) {
	ctx := context.Background()
	for _, signal := range []telemetry.Signal{telemetry.Logs, telemetry.Spans} {
		r := rand.New(rand.NewPCG(9, uint64(signal)))
		st := openStore(t)
		rows := randomRows(r, signal, 90)
		s, _ := writeAndOpen(t, st, "x", Options{RowGroupRows: 100, PageRows: 64, AttributeColumnsMax: 8}, newFakePart(signal, rows, 90, naturalKind))
		parquetName, indexName := Names("x")
		good := memStore{parquetName: readObject(t, st, parquetName), indexName: readObject(t, st, indexName)}
		want := everything(t, ctx, s)
		damaged, right := 0, 0
		for i := range 300 {
			bad := memStore{parquetName: append([]byte{}, good[parquetName]...), indexName: append([]byte{}, good[indexName]...)}
			name := []string{parquetName, indexName}[i%2]
			switch at := r.IntN(len(bad[name])); i % 20 {
			case 0:
				bad[name] = bad[name][:at]
			case 1:
				bad[name] = append(bad[name], 0)
			default:
				bad[name][at] ^= 1 << r.IntN(8)
			}
			var damage *index.DamageError
			spoiled, err := Open(ctx, bad, "x", nil)
			if err != nil {
				if !errors.As(err, &damage) {
					t.Fatalf("Open: %v, want damage", err)
				}
				damaged++
				continue
			}
			if err := spoiled.Verify(ctx); err == nil && name == parquetName && i%20 > 1 && string(bad[name][:4]) == "PAR1" {
				t.Fatal("Verify does not see a flipped bit")
			}
			for what, value := range want {
				got, err := what.read(ctx, spoiled)
				switch {
				case err == nil && got == value:
					right++
				case err == nil:
					t.Fatalf("%+v differs after a flipped bit, without an error", what)
				case !errors.As(err, &damage):
					t.Fatalf("%+v: %v, want damage", what, err)
				default:
					damaged++
				}
			}
		}
		if damaged < 150 || right < 150 {
			t.Errorf("%d answers were damage and %d right: the test does not test", damaged, right)
		}
	}
}

// reading is one thing that can be asked of a segment; col -1 asks for the metadata.
// page -1 asks for the whole row group.
type reading struct{ col, rg, page int }

// read returns a fingerprint of all answers about a column in a row group.
func (q reading) read(ctx context.Context, s *Segment) (uint64, error) {
	var out []byte
	hash := func(s string) { out = append(out, s...); out = append(out, 0) }
	if q.col < 0 {
		info := s.Info()
		hash(info.Tenant + info.ID + info.Signal.String())
		for _, c := range s.Columns() {
			hash(c.String() + c.Kind.String())
		}
		for _, g := range s.RowGroups() {
			out = append(out, byte(g.Rows), byte(g.MinTime), byte(g.MaxTime))
		}
		return vocabulary.Hash(out), nil
	}
	may, err := s.MayContain(ctx, q.col, q.rg, 12345)
	if err != nil {
		return 0, err
	}
	if may {
		out = append(out, 1)
	}
	part, rg := index.Part(s), q.rg
	if q.page >= 0 {
		if part, err = s.Page(q.rg, q.page); err != nil {
			return 0, err
		}
		rg = 0
		refs, _, err := s.PagesOf(ctx, telemetry.TraceID{7})
		if err != nil {
			return 0, err
		}
		hash(fmt.Sprint(refs))
	}
	rows, err := groupRows(onlyColumn{part, q.col, s.Columns()[q.col]}, rg)
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		hash(rowKey(row))
	}
	return vocabulary.Hash(out), nil
}

// onlyColumn shows one column of a part as its only one.
type onlyColumn struct {
	index.Part
	col  int
	info index.ColumnInfo
}

func (o onlyColumn) Columns() []index.ColumnInfo { return []index.ColumnInfo{o.info} }
func (o onlyColumn) Vocabulary(ctx context.Context, _ int) (*vocabulary.Arena, error) {
	return o.Part.Vocabulary(ctx, o.col)
}

func (o onlyColumn) Codes(ctx context.Context, _, rg int) ([]uint32, error) {
	return o.Part.Codes(ctx, o.col, rg)
}

func (o onlyColumn) Ints(ctx context.Context, _, rg int) (index.Ints, error) {
	return o.Part.Ints(ctx, o.col, rg)
}

func (o onlyColumn) Doubles(ctx context.Context, _, rg int) (index.Doubles, error) {
	return o.Part.Doubles(ctx, o.col, rg)
}

func (o onlyColumn) Bytes(ctx context.Context, _, rg int) (index.Bytes, error) {
	return o.Part.Bytes(ctx, o.col, rg)
}

func (o onlyColumn) Text(ctx context.Context, _, rg int) (index.TextRows, error) {
	return o.Part.Text(ctx, o.col, rg)
}

// everything asks all there is to ask.
func everything(t *testing.T, ctx context.Context, s *Segment) map[reading]uint64 {
	t.Helper()
	want := map[reading]uint64{}
	for col := -1; col < len(s.Columns()); col++ {
		for rg := range s.RowGroups() {
			for page := -1; page < s.pagesIn(rg); page++ {
				q := reading{col, rg, page}
				value, err := q.read(ctx, s)
				if err != nil {
					t.Fatal(err)
				}
				want[q] = value
			}
		}
	}
	return want
}
