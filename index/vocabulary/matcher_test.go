package vocabulary

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// coded is texts that share a template.
type coded struct {
	template []byte
	texts    [][]byte
	filter   HoleFilter
}

// holeWords collects the hashes of the words inside string holes, as a segment's filter does.
type holeWords map[uint64]bool

func (h holeWords) addText(text []byte, holes []Hole) {
	for _, hole := range holes {
		if hole.Kind != HoleInt {
			v := text[hole.Start:hole.End]
			Words(v, func(start, end int) bool { h[HashWord(v[start:end])] = true; return true })
		}
	}
}

func (h holeWords) filter(hash uint64) bool { return h[hash] }

// codedTexts makes random texts by templates: those of a Coder, and templates put together piece by piece.
func codedTexts(r *rand.Rand, n int) []coded {
	words := holeWords{}
	byTemplate := map[string]*coded{}
	var out []*coded
	add := func(t, text []byte, holes []Hole) {
		words.addText(text, holes)
		c := byTemplate[string(t)]
		if c == nil {
			c = &coded{template: bytes.Clone(t), filter: words.filter}
			byTemplate[string(t)] = c
			out = append(out, c)
		}
		c.texts = append(c.texts, text)
	}
	c := NewCoder(CoderLimits{Templates: n / 3, TemplateBytes: 1 << 20})
	for range n {
		text := randomText(r)
		code, holes := c.Code(text)
		add(c.Templates().At(int(code)), text, holes)
		add(madeTemplate(r))
	}
	var all []coded
	for _, c := range out {
		all = append(all, *c)
	}
	return all
}

// madeTemplate puts a template and a text of it together.
func madeTemplate(r *rand.Rand) (t, text []byte, holes []Hole) {
	hole := func(kind byte, value string) {
		holes = append(holes, Hole{kind, len(text), len(text) + len(value)})
		t, text = append(t, kind), append(text, value...)
	}
	static := func(s string) { t, text = append(t, s...), append(text, s...) }
	separators := []string{" ", "-", ":", "/", ", ", "\n", "="}
	statics := []string{"user", "bob", "Timeout", "error", "x", "_", "é", "第", "K", "GET", "conn", "s"}
	for range 1 + r.IntN(7) {
		switch r.IntN(9) {
		case 0:
			static(separators[r.IntN(len(separators))])
		case 1, 2:
			static(statics[r.IntN(len(statics))])
		case 3, 4:
			hole(HoleInt, []string{"0", "7", "42", "007", "12345678901234567"}[r.IntN(5)])
			static([]string{"", " ", "x", "ms"}[r.IntN(4)])
		case 5:
			static(" ")
			hole(HoleID, []string{"x7k2p", "7", "9f86d081", "550e8400-e29b-41d4-a716-446655440000", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeee1_del", "x_aaaaaaaa-e29b-41d4-a716-446655440000", "con1", "0xffd"}[r.IntN(8)])
			static(separators[r.IntN(len(separators))])
		case 6, 7:
			static(separators[r.IntN(len(separators))])
			hole(HoleWord, []string{"bob", "Alice", "x", "eth0", "éa", "user", "error", "ſK"}[r.IntN(8)])
			static(separators[r.IntN(len(separators))])
		case 8:
			raw := randomText(r)
			if !utf8.RuneStart(append(raw, 'x')[0]) {
				raw = append([]byte("y"), raw...)
			}
			hole(HoleRaw, string(raw))
			if r.IntN(2) == 0 {
				return t, text, holes
			}
		}
	}
	return t, text, holes
}

// naive is what a matcher should find, written for clarity.
type naive func(text []byte) bool

func words(s []byte) (out []string) {
	Words(s, func(start, end int) bool { out = append(out, string(AppendLower(nil, s[start:end]))); return true })
	return out
}

func naiveSequence(conditions ...func(word string) bool) naive {
	return func(text []byte) bool {
		ws := words(text)
	next:
		for i := range ws {
			for k, c := range conditions {
				if i+k >= len(ws) || !c(ws[i+k]) {
					continue next
				}
			}
			return true
		}
		return false
	}
}

func editDistance(a, b []rune) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		for j := range d[i] {
			switch {
			case i == 0 || j == 0:
				d[i][j] = i + j
			case a[i-1] == b[j-1]:
				d[i][j] = d[i-1][j-1]
			default:
				d[i][j] = 1 + min(d[i-1][j-1], d[i-1][j], d[i][j-1])
			}
		}
	}
	return d[len(a)][len(b)]
}

