package engine

import (
	"slices"
	"strings"
	"testing"

	"clew/index"
	"clew/internal/telemetry"
)

// TestExplain asks segments and a head: the count is Count's, every row group is accounted for, and the verdicts say why.
func TestExplain(t *testing.T) {
	parts := wordParts(t, 3)
	e := newEngine(t, &fixedSource{parts: map[telemetry.Signal][]index.Part{telemetry.Logs: parts}})
	for _, c := range []struct {
		query string
		want  []Verdict
	}{
		{"*", []Verdict{VerdictAlways}},
		{"zanzibar", []Verdict{VerdictVocabulary, VerdictFilter}},
		{"u3x77", []Verdict{VerdictFilter, VerdictMay}},
		{"took", []Verdict{VerdictMay}},
		{"-took", []Verdict{VerdictMay}},
		{`/took [0-9]{3}ms/ shard:2`, []Verdict{VerdictMay, VerdictVocabulary}},
	} {
		r := Request{Tenant: "default", Signal: telemetry.Logs, Query: mustParse(t, c.query)}
		count, err := e.Count(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time all that can be remembered is
			x, err := e.Explain(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			if x.Count != count.Count || len(x.Parts) != len(parts) {
				t.Errorf("%s: explained count %d in %d parts, want %d in %d", c.query, x.Count, len(x.Parts), count.Count, len(parts))
			}
			for _, p := range x.Parts {
				if !slices.Contains(c.want, p.Verdict) {
					t.Errorf("%s: part %s says %q, want one of %q", c.query, p.ID, p.Verdict, c.want)
				}
				if p.Pruned+p.Histogram+p.Scanned != p.RowGroups || p.Pruned == p.RowGroups && p.Matched > 0 {
					t.Errorf("%s: part %s: %d pruned, %d by histogram, %d scanned of %d row groups; %d matched",
						c.query, p.ID, p.Pruned, p.Histogram, p.Scanned, p.RowGroups, p.Matched)
				}
			}
			if s := x.Stats; s.PrunedTime+s.PrunedVocab+s.PrunedFilter > s.RowGroups || s.RowsMatched != int64(count.Count) {
				t.Errorf("%s: statistics %+v", c.query, s)
			}
		}
	}

	x, err := e.Explain(t.Context(), Request{Tenant: "default", Signal: telemetry.Logs, Query: mustParse(t, `/took [0-9]{3}ms/`)})
	if err != nil {
		t.Fatal(err)
	}
	leaf := x.Parts[0].Leaves[0]
	if leaf.Column != "body" || leaf.May == 0 || leaf.Always+leaf.May+leaf.Never != leaf.Entries ||
		!strings.Contains(strings.Join(leaf.Examples, "\n"), "request <int> took <int>ms for user u<int>x<int>") {
		t.Errorf("leaf %+v", leaf)
	}
	if x, err = e.Explain(t.Context(), Request{Tenant: "default", Signal: telemetry.Logs, From: 1, To: 2}); err != nil {
		t.Fatal(err)
	}
	for _, p := range x.Parts {
		if p.Verdict != VerdictTime || p.Pruned != p.RowGroups {
			t.Errorf("part %+v is not in 1970", p)
		}
	}
}
