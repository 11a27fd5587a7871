package segment

import (
	"bufio"
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"clew/index"
	"clew/index/segment/format"
	"clew/internal/telemetry"
)

// TestDuckDB opens the .parquet alone with DuckDB, rebuilds body by the documented view, and compares with what was written.
func TestDuckDB(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed: the .parquet is not tried with DuckDB")
	}
	if _, err := os.Stat("duckdb/node_modules/@duckdb/node-api"); err != nil {
		t.Skip("@duckdb/node-api is not installed (npm install --prefix index/segment/duckdb, or make deps): the .parquet is not tried with DuckDB")
	}
	st := openStore(t)
	rows := randomRows(rand.New(rand.NewPCG(3, 4)), telemetry.Logs, 2500)
	s, _ := writeAndOpen(t, st, "x", Options{RowGroupRows: 1000, PageRows: 256}, newFakePart(telemetry.Logs, rows, 900, naturalKind))
	parquetName, _ := Names("x")
	path := filepath.Join(t.TempDir(), "it's a segment.parquet")
	if err := os.WriteFile(path, readObject(t, st, parquetName), 0o644); err != nil {
		t.Fatal(err)
	}
	columns := map[string]telemetry.Column{
		"body":                  field(telemetry.FieldBody, telemetry.TypeString),
		"severity":              field(telemetry.FieldSeverity, telemetry.TypeInt),
		"key#int":               {Level: telemetry.LevelRecord, Key: "key", Type: telemetry.TypeInt},
		"key":                   {Level: telemetry.LevelRecord, Key: "key", Type: telemetry.TypeString},
		"key#bool":              {Level: telemetry.LevelRecord, Key: "key", Type: telemetry.TypeBool},
		"resource.service.name": {Level: telemetry.LevelResource, Key: "service.name", Type: telemetry.TypeString},
		"raw.id":                {Level: telemetry.LevelRecord, Key: "raw.id", Type: telemetry.TypeString},
	}
	want := partRows(t, s)
	duckDBReads(t, node, path, want, "time", columns)
	sameRows(t, rows, want)
}

// TestDuckDBFrozen has DuckDB read the Parquet files of every format version, and compares all columns that have one plain leaf, and body.
func TestDuckDBFrozen(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed: the .parquet is not tried with DuckDB")
	}
	if _, err := os.Stat("duckdb/node_modules/@duckdb/node-api"); err != nil {
		t.Skip("@duckdb/node-api is not installed: the .parquet is not tried with DuckDB")
	}
	for version := 1; version <= format.Version; version++ {
		for _, signal := range telemetry.Signals {
			s, path := frozenSegment(t, version, signal.String())
			time := telemetry.FieldTime
			if signal == telemetry.Spans {
				time = telemetry.FieldStart
			}
			columns := map[string]telemetry.Column{}
			for col, c := range s.Columns() {
				isBody := c.Column == field(telemetry.FieldBody, telemetry.TypeString) && c.Kind == index.KindText
				plain := !c.Overflow && len(s.leaves[col]) == 1 && c.Kind != index.KindText &&
					c.Type != telemetry.TypeTime && c.Type != telemetry.TypeBytes && c.Type != telemetry.TypeDouble // which DuckDB writes in its own way
				if isBody {
					columns[c.Name()] = c.Column
				} else if plain {
					columns[s.meta.Leaves[s.leaves[col][0]].Name] = c.Column
				}
			}
			if len(columns) < 3 {
				t.Fatalf("v%d %s: only %d columns to compare", version, signal, len(columns))
			}
			duckDBReads(t, node, path, partRows(t, s), time, columns)
		}
	}
}

// duckDBReads compares columns of a Parquet file with rows, in their order.
func duckDBReads(t *testing.T, node, path string, want []plainRow, time string, columns map[string]telemetry.Column) {
	t.Helper()
	args := []string{"duckdb/rebuild.mjs", path, time}
	for name := range columns {
		args = append(args, name)
	}
	command := exec.Command(node, args...)
	var out, complaint bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaint
	if err := command.Run(); err != nil {
		t.Fatalf("DuckDB: %v\n%s", err, complaint.String())
	}
	scanner := bufio.NewScanner(&out)
	scanner.Buffer(nil, 1<<20)
	n := 0
	for ; scanner.Scan(); n++ {
		got := map[string]*string{}
		if err := json.Unmarshal(scanner.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if n >= len(want) {
			continue
		}
		for name, c := range columns {
			v, ok := want[n][c]
			if text := got[name]; ok != (text != nil) || ok && *text != plainText(v) {
				t.Fatalf("row %d, %s: DuckDB has %q, want %q", n, name, deref(text), v)
			}
		}
		if text := deref(got[time]); !strings.HasPrefix(text, "2023-11-14 2") {
			t.Fatalf("row %d: time is %q for DuckDB", n, text)
		}
	}
	if n != len(want) {
		t.Errorf("%s: DuckDB has %d rows, want %d", path, n, len(want))
	}
}

func deref(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}
