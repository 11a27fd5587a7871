package engine

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"clew/internal/telemetry"
	"clew/query/lang"
)

// modelRecord is a record as a test means it: every value of it, by column.
type modelRecord struct {
	signal telemetry.Signal
	time   int64
	cells  map[telemetry.Column]any // string, int64, float64, bool, []byte; JSON text for arrays
}

func (r *modelRecord) set(level telemetry.Level, key string, t telemetry.Type, v any) {
	r.cells[telemetry.Column{Level: level, Key: key, Type: t}] = v
}

var kinds = map[string]ptrace.SpanKind{
	"unspecified": 0, "internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5,
}

// toLogs and toTraces make the pdata that a sender of the record would send, each in a resource of its own.
func toLogs(records []*modelRecord) plog.Logs {
	out := plog.NewLogs()
	for _, r := range records {
		rl := out.ResourceLogs().AppendEmpty()
		sl := rl.ScopeLogs().AppendEmpty()
		lr := sl.LogRecords().AppendEmpty()
		lr.SetTimestamp(pcommon.Timestamp(r.time))
		for c, v := range r.cells {
			if setShared(c, v, rl.Resource(), sl.Scope(), lr.Attributes()) {
				continue
			}
			switch c.Key {
			case telemetry.FieldSeverity:
				lr.SetSeverityNumber(plog.SeverityNumber(v.(int64)))
			case telemetry.FieldSeverityText:
				lr.SetSeverityText(v.(string))
			case telemetry.FieldBody:
				lr.Body().SetStr(v.(string))
			case telemetry.FieldTraceID:
				lr.SetTraceID(pcommon.TraceID(v.([]byte)))
			case telemetry.FieldSpanID:
				lr.SetSpanID(pcommon.SpanID(v.([]byte)))
			}
		}
	}
	return out
}

func toTraces(records []*modelRecord) ptrace.Traces {
	out := ptrace.NewTraces()
	for _, r := range records {
		rs := out.ResourceSpans().AppendEmpty()
		ss := rs.ScopeSpans().AppendEmpty()
		s := ss.Spans().AppendEmpty()
		s.SetStartTimestamp(pcommon.Timestamp(r.time))
		for c, v := range r.cells {
			if setShared(c, v, rs.Resource(), ss.Scope(), s.Attributes()) {
				continue
			}
			switch c.Key {
			case telemetry.FieldDuration:
				s.SetEndTimestamp(pcommon.Timestamp(r.time + v.(int64)))
			case telemetry.FieldName:
				s.SetName(v.(string))
			case telemetry.FieldKind:
				s.SetKind(kinds[v.(string)])
			case telemetry.FieldStatus:
				s.Status().SetCode(map[string]ptrace.StatusCode{"unset": 0, "ok": 1, "error": 2}[v.(string)])
			case telemetry.FieldStatusMessage:
				s.Status().SetMessage(v.(string))
			case telemetry.FieldTraceID:
				s.SetTraceID(pcommon.TraceID(v.([]byte)))
			case telemetry.FieldSpanID:
				s.SetSpanID(pcommon.SpanID(v.([]byte)))
			case telemetry.FieldParentSpanID:
				s.SetParentSpanID(pcommon.SpanID(v.([]byte)))
			}
		}
	}
	return out
}

// setShared sets what logs and spans have in common: attributes.
func setShared(c telemetry.Column, v any, res pcommon.Resource, scope pcommon.InstrumentationScope, attrs pcommon.Map) bool {
	var m pcommon.Map
	switch {
	case c.Level == telemetry.LevelResource:
		m = res.Attributes()
	case c.Level == telemetry.LevelScope:
		m = scope.Attributes()
	case c.Level == telemetry.LevelRecord:
		m = attrs
	case c.Key == telemetry.FieldScopeName:
		scope.SetName(v.(string))
		return true
	default:
		return false
	}
	if c.Type == telemetry.TypeJSON {
		into := m.PutEmpty(c.Key)
		if err := telemetry.ParseValue(v.(string), into); err != nil {
			panic(err)
		}
		return true
	}
	putAll(m, map[string]any{c.Key: v})
	return true
}

// text is the value as queries see it.
func modelText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case []byte:
		return hex.EncodeToString(v)
	}
	panic(fmt.Sprintf("value of type %T", v))
}

