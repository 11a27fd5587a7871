// Package house holds the house in order: tests that read the source and the import graph, not the behaviour.
package house

import (
	"bufio"
	"bytes"
	"encoding/json"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

type listed struct {
	ImportPath string
	Dir        string
	Doc        string
	Imports    []string
	Deps       []string
	GoFiles    []string
}

func list(t *testing.T, patterns ...string) []listed {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,Doc,Imports,Deps,GoFiles"}, patterns...)...)
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var l listed
		if err := dec.Decode(&l); err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	return all
}

// The data goes agents, collector, ingest, index, query, ui; imports go one way, and what is tested often compiles fast.
func TestImportDirections(t *testing.T) {
	rules := []struct{ from, mustNot, why string }{
		{"clew/internal/telemetry", "clew/", "the nouns import none of the house"},
		{"clew/index", "clew/query", "the index does not know who asks"},
		{"clew/index", "clew/ingest", "the index does not know who fills it"},
		{"clew/index", "github.com/nats-io", "testing the index compiles no NATS"},
		{"clew/index", "github.com/prometheus/prometheus/promql", "the index holds chunks; the engine is query's"},
		{"clew/index", "github.com/prometheus/prometheus/tsdb", "the index holds bytes; chunks are ingest's and query's"},
		{"clew/index", "go.opentelemetry.io/collector/otelcol", "testing the index compiles no Collector service"},
		{"clew/index", "go.opentelemetry.io/collector/service", "testing the index compiles no Collector service"},
		{"clew/index/segment", "gocloud.dev", "only cmd wires a cloud"},
		{"clew/index/segment/format", "clew/index/store", "the format is bytes; where they are is the segment's"},
		{"clew/index/segment/writer", "clew/index/store", "the writer makes bytes; where they go is the segment's"},
		{"clew/index/vocabulary", "github.com/blevesearch", "the index of entries is wordindex's, and a cache"},
		{"clew/query/parts", "clew/query/engine", "a view does not know what is asked of it"},
		{"clew/ingest", "gocloud.dev", "only cmd wires a cloud"},
		{"clew/query", "gocloud.dev", "only cmd wires a cloud"},
		{"clew/query/chain", "clew/index", "the chain is pure"},
		{"clew/query/chain", "github.com/nats-io", "the chain is pure"},
		{"clew/query/chain", "github.com/prometheus", "the chain is pure"},
		{"clew/query/chain", "go.opentelemetry.io/collector/otelcol", "the chain is pure"},
		{"clew/query", "clew/ingest", "query meets a head through an interface"},
		{"clew/query", "clew/collector", "the log is between them"},
		{"clew/ingest", "clew/query", "ingest does not know who asks"},
		{"clew/ingest", "clew/collector", "the log is between them"},
		{"clew/ingest", "github.com/prometheus/prometheus/promql", "ingest holds chunks, not the engine"},
		{"clew/collector", "clew/index", "the collector knows the shard log only"},
		{"clew/collector", "clew/query", "the collector knows the shard log only"},
		{"clew/agents", "clew/collector", "an agent speaks OTLP to a collector"},
		{"clew/agents", "clew/index", "an agent keeps nothing but its queue"},
	}
	for _, p := range list(t, "./...") {
		for _, r := range rules {
			if p.ImportPath != r.from && !strings.HasPrefix(p.ImportPath, r.from+"/") {
				continue
			}
			for _, d := range p.Deps {
				inside := d == r.from || strings.HasPrefix(d, r.from+"/")
				if !inside && (d == r.mustNot || strings.HasPrefix(d, strings.TrimSuffix(r.mustNot, "/")+"/")) {
					t.Errorf("%s imports %s: %s", p.ImportPath, d, r.why)
				}
			}
		}
	}
}

// Every package teaches its idea in one doc comment.
func TestPackageDocs(t *testing.T) {
	for _, p := range list(t, "./...") {
		if p.Doc == "" && len(p.GoFiles) > 0 {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}

// Reading a damaged file through these calls kills the process in a goroutine that nobody can guard (docs/format).
func TestForbiddenCalls(t *testing.T) {
	for _, p := range list(t, "./...") {
		for _, name := range p.GoFiles {
			file := filepath.Join(p.Dir, name)
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, call := range []string{".ReadRowGroups(", ".ReadTable("} {
				if bytes.Contains(data, []byte(call)) {
					t.Errorf("%s calls %s", file, call)
				}
			}
		}
	}
}

// A panic is for a broken invariant, and says so in a comment on its line or the line above.
func TestPanicsAreExplained(t *testing.T) {
	for _, p := range list(t, "./...") {
		for _, name := range p.GoFiles {
			file := filepath.Join(p.Dir, name)
			if _, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly); err != nil {
				t.Fatal(err)
			}
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			previous := ""
			sc := bufio.NewScanner(f)
			sc.Buffer(nil, 1<<20)
			for line := 1; sc.Scan(); line++ {
				text := strings.TrimSpace(sc.Text())
				if strings.HasPrefix(text, "panic(") && !strings.Contains(text, "//") && !strings.HasPrefix(previous, "//") {
					t.Errorf("%s:%d: %s: say in a comment why this cannot happen", file, line, text)
				}
				previous = text
			}
			f.Close()
		}
	}
}
