package vocabulary

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// matchOneByOne is Match without any search.
func matchOneByOne(a *Arena, m Matcher, templates bool, holes HoleFilter) (always, may []uint32) {
	for code := range a.Len() {
		always, may = matchEntry(a, uint32(code), m, templates, holes, always, may)
	}
	return always, may
}

func TestMatchEqualsOneByOne(t *testing.T) {
	for round := range uint64(8) {
		r := rand.New(rand.NewPCG(round, 21))
		templates, values := &Arena{}, &Arena{}
		words := holeWords{}
		c := NewCoder(DefaultCoderLimits())
		for range 300 {
			text := randomText(r)
			values.Append(text)
			_, holes := c.Code(text)
			words.addText(text, holes)
			made, text, holes := madeTemplate(r)
			templates.Append(made)
			words.addText(text, holes)
		}
		for range 150 {
			m, _ := randomMatcher(t, r)
			for _, arena := range []*Arena{templates, c.Templates()} {
				always, may := Match(arena, m, true, words.filter)
				wantAlways, wantMay := matchOneByOne(arena, m, true, words.filter)
				if d := cmp.Diff([2][]uint32{wantAlways, wantMay}, [2][]uint32{always, may}); d != "" {
					t.Fatalf("round %d: %s: templates: %s", round, m, d)
				}
			}
			always, may := Match(values, m, false, nil)
			want, _ := matchOneByOne(values, m, false, nil)
			if d := cmp.Diff(want, always); d != "" || may != nil {
				t.Fatalf("round %d: %s: values: %s", round, m, d)
			}
		}
	}
	for _, a := range []*Arena{{}, {Offsets: []uint32{0}}} {
		if always, may := Match(a, NewWord("x"), true, nil); always != nil || may != nil {
			t.Error("matches in an empty arena")
		}
	}
}

// BenchmarkMatch asks about a large vocabulary, entry by entry or by search.
func BenchmarkMatch(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 22))
	templates := &Arena{}
	for i := range 100_000 {
		made, _, _ := madeTemplate(r)
		templates.Append(fmt.Appendf(nil, "%s the request %c%c%c was answered in \x01 ms by host \x01.\x01 %s", made, 'a'+i%26, 'a'+i/26%26, 'a'+i/676%26, made))
	}
	regexp, _ := NewRegexp(`request [a-c]bc was .* in \d+ ms`)
	fuzzy, _ := NewFuzzy("answred", 1)
	for _, m := range []Matcher{
		NewWord("abc"), NewWord("answered"), NewPhrase("request abc was"), NewPrefix("abc"), NewWildcard("a*c"), fuzzy,
		NewSubstring("est abc w", false), NewSubstring("in 5 ms", false), regexp,
	} {
		b.Run(m.String(), func(b *testing.B) {
			b.SetBytes(int64(len(templates.Data)))
			b.ReportAllocs()
			for b.Loop() {
				Match(templates, m, true, nil)
			}
		})
	}
}

// TestSetContaining looks for literals in strings that are much alike, whose bytes the search may follow are as good as absent.
func TestSetContaining(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 23))
	a := &Arena{}
	for range 2000 {
		s := fmt.Appendf(nil, "%08x-%04X", r.Uint32(), r.IntN(1<<16))
		if r.IntN(40) == 0 {
			s = fmt.Appendf(s, " %s %x", []string{"conn", "CONN", "coNnection", "con", "nnoc"}[r.IntN(5)], r.IntN(99))
		}
		a.Append(s)
	}
	for _, literal := range []string{"conn", "n", "ec", "7a", "ab12", "-", "c", "conn 1", "zz"} {
		for _, fold := range []bool{true, false} {
			set, hits := make([]uint64, (a.Len()+63)/64), 0
			SetContaining(a, []byte(literal), fold, set)
			for i := range a.Len() {
				s := string(a.At(i))
				want := strings.Contains(s, literal) || fold && strings.Contains(strings.ToLower(s), literal)
				if have := set[i>>6]>>(i&63)&1 == 1; have != want {
					t.Fatalf("%q (fold %v) in %q: %v", literal, fold, s, have)
				}
				if want {
					hits++
				}
			}
			if (hits == 0) != (literal == "zz" || literal == "ab12" && hits == 0) {
				t.Errorf("%q (fold %v): %d hits", literal, fold, hits)
			}
		}
	}
}