// matches is the language's meaning, told once more in the simplest way: docs/query-language.md with regexp and strings.
func (r *modelRecord) matches(t testing.TB, e lang.Expr) bool {
	switch e := e.(type) {
	case lang.Everything:
		return true
	case *lang.And:
		for _, x := range e.Terms {
			if !r.matches(t, x) {
				return false
			}
		}
		return true
	case *lang.Or:
		for _, x := range e.Terms {
			if r.matches(t, x) {
				return true
			}
		}
		return false
	case *lang.Not:
		return !r.matches(t, e.Term)
	}
	m := e.(*lang.Match)
	cells := r.cellsOf(m.Field)
	if m.Op == lang.OpNotEqual {
		equal := *m
		equal.Op = lang.OpEqual
		return len(cells) > 0 && !r.matches(t, &equal)
	}
	for c, v := range cells {
		if cellMatches(t, m, r.signal, c, v) {
			return true
		}
	}
	return false
}

func (r *modelRecord) cellsOf(name string) map[telemetry.Column]any {
	prose := map[telemetry.Signal]string{telemetry.Logs: " body ", telemetry.Spans: " name status_message exceptions "}[r.signal]
	fixed := map[telemetry.Signal]string{
		telemetry.Logs:  " time severity severity_text body trace_id span_id scope.name ",
		telemetry.Spans: " start duration name kind status status_message trace_id span_id parent_span_id scope.name ",
	}[r.signal]
	out := map[telemetry.Column]any{}
	for c, v := range r.cells {
		field := c.Level == telemetry.LevelField
		var ok bool
		switch {
		case name == "any":
			ok = true
		case name == "":
			ok = field && strings.Contains(prose, " "+c.Key+" ")
		case name == "time":
			ok = field && (c.Key == "time" || c.Key == "start")
		case name == "service":
			ok = c.Level == telemetry.LevelResource && c.Key == "service.name"
		case strings.Contains(fixed, " "+name+" "):
			ok = field && c.Key == name
		case strings.HasPrefix(name, "resource."):
			ok = c.Level == telemetry.LevelResource && c.Key == name[len("resource."):]
		case strings.HasPrefix(name, "scope."):
			ok = c.Level == telemetry.LevelScope && c.Key == name[len("scope."):]
		case strings.HasPrefix(name, "attr."):
			ok = c.Level == telemetry.LevelRecord && c.Key == name[len("attr."):]
		default:
			ok = !field && c.Key == name
		}
		if ok {
			out[c] = v
		}
	}
	return out
}

func cellMatches(t testing.TB, m *lang.Match, signal telemetry.Signal, c telemetry.Column, v any) bool {
	isProse := c.Level == telemetry.LevelField && (c.Key == "body" || signal == telemetry.Spans && (c.Key == "name" || c.Key == "status_message"))
	words := (isProse || m.Field == "any") && c.Type == telemetry.TypeString || c.Type == telemetry.TypeJSON
	text := modelText(v)
	switch m.Value.Form {
	case lang.FormExists:
		return true
	case lang.FormRegex:
		expr := m.Value.Text
		if m.Value.Fold {
			expr = "(?i)" + expr
		}
		return compiled(expr).MatchString(text)
	case lang.FormGlob:
		if words && (isProse || m.Field == "any") {
			return wordRegexp(globRegexp(strings.ToLower(m.Value.Text), `[\pL\p{Nd}_]`)).MatchString(apart(text))
		}
		return compiled(`(?s)\A` + globRegexp(m.Value.Text, `.`) + `\z`).MatchString(text)
	case lang.FormFuzzy:
		for _, w := range compiled(`[\pL\p{Nd}_]+`).FindAllString(apart(text), -1) {
			if editDistance([]rune(strings.ToLower(w)), []rune(strings.ToLower(m.Value.Text))) <= m.Value.Distance {
				return true
			}
		}
		return false
	}
	if c.Key == "severity" && m.Field == "severity" {
		return modelSeverity(t, m, v.(int64))
	}
	if m.Op >= lang.OpLess {
		return modelOrder(m.Op, v, m.Value.Text)
	}
	switch x := v.(type) {
	case string:
		if m.Op == lang.OpMatch && words {
			return phraseIn(m.Value.Text, x)
		}
		if c.Key == "kind" || c.Key == "status" {
			return strings.EqualFold(x, m.Value.Text)
		}
		return x == m.Value.Text
	case int64, float64:
		return modelOrder(lang.OpEqual, v, m.Value.Text)
	case bool:
		return strings.EqualFold(text, m.Value.Text)
	}
	return text == strings.ToLower(m.Value.Text)
}