// expressions are regular expressions over what random texts have.
var expressions = []string{
	`user`, `(?i)USER`, `user.*bob`, `user=\w+`, `\d+ms`, `^\d+`, `\d$`, `\buser\b`, `\Bx`, `[0-9a-f]{8}-`, `.`, `^$`, `\x{7b2c}\d`,
	`(?i)risk|task`, `(?i)K`, `time.?out`, `err(or)?`, `a|b|c`, `(GET|user) .*\d`, `\s\S+\s`, `^[^ ]+ `, `x\d`, `\d+x`, `\d\d\d`, `[^\n]+$`,
	`(?s)^.*$`, `(?m)^bob`, `(?m)error$`, `error\b.`, `e+r+o+r`, `\pL+\d`, `[a-z]+-[a-z]+`, `(?i)ſ`, `^(user|bob|x)?\d`, `conn\w*`, `0x[0-9a-f]+`,
	`\w+`, `\W`, `[\w-]+`, `\b\w+\b`, `^\w+$`, `user \w+ `, ` \d+ `, `=\d{1,2}\b`, `(\d+)\D*(\d+)`, `\x{FFFD}`, `[^a]`, `user: `, `((((x))))`, `(?i)gET`, `\Abob`, `bob\z`,
}

// randomMatcher makes a matcher of any kind with what it should find.
func randomMatcher(t *testing.T, r *rand.Rand) (Matcher, naive) {
	t.Helper()
	piece := func() string {
		s := randomText(r)
		from := r.IntN(len(s))
		return string(s[from : from+1+r.IntN(min(len(s)-from, 8))])
	}
	word := func() string {
		for {
			if ws := words(randomText(r)); len(ws) > 0 {
				return ws[r.IntN(len(ws))]
			}
		}
	}
	equal := func(w string) func(string) bool { return func(x string) bool { return x == w } }
	switch r.IntN(8) {
	case 0:
		w := word()
		return NewWord(strings.ToUpper(w)), naiveSequence(equal(words([]byte(strings.ToUpper(w)))[0]))
	case 1:
		a, b, c := word(), word(), word()
		if r.IntN(2) == 0 {
			return NewPhrase(a + " " + b), naiveSequence(equal(a), equal(b))
		}
		return NewPhrase(a + " " + b + "-" + c), naiveSequence(equal(a), equal(b), equal(c))
	case 2:
		w, before := []rune(word()), word()
		prefix := string(w[:1+r.IntN(len(w))])
		begins := func(x string) bool { return strings.HasPrefix(x, prefix) }
		if r.IntN(2) == 0 {
			return NewPrefix(before + " " + prefix), naiveSequence(equal(before), begins)
		}
		return NewPrefix(prefix), naiveSequence(begins)
	case 3:
		w := []rune(word())
		if runeClass(w[0]) == runeAlone {
			w = []rune("user")
		}
		i := r.IntN(len(w))
		pattern := string(w[:i]) + []string{"*", "?", "*?", "**"}[r.IntN(4)] + string(w[min(len(w), i+r.IntN(3)):])
		re := regexp.MustCompile("(?s)^" + strings.NewReplacer("*", ".*", "?", ".").Replace(pattern) + "$")
		return NewWildcard(pattern), naiveSequence(re.MatchString)
	case 4:
		w, d := word(), 1+r.IntN(2)
		m, err := NewFuzzy(w, d)
		if err != nil {
			t.Fatal(err)
		}
		return m, naiveSequence(func(x string) bool { return editDistance([]rune(x), []rune(w)) <= d })
	case 5:
		s := piece()
		if r.IntN(2) == 0 && utf8.ValidString(s) {
			return NewSubstring(s, true), func(text []byte) bool {
				return bytes.Contains(AppendLower(nil, text), AppendLower(nil, []byte(s)))
			}
		}
		return NewSubstring(s, false), func(text []byte) bool { return bytes.Contains(text, []byte(s)) }
	case 6:
		s := string(randomText(r))
		if r.IntN(2) == 0 {
			_, made, _ := madeTemplate(r)
			s = string(made)
		}
		if r.IntN(2) == 0 {
			return NewExact(s, true), func(text []byte) bool { return bytes.Equal(AppendLower(nil, text), AppendLower(nil, []byte(s))) }
		}
		return NewExact(s, false), func(text []byte) bool { return string(text) == s }
	}
	expr := expressions[r.IntN(len(expressions))]
	switch r.IntN(4) {
	case 0:
		expr = regexp.QuoteMeta(piece()) + expr
	case 1:
		expr += regexp.QuoteMeta(piece())
	}
	m, err := NewRegexp(expr)
	if err != nil {
		// A piece may end inside a character.
		m, err = NewRegexp(`\d+`)
		expr = `\d+`
	}
	if err != nil {
		t.Fatal(err)
	}
	return m, regexp.MustCompile(expr).Match
}

