package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clew/query/api"
)

// What is exported as OTLP and sent to another clew is the same there, to the last attribute; and the other forms hold the same records.
func TestExport(t *testing.T) {
	p := start(t, formerData(t), "")
	q := start(t, tempData(t), "")
	odd := `{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"odd"}}]},"schemaUrl":"https://a.example/1","scopeLogs":[{"scope":{"name":"s","attributes":[{"key":"k","value":{"intValue":"1"}}]},
		"logRecords":[{"timeUnixNano":"1763700000000000000","observedTimeUnixNano":"1763700000000000001","severityNumber":13,"severityText":"WARN","flags":1,"droppedAttributesCount":2,"eventName":"e",
		"body":{"kvlistValue":{"values":[{"key":"a","value":{"arrayValue":{"values":[{"intValue":"1"},{"doubleValue":1}]}}}]}},
		"attributes":[{"key":"double","value":{"doubleValue":1}},{"key":"int","value":{"intValue":"9007199254740993"}},{"key":"bytes","value":{"bytesValue":"AAEC"}},{"key":"empty","value":{}},
		{"key":"nested","value":{"kvlistValue":{"values":[{"key":"x.y","value":{"boolValue":true}}]}}}]}]}]}]}`
	if code, text := postJSON(t, p.OTLP, "/v1/logs", odd); code != 200 {
		t.Fatalf("%d: %s", code, text)
	}
	eventually(t, 10*time.Second, "all is there", func() bool { return countLogs(t, p, "") == 71 })
	want := holdings(t, p)
	for signal, path := range map[string]string{"logs": "/v1/logs", "spans": "/v1/traces"} {
		out, code := clew(t, p, "export", "--format", "otlp", "--signal", signal)
		if code != 0 {
			t.Fatalf("export of %s: exit %d", signal, code)
		}
		for line := range strings.Lines(out) {
			if code, text := postJSON(t, q.OTLP, path, line); code != 200 || strings.Contains(text, "rejected") {
				t.Fatalf("%d: %s", code, text)
			}
		}
	}
	eventually(t, 10*time.Second, "all is there", func() bool { return countLogs(t, q, "") == 71 })
	if got := holdings(t, q); got != want {
		t.Errorf("what was sent on differs:\n%s\nwant\n%s", got, want)
	}
	logs, _ := clew(t, p, "export")
	again, _ := clew(t, q, "export")
	var bodies []string
	for line := range strings.Lines(logs) {
		var l api.LogRecord
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, l.Body)
	}
	if len(bodies) != 71 || logs != again {
		t.Errorf("%d log records; the same in both: %v", len(bodies), logs == again)
	}
	if out, code := clew(t, p, "export", "--query", "no_such_word_anywhere"); code != 1 || out != "" {
		t.Errorf("exit %d: %q", code, out)
	}
	file := filepath.Join(t.TempDir(), "logs.parquet")
	if out, code := clew(t, p, "export", "--format", "parquet", "--output", file); code != 0 {
		t.Fatalf("exit %d: %s", code, out)
	}
	duckDB(t, file, strings.Join(bodies, "\n"))
}

// duckDB compares the column body of a Parquet file, in its order.
func duckDB(t *testing.T, file, want string) {
	t.Helper()
	const modules = "../../index/segment/duckdb"
	if _, err := os.Stat(filepath.Join(modules, "node_modules/@duckdb/node-api")); err != nil {
		t.Skip("@duckdb/node-api is not installed: the file is not read with DuckDB")
	}
	cmd := exec.Command("node", "--input-type=module", "-e", `
		import { DuckDBInstance } from '@duckdb/node-api';
		const c = await (await DuckDBInstance.create(':memory:')).connect();
		const r = await c.runAndReadAll("SELECT coalesce(body, \"body#json\") FROM '`+file+`'");
		process.stdout.write(r.getRows().map(x => x[0]).join('\n'));`)
	cmd.Dir = modules
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("DuckDB: %v", err)
	}
	if string(out) != want {
		t.Errorf("DuckDB reads\n%s\nwant\n%s", out, want)
	}
}
