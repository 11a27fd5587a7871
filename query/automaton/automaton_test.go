package automaton

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"testing"

	"clew/index/vocabulary"
)

var exprs = []string{
	`\d+ms$`, `^a`, `^$`, ``, `(?m)^b$`, `\bfoo\b`, `\Boo`, `[0-9a-f]{4}-[0-9a-f]{2}`, `a.?b`, `(?s)a.b`, `(?i)FOO|bar`, `x*y+z?`,
	`(ab|b)+\n`, `foo\s+\d`, `[^a-z]{3}`, `0[1-3]\b`, `(?i)k`, `\z`, `a\z|^b`, `é`, `[^x]$`, `\d{3,}`, `foo=`, `[a-z]=[0-9]{3}ms`, `fooms`, `\bé`, `[^é]a`, `(?i)s`, `.[^a]\n`,
}

const alphabet = "aabfoxyzkABFO0123459-_ \n\tms.é"

func randomBytes(r *rand.Rand, from string, n int) []byte {
	runes := []rune(from)
	var b []byte
	for range n {
		b = append(b, string(runes[r.IntN(len(runes))])...)
	}
	return b
}

// Of every text the automaton says what regexp says, or that it is unsure, which only a character beyond ASCII makes it.
func TestRunIsRegexp(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, expr := range exprs {
		a, err := New(expr)
		if err != nil {
			t.Fatal(err)
		}
		re := regexp.MustCompile(expr)
		for range 5000 {
			text := randomBytes(r, alphabet, r.IntN(14))
			s := a.Run(a.Start(), text)
			if s == Unsure {
				if !regexp.MustCompile(`[^\x00-\x7f]`).Match(text) {
					t.Fatalf("%s is unsure of %q", expr, text)
				}
				continue
			}
			if a.End(s) != re.Match(text) {
				t.Fatalf("%s on %q: %v", expr, text, a.End(s))
			}
		}
	}
}

// Of every row of a template the walk says what regexp says of its text, and it does look past variables.
func TestTemplateIsRegexp(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	kinds := []byte{vocabulary.HoleInt, vocabulary.HoleID, vocabulary.HoleWord}
	chars := map[byte]string{
		vocabulary.HoleInt: "0123459", vocabulary.HoleID: "abf0123-", vocabulary.HoleWord: "foobmé_1", vocabulary.HoleRaw: alphabet,
	}
	holes, looked := 0, 0
	for _, expr := range exprs {
		a, err := New(expr)
		if err != nil {
			t.Fatal(err)
		}
		re := regexp.MustCompile(expr)
		for range 400 {
			var template []byte
			for range r.IntN(5) {
				template = append(append(template, randomBytes(r, "ab foms=.-\n1x", r.IntN(5))...), kinds[r.IntN(3)])
			}
			template = append(template, randomBytes(r, "ab foms=.-\n1x", r.IntN(4))...)
			if r.IntN(4) == 0 {
				template = append(template, vocabulary.HoleRaw)
			}
			plan := a.Template(template)
			for range 10 {
				var values [][]byte
				needs, needed := byte(0), false
				if root := plan.Root(); root.Verdict == Read {
					needs, needed = plan.Needs(root, []byte("oms=5"))
				}
				for _, kind := range vocabulary.Holes(nil, template) {
					values = append(values, randomBytes(r, chars[kind], 1+r.IntN(5)))
				}
				holes += len(values)
				text := vocabulary.Append(nil, template, func(k int) []byte { return values[k] })
				if needed && re.Match(text) && bytes.IndexByte(values[plan.Root().Hole], needs) < 0 {
					t.Fatalf("%s matches %q (%q) without %q in variable %d", expr, text, template, needs, plan.Root().Hole)
				}
				got, n := walk(plan, values)
				looked += n
				if got != "rebuild" && got != fmt.Sprint(re.Match(text)) {
					t.Fatalf("%s on %q (%q): %s", expr, text, template, got)
				}
			}
		}
	}
	if looked*2 > holes {
		t.Errorf("looked at %d variables of %d", looked, holes)
	}
}

func walk(plan *Template, values [][]byte) (answer string, looked int) {
	n := plan.Root()
	for n.Verdict == Read {
		looked++
		switch s := plan.Run(n, values[n.Hole]); s {
		case Dead:
			return "false", looked
		case Match:
			return "true", looked
		case Unsure:
			return "rebuild", looked
		default:
			n = plan.After(n, s)
		}
	}
	return map[Verdict]string{Never: "false", Always: "true", Rebuild: "rebuild"}[n.Verdict], looked
}

func TestLimits(t *testing.T) {
	if _, err := New(`(`); err == nil {
		t.Error("a broken expression is taken")
	}
	if _, err := New(`(?:(?:[a-z]{1,90}x){1,9}){1,9}`); err == nil {
		t.Error("a program of any size is taken")
	}
	// Its states are 2 to the power of 13: it becomes unsure, and is never wrong.
	a, err := New(`a[ab]{13}c`)
	if err != nil {
		t.Fatal(err)
	}
	re := regexp.MustCompile(`a[ab]{13}c`)
	r := rand.New(rand.NewPCG(5, 6))
	unsure := 0
	for range 3000 {
		text := randomBytes(r, "ababababc", 60)
		if s := a.Run(a.Start(), text); s == Unsure {
			unsure++
		} else if a.End(s) != re.Match(text) {
			t.Fatalf("%q", text)
		}
	}
	if unsure == 0 || len(a.states) > statesMax {
		t.Errorf("unsure %d times, %d states", unsure, len(a.states))
	}
}
