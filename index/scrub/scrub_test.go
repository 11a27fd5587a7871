package scrub

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"clew/index"
	"clew/index/catalog"
	"clew/index/segment"
	"clew/index/store"
	"clew/index/table"
	"clew/internal/telemetry"
)

// fixture is a store with three segments and a catalog that names them.
type fixture struct {
	root    string
	st      *store.Dir
	catalog *catalog.Catalog
	ids     []string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{root: t.TempDir(), catalog: catalog.New()}
	var err error
	if f.st, err = store.OpenDir(f.root); err != nil {
		t.Fatal(err)
	}
	cm := catalog.Commit{Version: catalog.CommitVersion, Reason: "seal"}
	for i := range 3 {
		b := telemetry.NewBuilder(telemetry.Logs, "default")
		b.UseSet(pcommon.NewResource(), "", pcommon.NewInstrumentationScope(), "")
		for k := range 50 {
			r := plog.NewLogRecord()
			r.SetTimestamp(pcommon.Timestamp(1000 + k))
			r.Body().SetStr(fmt.Sprintf("record %d of %x", k, k*k*k))
			r.SetTraceID([16]byte{byte(k), 2})
			b.AppendLog(r, time.Unix(0, 0))
		}
		tab := table.New("t", telemetry.Logs, "default", 0)
		if err := tab.Append(b.Build(), nil); err != nil {
			t.Fatal(err)
		}
		id := segment.NewID(0, telemetry.Logs, time.Unix(int64(i), 0))
		s, err := segment.Write(t.Context(), f.st, id, []index.Part{tab.Snapshot()}, segment.Options{})
		if err != nil {
			t.Fatal(err)
		}
		f.ids = append(f.ids, id)
		cm.Added = append(cm.Added, catalog.Segment{
			ID: id, Signal: s.Signal, Tenant: s.Tenant, Rows: s.Rows, Records: s.Records, MinTime: s.MinTime, MaxTime: s.MaxTime, Bytes: s.Bytes,
		})
	}
	if err := f.catalog.Apply(1, cm); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) file(name string) string { return filepath.Join(f.root, filepath.FromSlash(name)) }

func (f *fixture) check(t *testing.T, opt Options) *Report {
	t.Helper()
	r, err := Check(context.Background(), f.st, f.catalog.Current(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWhole(t *testing.T) {
	f := newFixture(t)
	r := f.check(t, Options{})
	if len(r.Findings) > 0 || !r.Whole() || r.Segments != 3 || r.Rows != 150 || r.Objects != 6 {
		t.Errorf("%+v", r)
	}
}

// Every single flipped bit of either object is found, and the finding names the object and a place not behind it.
func TestEveryByteIsChecked(t *testing.T) {
	f := newFixture(t)
	parquetName, indexName := segment.Names(f.ids[1])
	for _, name := range []string{parquetName, indexName} {
		data, err := os.ReadFile(f.file(name))
		if err != nil {
			t.Fatal(err)
		}
		for at := range data {
			data[at] ^= 1 << (at % 8)
			if err := os.WriteFile(f.file(name), data, 0o644); err != nil {
				t.Fatal(err)
			}
			r := f.check(t, Options{})
			if len(r.Findings) != 1 {
				t.Fatalf("%s, byte %d: findings %v", name, at, r.Findings)
			}
			got := r.Findings[0]
			if got.Problem != Damaged || got.File != name || got.Offset > int64(at) || got.Segment != f.ids[1] || !got.Fatal() || r.Whole() {
				t.Fatalf("%s, byte %d: %+v", name, at, got)
			}
			data[at] ^= 1 << (at % 8)
		}
		if err := os.WriteFile(f.file(name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if r := f.check(t, Options{}); !r.Whole() {
		t.Errorf("put right, and still: %v", r.Findings)
	}
}

func TestMissingAndShort(t *testing.T) {
	f := newFixture(t)
	parquetName, _ := segment.Names(f.ids[0])
	_, indexName := segment.Names(f.ids[1])
	short, _ := segment.Names(f.ids[2])
	for _, name := range []string{parquetName, indexName} {
		if err := os.Remove(f.file(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Truncate(f.file(short), 100); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, finding := range f.check(t, Options{Quick: true}).Findings {
		got = append(got, fmt.Sprint(finding.Problem, " ", finding.File))
	}
	want := []string{"missing " + parquetName, "missing " + indexName, "damaged " + short}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("have %q, want %q", got, want)
	}
}

func TestUnreferenced(t *testing.T) {
	f := newFixture(t)
	if err := Copy(context.Background(), f.st, segment.Prefix+f.ids[0]+".parquet", f.st, segment.Prefix+segment.NewID(0, telemetry.Logs, time.Unix(100, 0))+".parquet"); err != nil {
		t.Fatal(err)
	}
	r := f.check(t, Options{})
	if len(r.Findings) != 1 || r.Findings[0].Problem != Unreferenced || r.Findings[0].Bytes == 0 || !r.Whole() {
		t.Errorf("%+v", r.Findings)
	}
	if r := f.check(t, Options{Grace: time.Minute, Now: time.Unix(130, 0)}); len(r.Findings) > 0 {
		t.Errorf("a young object: %v", r.Findings)
	}
}

// The catalog's entry is another's: the objects are whole and not those that the catalog means.
func TestDisagrees(t *testing.T) {
	f := newFixture(t)
	other := catalog.New()
	cm := catalog.Commit{Version: catalog.CommitVersion, Reason: "seal"}
	for s := range f.catalog.Current().All() {
		wrong := *s
		wrong.Rows++
		cm.Added = append(cm.Added, wrong)
	}
	if err := other.Apply(1, cm); err != nil {
		t.Fatal(err)
	}
	f.catalog = other
	r := f.check(t, Options{})
	if len(r.Findings) != 3 || r.Findings[0].Problem != Disagrees {
		t.Errorf("%+v", r.Findings)
	}
}

func TestNewerVersion(t *testing.T) {
	f := newFixture(t)
	_, name := segment.Names(f.ids[0])
	data, err := os.ReadFile(f.file(name))
	if err != nil {
		t.Fatal(err)
	}
	// docs/format/segment.md: the version is at 8, the header's checksum at 36.
	binary.LittleEndian.PutUint32(data[8:], segment.Version+1)
	binary.LittleEndian.PutUint32(data[36:], crc32.Checksum(data[:36], crc32.MakeTable(crc32.Castagnoli)))
	if err := os.WriteFile(f.file(name), data, 0o644); err != nil {
		t.Fatal(err)
	}
	r := f.check(t, Options{})
	if len(r.Findings) != 1 || r.Findings[0].Problem != NewerVersion {
		t.Errorf("%+v", r.Findings)
	}
}

func TestQuarantine(t *testing.T) {
	f := newFixture(t)
	parquetName, indexName := segment.Names(f.ids[0])
	if err := os.Remove(f.file(indexName)); err != nil {
		t.Fatal(err)
	}
	copies, err := Quarantine(context.Background(), f.st, f.ids[0])
	if err != nil || len(copies) != 1 {
		t.Fatalf("%v, %v", copies, err)
	}
	want, err := os.ReadFile(f.file(parquetName))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(f.file(copies[0])); err != nil || string(got) != string(want) {
		t.Errorf("the copy differs: %v", err)
	}
}
