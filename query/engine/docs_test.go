package engine

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"clew/internal/telemetry"
	"clew/query/lang"
)

// TestDocumentedQueries answers every example of docs/query-language.md, and holds the error that it shows.
func TestDocumentedQueries(t *testing.T) {
	text, err := os.ReadFile("../../docs/query-language.md")
	if err != nil {
		t.Fatal(err)
	}
	e := newEngine(t, &fixedSource{})
	blocks := regexp.MustCompile("(?s)```query (\\w+)\n(.*?)\n```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 10 {
		t.Fatalf("found %d examples", len(blocks))
	}
	for _, b := range blocks {
		signal, err := telemetry.ParseSignal(b[1])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Count(t.Context(), Request{Tenant: "default", Signal: signal, Query: mustParse(t, b[2])}); err != nil {
			t.Errorf("%s: %v", b[2], err)
		}
	}
	// In the tables, what stands in code in the first column is a query, but for rows that name fields and units.
	for _, line := range strings.Split(string(text), "\n") {
		cell, _, ok := strings.Cut(strings.TrimPrefix(line, "| "), " |")
		if !ok || !strings.HasPrefix(line, "| `") || strings.Contains(cell, "` `") {
			continue
		}
		for _, code := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
			if q := code[1]; q != "( )" {
				if _, err := lang.Parse(q); err != nil {
					t.Errorf("%s: %v", q, err)
				}
			}
		}
	}
	_, err = e.Count(t.Context(), Request{Tenant: "default", Signal: telemetry.Spans, Query: mustParse(t, "kind:server duration>200")})
	if err == nil || !strings.Contains(string(text), "clew: "+err.Error()+"\n") {
		t.Errorf("the documented error is not %v", err)
	}
}