func modelSeverity(t testing.TB, m *lang.Match, v int64) bool {
	from, err := telemetry.ParseSeverity(m.Value.Text)
	if err != nil {
		t.Fatal(err)
	}
	to := from
	if !compiled(`[0-9]$`).MatchString(m.Value.Text) {
		to = from + 3
	}
	switch m.Op {
	case lang.OpLess:
		return v < from
	case lang.OpLessEqual:
		return v <= to
	case lang.OpGreater:
		return v > to
	case lang.OpGreaterEqual:
		return v >= from
	}
	return from <= v && v <= to
}

func modelOrder(op lang.Op, v any, text string) bool {
	q, ok := lang.ParseQuantity(text, testNow)
	if !ok {
		return false
	}
	var x float64
	switch v := v.(type) {
	case int64:
		if x = float64(v); q.Exact { // nanoseconds exceed what a double holds
			x, q.Float = float64(v-q.Int), 0
		}
	case float64:
		x = v
	case string:
		p, ok := lang.ParseQuantity(v, testNow)
		if !ok || p.Unit == lang.UnitTime {
			return false
		}
		x = p.Float
	default:
		return false
	}
	switch op {
	case lang.OpLess:
		return x < q.Float
	case lang.OpLessEqual:
		return x <= q.Float
	case lang.OpGreater:
		return x > q.Float
	case lang.OpGreaterEqual:
		return x >= q.Float
	}
	return x == q.Float
}

var compiledCache sync.Map

// compiled keeps expressions: compiling the classes of letters takes longer than all the rest of a test.
func compiled(expr string) *regexp.Regexp {
	re, ok := compiledCache.Load(expr)
	if !ok {
		re, _ = compiledCache.LoadOrStore(expr, regexp.MustCompile(expr))
	}
	return re.(*regexp.Regexp)
}

const wordEdge = `[^\pL\p{Nd}_]`

func wordRegexp(body string) *regexp.Regexp {
	return compiled(`(?:\A|` + wordEdge + `)(?:` + body + `)(?:\z|` + wordEdge + `)`)
}

// apart is a text in lower case, in which words compare, with Han characters, each of which is a word, set apart from what stands beside them.
func apart(text string) string {
	return compiled(`\p{Han}`).ReplaceAllString(strings.ToLower(text), "\x00$0\x00")
}

// phraseIn says whether a phrase's words stand in a text in sequence; a phrase without a word is looked for as it is.
func phraseIn(phrase, text string) bool {
	words := compiled(`[\pL\p{Nd}_]+`).FindAllString(apart(phrase), -1)
	if len(words) == 0 {
		return strings.Contains(strings.ToLower(text), strings.ToLower(phrase))
	}
	for i := range words {
		words[i] = regexp.QuoteMeta(words[i])
	}
	return wordRegexp(strings.Join(words, wordEdge+"+")).MatchString(apart(text))
}

// globRegexp is for patterns without escapes.
func globRegexp(pattern, char string) string {
	p := regexp.QuoteMeta(pattern)
	p = strings.ReplaceAll(p, `\*`, char+"*")
	return strings.ReplaceAll(p, `\?`, char)
}

