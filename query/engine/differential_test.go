package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"clew/index"
	"clew/index/segment"
	"clew/index/store"
	"clew/internal/telemetry"
	"clew/query/engine/question"
)

// TestDifferential compares the engine with modelRecord.matches: random records, random queries, over heads, segments and mixtures.
func TestDifferential(t *testing.T) {
	rounds, queries := 2, 60
	if testing.Short() {
		rounds, queries = 1, 30
	}
	for round := range rounds {
		for _, signal := range []telemetry.Signal{telemetry.Logs, telemetry.Spans} {
			t.Run(fmt.Sprintf("%v/%d", signal, round), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(uint64(round), uint64(signal)))
				records := randomRecords(rng, signal, 300+rng.IntN(500))
				for name, e := range layouts(t, rng, signal, records) {
					t.Run(name, func(t *testing.T) { compare(t, rng, e, signal, records, queries) })
				}
			})
		}
	}
}

// layouts are the same records kept in different ways.
func layouts(t *testing.T, rng *rand.Rand, signal telemetry.Signal, records []*modelRecord) map[string]*Engine {
	st, err := store.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cache := segment.NewCache(16<<20, 0)
	batch := func(r []*modelRecord) *telemetry.Batch {
		if signal == telemetry.Spans {
			return spanBatch(toTraces(r))
		}
		return logBatch(toLogs(r))
	}
	third := len(records) / 3
	a, b, c := batch(records[:third]), batch(records[third:2*third]), batch(records[2*third:])
	engine := func(parts ...index.Part) *Engine {
		return newEngine(t, &fixedSource{parts: map[telemetry.Signal][]index.Part{signal: parts}})
	}
	return map[string]*Engine{
		"head":     engine(head(t, "h1", a, b, c)),
		"segment":  engine(sealed(t, st, cache, head(t, "h1", a, b, c))),
		"segments": engine(sealed(t, st, cache, head(t, "h1", a)), sealed(t, st, nil, head(t, "h2", b, c))),
		"mixture":  engine(sealed(t, st, cache, head(t, "h1", a), head(t, "h2", c)), head(t, "h3", b)),
	}
}

func compare(t *testing.T, rng *rand.Rand, e *Engine, signal telemetry.Signal, records []*modelRecord, queries int) {
	for range queries {
		text := randomQuery(rng, signal, 3)
		q := mustParse(t, text)
		r := Request{Tenant: "default", Signal: signal, Query: q}
		if rng.IntN(3) == 0 {
			r.From = records[rng.IntN(len(records))].time
		}
		if rng.IntN(3) == 0 {
			r.To = records[rng.IntN(len(records))].time
		}
		var want []*modelRecord
		for _, m := range records {
			if m.time >= r.From && (r.To == 0 || m.time < r.To) && m.matches(t, q) {
				want = append(want, m)
			}
		}
		where := fmt.Sprintf("%s (from %d to %d)", text, r.From, r.To)
		count, err := e.Count(t.Context(), r)
		if err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		if len(count.Stats.Partial) > 0 {
			t.Fatalf("%s: partial: %v", where, count.Stats.Partial)
		}
		if count.Count != uint64(len(want)) {
			t.Errorf("%s: counted %d, want %d", where, count.Count, len(want))
			continue
		}
		compareGroups(t, e, r, want, where)
		compareHistogram(t, e, r, want, where)
		compareSearch(t, rng, e, r, want, where)
	}
}