// checkMatcher holds a matcher to its naive form on all texts, and its answers for templates to those for their texts.
func checkMatcher(t *testing.T, m Matcher, want naive, cs []coded) (decided int) {
	t.Helper()
	for _, c := range cs {
		answers := [2]Answer{m.Template(c.template, nil), m.Template(c.template, c.filter)}
		if answers[0] != May && answers[0] != answers[1] {
			t.Fatalf("%s: template %q: %d without filter, %d with", m, c.template, answers[0], answers[1])
		}
		if answers[1] != May {
			decided++
		}
		for _, text := range c.texts {
			got := m.Text(text)
			if got != want(text) {
				t.Fatalf("%s: text %q: %v", m, text, got)
			}
			for _, a := range answers {
				if a == Never && got || a == Always && !got {
					t.Fatalf("%s: template %q: answer %v; text %q: %v", m, c.template, answers, text, got)
				}
			}
			if got {
				has := map[uint64]bool{}
				Words(text, func(start, end int) bool { has[HashWord(text[start:end])] = true; return true })
				for _, h := range m.Words() {
					if !has[h] {
						t.Fatalf("%s: text %q matches without one of the words", m, text)
					}
				}
			}
		}
	}
	return decided
}

func TestMatchersAreSound(t *testing.T) {
	rounds := 20
	if testing.Short() {
		rounds = 5
	}
	for round := range rounds {
		r := rand.New(rand.NewPCG(uint64(round), 11))
		cs := codedTexts(r, 300)
		for range 150 {
			m, want := randomMatcher(t, r)
			checkMatcher(t, m, want, cs)
		}
	}
}

func FuzzMatchers(f *testing.F) {
	for i := range uint64(20) {
		f.Add(i, []byte(fmt.Sprint("user bob", i, " took 5ms")), `user \w+\d`)
	}
	f.Fuzz(func(t *testing.T, seed uint64, text []byte, expr string) {
		r := rand.New(rand.NewPCG(seed, 12))
		cs := codedTexts(r, 20)
		c := NewCoder(DefaultCoderLimits())
		code, holes := c.Code(text)
		words := holeWords{}
		words.addText(text, holes)
		cs = append(cs, coded{c.Templates().At(int(code)), [][]byte{text}, words.filter})
		m, want := randomMatcher(t, r)
		checkMatcher(t, m, want, cs)
		if re, err := regexp.Compile(expr); err == nil && len(expr) < 100 {
			m, err := NewRegexp(expr)
			if err != nil {
				t.Fatal(err)
			}
			checkMatcher(t, m, re.Match, cs)
		}
	})
}