func editDistance(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range b {
			d := min(row[j+1], row[j]) + 1
			if x == y {
				d = min(d, diagonal)
			} else {
				d = min(d, diagonal+1)
			}
			diagonal, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}

// longKey is too long for a column: its values go to the overflow.
var longKey = strings.Repeat("long", 150)

// randomRecords are n records of a small world, so that queries about it find something.
func randomRecords(rng *rand.Rand, signal telemetry.Signal, n int) []*modelRecord {
	pick := func(s ...string) string { return s[rng.IntN(len(s))] }
	var records []*modelRecord
	for i := range n {
		r := &modelRecord{signal: signal, cells: map[telemetry.Column]any{}}
		// Few distinct times, so that many records share one.
		r.time = testNow.Add(-time.Hour).UnixNano() + int64(rng.IntN(n/3+1))*int64(rng.IntN(2)*999_999_937+1)
		field := func(key string, t telemetry.Type, v any) { r.set(telemetry.LevelField, key, t, v) }
		r.set(telemetry.LevelResource, "service.name", telemetry.TypeString, pick("checkout", "cart", "payment", "front-end"))
		if rng.IntN(2) == 0 {
			r.set(telemetry.LevelResource, "host.name", telemetry.TypeString, pick("web-1", "web-2"))
		}
		if rng.IntN(3) == 0 {
			field(telemetry.FieldScopeName, telemetry.TypeString, pick("lib/a", "lib/b"))
			r.set(telemetry.LevelScope, "build", telemetry.TypeString, pick("1.2.3", "200", "true"))
		}
		if rng.IntN(2) == 0 {
			r.set(telemetry.LevelRecord, "http.status_code", telemetry.TypeInt, int64([]int{200, 204, 404, 500, 503}[rng.IntN(5)]))
		} else if rng.IntN(3) == 0 {
			r.set(telemetry.LevelRecord, "http.status_code", telemetry.TypeString, pick("200", "500", "n/a", "15ms"))
		}
		if rng.IntN(5) == 0 {
			r.set(telemetry.LevelRecord, longKey, telemetry.TypeString, pick("red", "blue sky", "3"))
		}
		switch rng.IntN(6) {
		case 0:
			r.set(telemetry.LevelRecord, "ratio", telemetry.TypeDouble, float64(rng.IntN(8))/4)
		case 1:
			r.set(telemetry.LevelRecord, "ok", telemetry.TypeBool, rng.IntN(2) == 0)
		case 2:
			r.set(telemetry.LevelRecord, "tags", telemetry.TypeJSON, pick(`["red","blue sky"]`, `["red",200]`, `[]`))
		case 3:
			r.set(telemetry.LevelRecord, "key", telemetry.TypeBytes, []byte{1, 2, byte(rng.IntN(3))})
		case 4:
			r.set(telemetry.LevelRecord, "user.id", telemetry.TypeString, fmt.Sprintf("u-%08x", rng.Uint32N(64)*2654435761))
		}
		if rng.IntN(4) > 0 {
			r.set(telemetry.LevelRecord, "url.path", telemetry.TypeString, pick("/health", "/api/v1/cart", "/api/v1/pay", "/Health"))
		}
		if rng.IntN(3) == 0 || signal == telemetry.Spans {
			id := make([]byte, 16)
			id[0], id[15] = byte(rng.IntN(8))+1, 7
			field(telemetry.FieldTraceID, telemetry.TypeBytes, id)
			field(telemetry.FieldSpanID, telemetry.TypeBytes, []byte{1, 2, 3, 4, 5, 6, byte(i >> 8), byte(i)})
		}
		text := randomText(rng)
		if signal == telemetry.Logs {
			field(telemetry.FieldTime, telemetry.TypeTime, r.time)
			if rng.IntN(8) > 0 {
				field(telemetry.FieldBody, telemetry.TypeString, text)
			}
			if rng.IntN(4) > 0 {
				field(telemetry.FieldSeverity, telemetry.TypeInt, int64(rng.IntN(24)+1))
			}
			if rng.IntN(4) == 0 {
				field(telemetry.FieldSeverityText, telemetry.TypeString, pick("WARN", "error", "Info"))
			}
		} else {
			field(telemetry.FieldStart, telemetry.TypeTime, r.time)
			field(telemetry.FieldDuration, telemetry.TypeInt, int64(rng.IntN(400))*1e6)
			field(telemetry.FieldName, telemetry.TypeString, pick("GET /cart", "POST /pay", "query users", text))
			field(telemetry.FieldKind, telemetry.TypeString, pick("internal", "server", "client"))
			field(telemetry.FieldStatus, telemetry.TypeString, pick("unset", "ok", "error"))
			if rng.IntN(3) == 0 {
				field(telemetry.FieldStatusMessage, telemetry.TypeString, text)
			}
		}
		records = append(records, r)
	}
	return records
}

func randomText(rng *rand.Rand) string {
	user := []string{"alice", "bob", "carol", "Dave", "erin_x", "fränk"}[rng.IntN(6)]
	switch rng.IntN(9) {
	case 0:
		return fmt.Sprintf("connection timeout after %dms to 10.0.%d.%d:%d", rng.IntN(5)*100, rng.IntN(3), rng.IntN(3), 5432)
	case 1:
		return fmt.Sprintf("user %s logged in from web-%d", user, rng.IntN(4))
	case 2:
		return fmt.Sprintf("Connection reset by peer (errno %03d)", rng.IntN(12))
	case 3:
		return fmt.Sprintf("request %08x-%04x done in %d.%03ds", rng.Uint32N(32)*2654435761, rng.IntN(9), rng.IntN(3), rng.IntN(1000))
	case 4:
		return fmt.Sprintf("blk_%d served to %s", rng.IntN(20)-5, user)
	case 5:
		return "panic: index out of range\n\tat main.go:" + strconv.Itoa(rng.IntN(40))
	case 6:
		return "  " // no word at all
	case 7:
		return fmt.Sprintf("état=ÉLEVÉ pour %s -> 100%%", user)
	}
	return fmt.Sprintf("GET /api/v%d/items?id=%d HTTP/1.1\" 200 %d", rng.IntN(3), rng.IntN(50), rng.IntN(3000))
}
