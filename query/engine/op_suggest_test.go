package engine

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"

	"clew/index"
	"clew/index/wordindex"
	"clew/internal/telemetry"
	"clew/query/lang"
	"clew/query/parts"
)

// TestSuggest asks misspelt queries of heads, of segments without an index, and of segments with one.
func TestSuggest(t *testing.T) {
	w := newWorld(t)
	var records []*modelRecord
	for i := range 60 {
		r := &modelRecord{signal: telemetry.Logs, time: testNow.UnixNano() + int64(i), cells: map[telemetry.Column]any{}}
		body := []string{"connection to db-1 refused", "user logged in", "connection reset by peer"}[i%3]
		r.set(telemetry.LevelField, telemetry.FieldBody, telemetry.TypeString, fmt.Sprintf("%s after %d ms", body, i))
		r.set(telemetry.LevelResource, "service.name", telemetry.TypeString, []string{"checkout", "cart", "payment"}[i%3])
		r.set(telemetry.LevelRecord, "http.route", telemetry.TypeString, []string{"/orders", "/carts"}[i%2])
		records = append(records, r)
	}
	g := w.generation(0, 0, 10)
	g.Part = head(t, "suggest", logBatch(toLogs(records)))
	check := func(state string, e *Engine) {
		t.Helper()
		for _, c := range []struct {
			query string
			want  []string
		}{
			{"servce:checkout", []string{"field servce -> service: service:checkout 20"}},
			{"service:chekout", []string{"value chekout -> checkout: service:checkout 20"}},
			{"service=Chekout refused", []string{"value Chekout -> checkout: service=checkout refused 20"}},
			{"service:pay", []string{"value pay -> payment: service:payment 20"}},
			{"conection refused", []string{"word conection -> connection: connection refused 20"}},
			{`"user loged in"`, []string{`word loged -> logged: "user logged in" 20`}},
			{"http.rout:*", []string{"field http.rout -> http.route: http.route:* 60"}},
			{"-service:* | nothing", nil},
			{"refused", nil},             // matches
			{"zzzzzzzzz", nil},           // nothing is near
			{"refused logged", nil},      // each word is there
			{"/conect.on/", nil},         // what an expression means is not guessed
			{"servce:cheekout", nil},     // one at a time
			{"service:cart re~1", nil},   // short words are near everything
			{"conection logged", nil},    // the suggestion finds nothing either
			{"timestmap>5", nil},         // no field is near
			{"service:(a OR b)", nil},    // short values
			{"NOT service:chekout", nil}, // matches
		} {
			query, err := lang.Parse(c.query)
			if err != nil {
				continue // not of the language
			}
			got, err := e.Suggest(t.Context(), Request{Tenant: "default", Signal: telemetry.Logs, Query: query})
			if err != nil {
				t.Fatalf("%s: %v", c.query, err)
			}
			var texts []string
			for _, s := range got.Suggestions {
				texts = append(texts, fmt.Sprintf("%s %s -> %s: %s %d", s.Kind, s.Text, s.Replacement, s.Query, s.Count))
				if s.End <= s.Pos || s.End > len(c.query) {
					t.Errorf("%s: at %d to %d", c.query, s.Pos, s.End)
				}
			}
			if d := cmp.Diff(c.want, texts); d != "" {
				t.Errorf("%s, %s (-want +got):\n%s", c.query, state, d)
			}
		}
	}
	check("of a head", newEngine(t, &fixedSource{parts: map[telemetry.Signal][]index.Part{telemetry.Logs: {g.Part}}}))
	w.seal(g)
	check("of a segment", newEngine(t, w.engine.source))
	ix, err := wordindex.Open(t.TempDir(), wordindex.DefaultLimits(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ix.Close() })
	if _, err := parts.NewFeeder(w.engine.source.(*parts.Segments), ix, slog.New(slog.DiscardHandler)).Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	e := newEngine(t, w.engine.source)
	e.UseIndex(ix)
	check("of the index", e)
}
