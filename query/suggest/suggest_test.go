package suggest

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"clew/index"
	"clew/index/catalog"
	"clew/index/segment"
	"clew/index/store"
	"clew/index/table"
	"clew/index/wordindex"
	"clew/internal/telemetry"
	"clew/query/engine"
	"clew/query/lang"
	"clew/query/parts"
)

// TestSuggest asks misspelt queries of heads, of segments without an index, and of segments with one.
func TestSuggest(t *testing.T) {
	batch := misspelt()
	defer batch.Release()
	head := table.New("suggest", telemetry.Logs, "default", 0)
	if err := head.Append(batch, nil); err != nil {
		t.Fatal(err)
	}
	check := func(state string, e *engine.Engine) {
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
			got, err := Suggest(t.Context(), e, engine.Request{Tenant: "default", Signal: telemetry.Logs, Query: query})
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
	check("of a head", newEngine(t, onePart{head.Snapshot()}))
	segments := seal(t, head.Snapshot())
	check("of a segment", newEngine(t, segments))
	ix, err := wordindex.Open(t.TempDir(), wordindex.DefaultLimits(), discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ix.Close() })
	if _, err := parts.NewFeeder(segments, ix, discard).Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	e := newEngine(t, segments)
	e.UseIndex(ix)
	check("of the index", e)
}

var (
	discard = slog.New(slog.DiscardHandler)
	now     = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
)

// misspelt are the records of TestSuggest.
func misspelt() *telemetry.Batch {
	b := telemetry.NewBuilder(telemetry.Logs, "default")
	for i := range 60 {
		resource, record := pcommon.NewResource(), plog.NewLogRecord()
		resource.Attributes().PutStr("service.name", []string{"checkout", "cart", "payment"}[i%3])
		b.UseSet(resource, "", pcommon.NewInstrumentationScope(), "")
		record.SetTimestamp(pcommon.NewTimestampFromTime(now.Add(time.Duration(i))))
		record.Body().SetStr(fmt.Sprintf("%s after %d ms", []string{"connection to db-1 refused", "user logged in", "connection reset by peer"}[i%3], i))
		record.Attributes().PutStr("http.route", []string{"/orders", "/carts"}[i%2])
		b.AppendLog(record, now)
	}
	return b.Build()
}

// onePart is a source of one part.
type onePart struct{ part index.Part }

// View implements parts.Source.
func (o onePart) View(context.Context, parts.Scope) (*parts.View, error) {
	return &parts.View{Parts: []index.Part{o.part}, Release: func() {}}, nil
}

// seal makes a segment of a part, and a source with a catalog that knows it.
func seal(t *testing.T, part index.Part) *parts.Segments {
	t.Helper()
	dir, err := store.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	id := segment.NewID(0, telemetry.Logs, now)
	if _, err := segment.Write(t.Context(), dir, id, []index.Part{part}, segment.Options{}); err != nil {
		t.Fatal(err)
	}
	info := part.Info()
	known := catalog.New()
	if err := known.Apply(1, catalog.Commit{Version: catalog.CommitVersion, Epoch: 1, Time: now, Reason: "seal", Added: []catalog.Segment{{
		ID: id, Signal: telemetry.Logs, Tenant: "default", Rows: info.Rows, Records: info.Rows, MinTime: info.MinTime, MaxTime: info.MaxTime, Bytes: 1, Created: now,
	}}}); err != nil {
		t.Fatal(err)
	}
	return parts.NewSegments(known, dir, nil, nil, discard)
}

func newEngine(t *testing.T, source parts.Source) *engine.Engine {
	t.Helper()
	e := engine.New(source, engine.Limits{CacheBytes: 1 << 20}, discard)
	t.Cleanup(e.Close)
	return e
}
