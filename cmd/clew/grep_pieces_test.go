package main

import (
	"slices"
	"testing"
)

// TestPieces: the pieces are those that GNU grep -o prints, with -w and without.
func TestPieces(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		word          bool
		want          []string
	}{
		{"err", "errors err xerr err2", false, []string{"err", "err", "err", "err"}},
		{"err", "errors err xerr err2", true, []string{"err"}},
		{"err", "err err,err", true, []string{"err", "err", "err"}},
		{"a|ab", "ab a", true, []string{"ab", "a"}},
		{"secon|second 1", "same second 1", true, []string{"second 1"}},
		{"-x", " -x-x -x", true, []string{"-x", "-x"}},
		{"(e)r(r)", "terr err", true, []string{"err"}},
		{"[0-9]*", "a1 22 b", true, []string{"22"}},
		{"x*", "axxb", false, []string{"xx"}},
		{"grün", "grüne grün", true, []string{"grün"}},
		{"", "anything", true, nil},
		{"err", "", true, nil},
	} {
		p, err := newPieces(c.pattern, c.word)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, at := range p.find(c.text) {
			got = append(got, c.text[at[0]:at[1]])
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q in %q, word %v: %q, want %q", c.pattern, c.text, c.word, got, c.want)
		}
	}
	p, err := newPieces("err", true)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := p.paint("errors err, xerr"), "errors "+colorMatch+"err"+colorReset+", xerr"; got != want {
		t.Errorf("painted %q, want %q", got, want)
	}
}

// TestCompile: a pattern must be right by itself, whatever the flags put around it.
func TestCompile(t *testing.T) {
	for _, o := range []grepOptions{{}, {ignoreCase: true}, {word: true}, {word: true, ignoreCase: true}} {
		if _, err := o.compile("a)(b"); err == nil {
			t.Errorf("a)(b is taken with %+v", o)
		}
		o.fixed = true
		p, err := o.compile("a)(b")
		if err != nil {
			t.Fatal(err)
		}
		if n := len(p.find("x a)(b y")); n != 1 {
			t.Errorf("the fixed string a)(b is found %d times, want once", n)
		}
	}
}
