package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clew/internal/telemetry"
	"clew/internal/tracetext"
	"clew/query/engine"
)

var update = flag.Bool("update", false, "rewrite the interface's fixtures")

const (
	fixtureTraces = "../chain/testdata"
	fixtures      = "../../ui/src/fixtures"
)

// fixtureStart is when the text traces begin.
var fixtureStart = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// TestFixtures holds that the skeletons on which the interface's tests build are the answers to the text traces of query/chain's tests:
// one specification for both. -update rewrites them.
func TestFixtures(t *testing.T) {
	texts, err := filepath.Glob(filepath.Join(fixtureTraces, "*.test"))
	if err != nil || len(texts) == 0 {
		t.Fatalf("no text traces: %v", err)
	}
	for _, file := range texts {
		name := strings.TrimSuffix(filepath.Base(file), ".test") + ".json"
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		trace, _, _ := strings.Cut(string(text), "----\n")
		// Indented as a whole, but each list is one line: a change of a trace is then a change of a few lines.
		got, err := json.Marshal(skeletonAnswer(textSkeleton(t, trace)))
		if err != nil {
			t.Fatal(err)
		}
		got = append(lines(got), '\n')
		fixture := filepath.Join(fixtures, name)
		if *update {
			if err := os.MkdirAll(fixtures, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(fixture, got, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if have, err := os.ReadFile(fixture); err != nil || !bytes.Equal(have, got) {
			t.Errorf("%s is not what %s gives (%v): go test ./query/api -run Fixtures -update", fixture, file, err)
		}
	}
	if have, err := filepath.Glob(filepath.Join(fixtures, "*.json")); err != nil || len(have) != len(texts) {
		t.Errorf("%d fixtures of %d text traces: %v", len(have), len(texts), err)
	}
}

// lines puts each member of the two outer levels on a line of its own.
func lines(object []byte) []byte {
	var out []byte
	depth, quoted := 0, false
	for i, c := range object {
		newLine := false
		switch {
		case quoted:
			quoted = c != '"' || object[i-1] == '\\'
		case c == '"':
			quoted = true
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		case c == ',':
			newLine = depth == 1 || depth == 2 && object[i+1] == '"' && object[i-1] == ']'
		}
		if out = append(out, c); newLine {
			out = append(append(out, '\n'), strings.Repeat(" ", depth)...)
		}
	}
	return out
}

func textSkeleton(t *testing.T, text string) *engine.Skeleton {
	t.Helper()
	spans, err := tracetext.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	out := &engine.Skeleton{ID: telemetry.TraceID{0x4b, 0xf9, 0x2f, 15: 0x36}}
	for _, s := range spans {
		if s.Received {
			out.Spans = append(out.Spans, engine.SkeletonSpan{
				ID: s.ID, Parent: s.Parent, Start: fixtureStart.Add(s.Start).UnixNano(), Duration: int64(s.Duration),
				Service: s.Service, Process: s.Attribute("host"), Name: s.Name, Kind: s.Kind, Status: s.Status,
			})
		}
	}
	return out
}