func compareGroups(t *testing.T, e *Engine, r Request, want []*modelRecord, where string) {
	for _, f := range []string{"service", "http.status_code", "user.id", "severity"} {
		groups, err := e.CountBy(t.Context(), r, f, 0)
		if err != nil {
			t.Fatalf("%s: by %s: %v", where, f, err)
		}
		counts, absent := map[string]uint64{}, uint64(0)
		for _, m := range want {
			cells := m.cellsOf(f)
			if len(cells) == 0 {
				absent++
			}
			for _, v := range cells {
				counts[modelText(v)]++
			}
		}
		if len(groups.Groups) != len(counts) || groups.Absent != absent || groups.Count != uint64(len(want)) {
			t.Errorf("%s: by %s: %+v, want %v and %d without", where, f, groups, counts, absent)
		}
		for _, g := range groups.Groups {
			if counts[g.Value] != g.Count {
				t.Errorf("%s: by %s: %s counted %d, want %d", where, f, g.Value, g.Count, counts[g.Value])
			}
		}
	}
}

func compareHistogram(t *testing.T, e *Engine, r Request, want []*modelRecord, where string) {
	for _, by := range []HistogramBy{{Step: time.Minute}, {Step: 10 * time.Second, Field: "service"}} {
		h, err := e.Histogram(t.Context(), r, by)
		if err != nil {
			t.Fatalf("%s: histogram: %v", where, err)
		}
		have := map[string]uint64{}
		for _, s := range h.Series {
			for i, n := range s.Counts {
				if n > 0 {
					have[s.Value+" "+strconv.FormatInt(h.Start+int64(i)*int64(h.Step), 10)] += n
				}
			}
		}
		for _, m := range want {
			service := ""
			if by.Field != "" {
				service = m.cells[telemetry.Column{Level: telemetry.LevelResource, Key: "service.name", Type: telemetry.TypeString}].(string)
			}
			key := service + " " + strconv.FormatInt(m.time/int64(h.Step)*int64(h.Step), 10)
			if have[key]--; have[key] == 0 {
				delete(have, key)
			}
		}
		if len(have) > 0 || h.Count != uint64(len(want)) {
			t.Errorf("%s: histogram by %q is off by %v (counted %d, want %d)", where, by.Field, have, h.Count, len(want))
		}
	}
}

// compareSearch pages through the answer in both directions.
func compareSearch(t *testing.T, rng *rand.Rand, e *Engine, r Request, want []*modelRecord, where string) {
	var lists [2][]string
	for i, oldest := range []bool{false, true} {
		s := Search{Request: r, Limit: 1 + rng.IntN(60), OldestFirst: oldest}
		last := int64(0)
		for {
			found, err := e.Search(t.Context(), s)
			if err != nil {
				t.Fatalf("%s: search: %v", where, err)
			}
			if len(found.Stats.Partial) > 0 {
				t.Fatalf("%s: partial: %v", where, found.Stats.Partial)
			}
			for _, rec := range found.Records {
				if len(lists[i]) > 0 && (rec.Time < last) == oldest && rec.Time != last {
					t.Fatalf("%s: time %d after %d (oldest first %v)", where, rec.Time, last, oldest)
				}
				last = rec.Time
				lists[i] = append(lists[i], describe(rec))
			}
			if found.Cursor == nil {
				break
			}
			if len(found.Records) != s.Limit || len(lists[i]) > len(want) {
				t.Fatalf("%s: page of %d records with a cursor, limit %d, %d so far of %d", where, len(found.Records), s.Limit, len(lists[i]), len(want))
			}
			if s.Cursor, err = ParseCursor(found.Cursor.String()); err != nil {
				t.Fatal(err)
			}
		}
	}
	slices.Reverse(lists[1])
	if !slices.Equal(lists[0], lists[1]) {
		t.Errorf("%s: newest first is not oldest first reversed", where)
	}
	var all []string
	for _, m := range want {
		all = append(all, m.describe())
	}
	slices.Sort(all)
	slices.Sort(lists[0])
	if !slices.Equal(all, lists[0]) {
		t.Errorf("%s: found %d records, want %d\nhave %v\nwant %v", where, len(lists[0]), len(all), head3(lists[0]), head3(all))
	}
}

func head3(s []string) string { return strings.Join(s[:min(3, len(s))], "\n") }

