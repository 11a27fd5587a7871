package lang

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var ignorePositions = cmpopts.IgnoreFields(Match{}, "Pos", "End")

func leaf(field string, op Op, v Value) *Match { return &Match{Field: field, Op: op, Value: v} }
func word(s string) *Match                     { return leaf("", OpMatch, Value{Text: s}) }
func field(f, s string) *Match                 { return leaf(f, OpMatch, Value{Text: s}) }

func TestParse(t *testing.T) {
	for _, c := range []struct {
		in    string
		want  Expr
		canon string
	}{
		{"", Everything{}, ""},
		{" \t\n", Everything{}, ""},
		{"*", Everything{}, ""},
		{"-*", Neg(Everything{}), "-*"},
		{"timeout", word("timeout"), "timeout"},
		{"a b", &And{[]Expr{word("a"), word("b")}}, "a b"},
		{"a AND b", &And{[]Expr{word("a"), word("b")}}, "a b"},
		{"(a b) c", &And{[]Expr{word("a"), word("b"), word("c")}}, "a b c"},
		{"a * b", &And{[]Expr{word("a"), word("b")}}, "a b"},
		{"a OR b c", &Or{[]Expr{word("a"), &And{[]Expr{word("b"), word("c")}}}}, "a OR (b c)"},
		{"(a OR b) c", &And{[]Expr{&Or{[]Expr{word("a"), word("b")}}, word("c")}}, "(a OR b) c"},
		{"NOT a -b", &And{[]Expr{Neg(word("a")), Neg(word("b"))}}, "-a -b"},
		{"--a", word("a"), "a"},
		{"-NOT a", word("a"), "a"},
		{"-(a b)", Neg(&And{[]Expr{word("a"), word("b")}}), "-(a b)"},
		{"or", word("or"), "or"},
		{`"OR"`, word("OR"), `"OR"`},
		{`"connection timeout"`, word("connection timeout"), `"connection timeout"`},
		{`"a \"b\" \\ \n"`, word("a \"b\" \\ \n"), `"a \"b\" \\ \n"`},
		{"time-out", word("time-out"), "time-out"},
		{"conn*", leaf("", OpMatch, Value{Form: FormGlob, Text: "conn*"}), "conn*"},
		{`c\*n*`, leaf("", OpMatch, Value{Form: FormGlob, Text: `c\*n*`}), `c\*n*`},
		{`c\-n\*`, word("c-n*"), `"c-n*"`},
		{"/time.?out/", leaf("", OpMatch, Value{Form: FormRegex, Text: "time.?out"}), "/time.?out/"},
		{`/a\/b\\/i`, leaf("", OpMatch, Value{Form: FormRegex, Text: `a/b\\`, Fold: true}), `/a\/b\\/i`},
		{"conection~", leaf("", OpMatch, Value{Form: FormFuzzy, Text: "conection", Distance: 1}), "conection~1"},
		{"conection~2", leaf("", OpMatch, Value{Form: FormFuzzy, Text: "conection", Distance: 2}), "conection~2"},
		{"service:checkout", field("service", "checkout"), "service:checkout"},
		{`service:"check out"`, field("service", "check out"), `service:"check out"`},
		{`"odd key":x`, field("odd key", "x"), `"odd key":x`},
		{`odd\ key:x`, field("odd key", "x"), `"odd key":x`},
		{`"12":x`, field("12", "x"), `"12":x`},
		{"path:/health", field("path", "/health"), `path:"/health"`},
		{"path:/api/v1", field("path", "/api/v1"), `path:"/api/v1"`},
		{"-path:health*", Neg(leaf("path", OpMatch, Value{Form: FormGlob, Text: "health*"})), "-path:health*"},
		{"path:/health*", leaf("path", OpMatch, Value{Form: FormGlob, Text: "/health*"}), `path:\/health*`},
		{"path:/he.lth/", leaf("path", OpMatch, Value{Form: FormRegex, Text: "he.lth"}), "path:/he.lth/"},
		{"path:/a b/ c", &And{[]Expr{leaf("path", OpMatch, Value{Form: FormRegex, Text: "a b"}), word("c")}}, "path:/a b/ c"},
		{"path:/health /re/", &And{[]Expr{field("path", "/health"), leaf("", OpMatch, Value{Form: FormRegex, Text: "re"})}}, `path:"/health" /re/`},
		{
			"path:/health a /(b)/", &And{[]Expr{field("path", "/health"), word("a"), leaf("", OpMatch, Value{Form: FormRegex, Text: "(b)"})}},
			`path:"/health" a /(b)/`,
		},
		{
			"path:/health status:error path:/x", &And{[]Expr{field("path", "/health"), field("status", "error"), field("path", "/x")}},
			`path:"/health" status:error path:"/x"`,
		},
		{"f:(a OR \"b c\" -d)", &Or{[]Expr{field("f", "a"), &And{[]Expr{field("f", "b c"), Neg(field("f", "d"))}}}}, `f:a OR (f:"b c" -f:d)`},
		{"f:(a) b", &And{[]Expr{field("f", "a"), word("b")}}, "f:a b"},
		{"f:*", leaf("f", OpMatch, Value{Form: FormExists}), "f:*"},
		{"duration>200ms", leaf("duration", OpGreater, Value{Text: "200ms"}), "duration>200ms"},
		{"duration:>=200ms", leaf("duration", OpGreaterEqual, Value{Text: "200ms"}), "duration>=200ms"},
		{"a<-5", leaf("a", OpLess, Value{Text: "-5"}), `a<"-5"`},
		{"a=b=c", leaf("a", OpEqual, Value{Text: "b=c"}), `a="b=c"`},
		{"a!=b", leaf("a", OpNotEqual, Value{Text: "b"}), "a!=b"},
		{"time>=2026-11-21T09:00:00Z", leaf("time", OpGreaterEqual, Value{Text: "2026-11-21T09:00:00Z"}), "time>=2026-11-21T09:00:00Z"},
		{"any:x", field("any", "x"), "any:x"},
		{"url:http://a/b", field("url", "http://a/b"), `url:"http://a/b"`},
		{"größe:übel", field("größe", "übel"), "größe:übel"},
		{"日本", word("日本"), "日本"},
		{
			`service:checkout severity>=warn "connection timeout" duration>200ms (status:error OR http.response.status_code:5*) -path:health* /time.?out/ conection~1`,
			&And{[]Expr{
				field("service", "checkout"), leaf("severity", OpGreaterEqual, Value{Text: "warn"}), word("connection timeout"),
				leaf("duration", OpGreater, Value{Text: "200ms"}),
				&Or{[]Expr{field("status", "error"), leaf("http.response.status_code", OpMatch, Value{Form: FormGlob, Text: "5*"})}},
				Neg(leaf("path", OpMatch, Value{Form: FormGlob, Text: "health*"})),
				leaf("", OpMatch, Value{Form: FormRegex, Text: "time.?out"}),
				leaf("", OpMatch, Value{Form: FormFuzzy, Text: "conection", Distance: 1}),
			}},
			`service:checkout severity>=warn "connection timeout" duration>200ms (status:error OR http.response.status_code:5*) -path:health* /time.?out/ conection~1`,
		},
	} {
		got, err := Parse(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if d := cmp.Diff(c.want, got, ignorePositions); d != "" {
			t.Errorf("%s: (-want +got)\n%s", c.in, d)
		}
		if got.String() != c.canon {
			t.Errorf("%s: canonical form is %s, want %s", c.in, got, c.canon)
		}
		checkCanonical(t, got)
	}
}

func checkCanonical(t *testing.T, e Expr) {
	t.Helper()
	again, err := Parse(e.String())
	if err != nil {
		t.Fatalf("canonical form %s does not parse: %v", e, err)
	}
	if d := cmp.Diff(e, again, ignorePositions); d != "" {
		t.Fatalf("canonical form %s parses to another tree (-want +got)\n%s", e, d)
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct {
		in       string
		pos, end int
		msg      string
	}{
		{"(a", 0, 1, "not closed"},
		{"a)", 1, 2, "closed that was not opened"},
		{"a ()", 2, 4, "nothing stands"},
		{`x "abc`, 2, 6, "quote is not closed"},
		{"/abc", 0, 4, "regular expression is not closed"},
		{"/var/log", 0, 5, "follows the regular expression"},
		{"//", 0, 2, "empty"},
		{"a /x(/", 2, 6, "missing closing )"},
		{"/(?=x)/", 0, 7, "invalid or unsupported Perl syntax"},
		{"a OR", 4, 4, "OR needs"},
		{"OR a", 0, 2, "OR needs"},
		{"a AND", 5, 5, "AND needs"},
		{"AND a", 0, 3, "AND needs"},
		{"a AND AND b", 6, 9, "AND needs"},
		{"-OR a", 1, 3, "OR needs"},
		{"NOT", 0, 3, "NOT needs"},
		{"a - b", 2, 3, "negates nothing"},
		{"f:", 2, 2, "value is missing"},
		{"f: x", 2, 3, "value is missing"},
		{"f>", 2, 2, "value is missing"},
		{":x", 0, 1, "name is missing"},
		{`"":x`, 0, 3, "name is missing"},
		{"f*:x", 0, 2, "no wildcards"},
		{"f=a*", 2, 4, "wildcards do not go with ="},
		{"12:30:01", 0, 3, "read as a field"},
		{"http://x/y", 0, 5, "read as a field"},
		{"word~3", 0, 6, "1 or 2"},
		{"a-b~", 0, 4, "single word"},
		{"a && b", 2, 4, "&&"},
		{"a || b", 2, 4, "||"},
		{"!a", 0, 1, "does not negate"},
		{"+a", 0, 1, "not needed"},
		{`""`, 0, 2, "phrase is empty"},
		{strings.Repeat("(", 300), 100, 101, "nested too deeply"},
		{strings.Repeat("-", 300) + "a", 100, 101, "nested too deeply"},
		{strings.Repeat("a ", 1001), 2000, 2001, "too many"},
		{strings.Repeat("a", 1<<17), 64 << 10, 1 << 17, "too long"},
	} {
		short := c.in[:min(len(c.in), 40)]
		_, err := Parse(c.in)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: error is %v, want a *Error", short, err)
			continue
		}
		if e.Pos != c.pos || e.End != c.end || !strings.Contains(e.Msg, c.msg) {
			t.Errorf("%s: error at %d-%d: %s; want %d-%d: %s", short, e.Pos, e.End, e.Msg, c.pos, c.end, c.msg)
		}
		if e.Hint == "" {
			t.Errorf("%s: no hint", short)
		}
	}
}

func TestPositions(t *testing.T) {
	in := `a -service:"x y" (b OR f:(c d))`
	e, err := Parse(in)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	Walk(e, func(m *Match) { got = append(got, in[m.Pos:m.End]) })
	if d := cmp.Diff([]string{"a", `service:"x y"`, "b", "c", "d"}, got); d != "" {
		t.Error(d)
	}
}

func TestErrorShow(t *testing.T) {
	in := "first\ngröße f= x"
	_, err := Parse(in)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	want := "größe f= x\n        ^\na value is missing after f=\nwrite f=value; f:* asks whether the field exists"
	if got := e.Show(in); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"", `a "b c" -d* (e OR /f\/g/i) h~2 i:j k>=10ms l:(m n) o:* "p q":r`, `\`, `"\`, "a:/b", "\xff\xfe*", "f:\\", "x:~", "((((", "-*", "a\u3000b",
		`f:"\x"`, "*?\\?", "a:*b~", "f:(-(a OR b))", "NOT", "OR OR",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := Parse(s)
		if err != nil {
			var le *Error
			if !errors.As(err, &le) || le.Pos < 0 || le.End < le.Pos || le.End > len(s)+1 || le.Msg == "" {
				t.Fatalf("%q: bad error %#v", s, err)
			}
			le.Show(s)
			return
		}
		if len(e.String()) > queryBytesMax || strings.Count(e.String(), " ") > 500 {
			return // field groups repeat the field: the canonical text may pass the bounds
		}
		checkCanonical(t, e)
	})
}
