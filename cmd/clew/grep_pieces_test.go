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
		o.patterns = []string{"a)(b"}
		if _, err := o.compile(); err == nil {
			t.Errorf("a)(b is taken with %+v", o)
		}
		o.fixed = true
		p, err := o.compile()
		if err != nil {
			t.Fatal(err)
		}
		if n := len(p.find("x a)(b y")); n != 1 {
			t.Errorf("the fixed string a)(b is found %d times, want once", n)
		}
	}
}

// TestPatterns: a record that matches one of several patterns matches, an empty one among them matches all, and each must be right by itself.
func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		options grepOptions
		want    string
	}{
		{grepOptions{patterns: []string{"a+", "b"}}, "/a+/ OR /b/"},
		{grepOptions{patterns: []string{"a.", "b"}, fixed: true}, `/a\./ OR /b/`},
		{grepOptions{patterns: []string{"a", ""}}, ""},
		{grepOptions{patterns: []string{"a", "b"}, invert: true, service: "x"}, "-(/a/ OR /b/) service=x"},
	} {
		have, err := c.options.query()
		if err != nil || have.String() != c.want {
			t.Errorf("%q: %v, %v, want %s", c.options.patterns, have, err, c.want)
		}
	}
	if _, err := (&grepOptions{patterns: []string{"a", "b)", "(c"}}).compile(); err == nil {
		t.Error("b) and (c are taken, because they fit together")
	}
	p, err := (&grepOptions{patterns: []string{"err", "warn"}, ignoreCase: true}).compile()
	if err != nil || len(p.find("Err and WARN")) != 2 {
		t.Errorf("%v: not both patterns are found", err)
	}
}

// TestShown: on a terminal a record cannot steer it; piped it is as it was sent.
func TestShown(t *testing.T) {
	const sent = "red \x1b[31m bell\a back\b\r\nline\ttab \u009b31m grün\x7f"
	if have, want := (&grep{terminal: true}).shown(sent), "red ^[[31m bell^G back^H^M\nline\ttab <U+009B>31m grün^?"; have != want {
		t.Errorf("shown %q, want %q", have, want)
	}
	if have := (&grep{}).shown(sent); have != sent {
		t.Errorf("piped %q, want it as it was sent", have)
	}
}