// describe prints all values; both must agree.
func describe(r Record) string {
	var out []string
	for _, f := range r.Fields {
		if slices.Contains(question.HiddenFields, f.Column.Key) {
			continue
		}
		out = append(out, f.Column.String()+"="+f.Text())
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func (r *modelRecord) describe() string {
	var out []string
	for c, v := range r.cells {
		out = append(out, c.String()+"="+modelText(v))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func randomQuery(rng *rand.Rand, signal telemetry.Signal, depth int) string {
	switch n := rng.IntN(10); {
	case depth > 0 && n < 2:
		return "(" + randomQuery(rng, signal, depth-1) + " OR " + randomQuery(rng, signal, depth-1) + ")"
	case depth > 0 && n < 5:
		return randomQuery(rng, signal, depth-1) + " " + randomQuery(rng, signal, depth-1)
	case depth > 0 && n < 6:
		return "-(" + randomQuery(rng, signal, depth-1) + ")"
	}
	leaves := []string{
		"*", "timeout", "connection", `"connection timeout"`, "CONN*", "re?et", "alice", "dave~", "conection~2", "erin_x", "fränk", "ÉLEVÉ",
		"blk_3", "web-1", "5432", "200", `"10.0.1.2"`, "10.0.1.2:5432", "/time.?out/", "/(?i)CONNECTION/", "/Connection/i", "/^user/",
		`/\d{3}ms/`, "/[0-9a-f]{8}-/", "/reset by peer/", `/main\.go:1\d$/`, `"100%"`, `"->"`, "/^$/", "/errno 00[1-5]/", "9e3779b1*",
		"service:checkout", "service:(cart OR payment)", "service:front-end", "service:front", "service:c*", "service:/t$/", "service!=cart",
		"service=cart", "service:nothing", "service:*", "host.name:web-1", "-host.name:*", "resource.host.name:web-2", "attr.host.name:web-2",
		"http.status_code:500", "http.status_code:5*", "http.status_code>=404", "http.status_code<204", "http.status_code!=200",
		"http.status_code>10ms", "http.status_code:/0$/", "http.status_code:*", "ratio>0.5", "ratio=0.25", "ratio<=1", "ratio:1", "ok:true", "ok:FALSE",
		"tags:red", `tags:"blue sky"`, "tags:sky", "tags:*", "tags=[]", "key:010200", "key:0102*", "user.id:u-9e3779b1", "user.id:u-*", "user.id:/3$/",
		`user.id="u-9e3779b1"`, "url.path:/health", "url.path:/api/*", "url.path=/Health", "url.path:/v1.pay/", "-url.path:*health", "build:200", "scope.build:1.2.3",
		"scope.name:lib/a", "any:200", "any:cart", "any:red", "any:web*", "any:/[aeiou]{2}/", "any:alice~", "any:true", "missing:x", "missing:*", "-missing:x",
		longKey + ":red", longKey + ">0", "resource." + longKey + ":1", "-attr." + longKey + ":*", longKey + ":/blue/",
		"trace_id:03000000000000000000000000000007", "trace_id:04*", "trace_id:*", "span_id:0102030405060001",
	}
	if signal == telemetry.Logs {
		leaves = append(leaves, "severity:error", "severity>=warn", "severity<info", "severity:9", "severity>warn2", "severity<=error", "severity_text:WARN",
			"severity:*", "body:timeout", `body="connection timeout"`, "body:*", "-body:*", "body!=x", "time>=2026-11-21T11:00:00.0000001Z", "time<now-59m")
	} else {
		leaves = append(leaves, "duration>200ms", "duration<=0.1s", "duration=50ms", "status:error", "status:OK", "kind:server", "kind!=client", "name:cart",
			`name="GET /cart"`, `name:"get cart"`, "status_message:*", "status_message:timeout", "parent_span_id:*", "start>now-1h", "time>now-1h")
	}
	return leaves[rng.IntN(len(leaves))]
}
