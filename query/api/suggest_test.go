package api

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSuggestAndComplete(t *testing.T) {
	for state, s := range world(t) {
		var suggest Suggest
		get(t, s, "/api/v1/suggest?signal=spans&query=servce:web", &suggest)
		want := []Suggestion{{Kind: "field", Text: "servce", Replacement: "service", Pos: 0, End: 10, Query: "service:web", Count: 20}}
		if d := cmp.Diff(want, suggest.Suggestions); d != "" || suggest.Count != 0 {
			t.Errorf("%s: %d, %s", state, suggest.Count, d)
		}
		get(t, s, "/api/v1/suggest?signal=spans&query=kind:client+service:fontend", &suggest)
		want = []Suggestion{{Kind: "value", Text: "fontend", Replacement: "frontend", Pos: 12, End: 27, Query: "kind:client service:frontend", Count: 2}}
		if d := cmp.Diff(want, suggest.Suggestions); d != "" {
			t.Errorf("%s: %s", state, d)
		}
		get(t, s, "/api/v1/suggest?signal=spans&query=service:web", &suggest)
		if suggest.Count != 20 || suggest.Suggestions == nil || len(suggest.Suggestions) != 0 {
			t.Errorf("%s: of a query that matches: %+v", state, suggest)
		}
		var complete Complete
		get(t, s, "/api/v1/complete?signal=spans&prefix=SER", &complete)
		if len(complete.Completions) < 2 || complete.Completions[0].Text != "service" && complete.Completions[1].Text != "service" || complete.Source != "records" {
			t.Errorf("%s: fields: %+v", state, complete)
		}
		get(t, s, "/api/v1/complete?signal=spans&field=service&prefix=a", &complete)
		if d := cmp.Diff([]Completion{{"audit", 1}}, complete.Completions); d != "" {
			t.Errorf("%s: values: %s", state, d)
		}
	}
}

func TestUsage(t *testing.T) {
	for state, s := range world(t) {
		var u Usage
		get(t, s, "/api/v1/usage?signal=spans", &u)
		sealed := state == "segment"
		if u.By != "service" || u.Records != 45 || len(u.Rows) != 5 || (u.Bytes > 0) != sealed || (u.Unsealed == 0) != sealed {
			t.Errorf("%s: %+v", state, u)
		}
		for _, row := range u.Rows {
			if row.Name == "web" && (row.Records != 20 || row.First == "" || row.Last < row.First) {
				t.Errorf("%s: %+v", state, row)
			}
		}
		get(t, s, "/api/v1/usage?signal=spans&by=template&top=2", &u)
		if len(u.Rows) != 2 {
			t.Errorf("%s: %+v", state, u)
		}
		get(t, s, "/api/v1/usage?signal=spans&by=field", &u)
		if len(u.Rows) < 5 {
			t.Errorf("%s: %+v", state, u)
		}
	}
}
