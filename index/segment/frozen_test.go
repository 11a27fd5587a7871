package segment

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clew/index"
	"clew/index/segment/format"
	"clew/internal/telemetry"
)

var freeze = flag.Bool("freeze", false, "write the frozen segments of this format version that do not exist yet")

// TestFrozen reads the segments that earlier builds wrote, in every format version there was, and compares all rows with what was
// written then. Such files are never edited: a reader that no longer understands them is wrong.
func TestFrozen(t *testing.T) {
	if *freeze && !exists(t, filepath.Join("testdata", fmt.Sprintf("v%d", format.Version))) {
		freezeVersion(t)
	}
	for version := 1; version <= format.Version; version++ {
		for _, name := range frozenNames(version) {
			s, path := frozenSegment(t, version, name)
			id := s.Info().ID
			if rows := strings.TrimSuffix(path, parquetSuffix) + ".rows"; *freeze && !exists(t, rows) {
				if err := os.WriteFile(rows, []byte(describe(t, s)), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want := string(readFile(t, strings.TrimSuffix(path, parquetSuffix)+".rows"))
			if s.FormatVersion() != version {
				t.Errorf("%s has format version %d", id, s.FormatVersion())
			}
			if got := describe(t, s); got != want {
				t.Errorf("%s reads differently now:\n%s", id, firstDifference(want, got))
			}
			checkPart(t, s)
		}
	}
}

// frozenNames are what the frozen segments of a version are of: each signal, and since the second release (of version 2) metrics that are down-sampled, which query/metrics
// writes and answers queries from.
func frozenNames(version int) (names []string) {
	for _, signal := range telemetry.Signals {
		names = append(names, signal.String())
	}
	if version == 2 {
		names = append(names, "windows")
	}
	return names
}

// frozenSegment opens a frozen segment, and gives the place of its .parquet.
func frozenSegment(t *testing.T, version int, name string) (s *Segment, path string) {
	t.Helper()
	dir := filepath.Join("testdata", fmt.Sprintf("v%d", version))
	id := fmt.Sprintf("frozen-v%d-%s", version, name)
	st := memStore{}
	parquetName, indexName := Names(id)
	path = filepath.Join(dir, filepath.Base(parquetName))
	st[parquetName] = readFile(t, path)
	st[indexName] = readFile(t, filepath.Join(dir, filepath.Base(indexName)))
	s, err := Open(context.Background(), st, id, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s, path
}

// describe is everything in a segment as text.
func describe(t *testing.T, s *Segment) string {
	t.Helper()
	var out strings.Builder
	info := s.Info()
	fmt.Fprintf(&out, "%s of %s, shard %d, %d rows, %d records, %d to %d, sorted by %d\n", info.Signal, info.Tenant, info.Shard, info.Rows, s.Records(),
		info.MinTime, info.MaxTime, info.SortedBy)
	for _, c := range s.Columns() {
		fmt.Fprintf(&out, "column %q %s overflow=%v nonnull=%d distinct=%d\n", c.String(), c.Kind, c.Overflow, c.NonNull, c.Distinct)
	}
	for rg, g := range s.RowGroups() {
		fmt.Fprintf(&out, "row group %d: %d rows, %d to %d\n", rg, g.Rows, g.MinTime, g.MaxTime)
	}
	for _, row := range partRows(t, s) {
		fmt.Fprintln(&out, rowKey(row))
	}
	return out.String()
}

func freezeVersion(t *testing.T) {
	t.Helper()
	dir := filepath.Join("testdata", fmt.Sprintf("v%d", format.Version))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, signal := range telemetry.Signals {
		id := fmt.Sprintf("frozen-v%d-%s", format.Version, signal)
		rows := randomRows(rand.New(rand.NewPCG(uint64(format.Version), uint64(signal))), signal, 120)
		st := memStore{}
		part := newFakePart(signal, rows, 50, naturalKind)
		if _, err := Write(context.Background(), st, id, []index.Part{part}, Options{RowGroupRows: 80, PageRows: 64, AttributeColumnsMax: 11}); err != nil {
			t.Fatal(err)
		}
		s, err := Open(context.Background(), st, id, nil)
		if err != nil {
			t.Fatal(err)
		}
		files := map[string][]byte{id + ".rows": []byte(describe(t, s))}
		for name, data := range st {
			files[filepath.Base(name)] = data
		}
		for name, data := range files {
			path := filepath.Join(dir, name)
			if exists(t, path) {
				t.Fatalf("%s exists: a frozen file is never written again", path)
			}
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func exists(t *testing.T, path string) bool {
	t.Helper()
	_, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func firstDifference(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d\nwant %s\nhave %s", i+1, a[i], b[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(b), len(a))
}
