package question

import (
	"bytes"
	"unicode/utf8"

	"clew/index/vocabulary"
)

// globMatcher matches whole values: '*' is any run of characters, '?' any one. Case counts, as it does in equality.
type globMatcher struct {
	pattern string
	parts   []globPart
	prefix  []byte // what every matching value begins with
}

// globPart is one literal character, '?' or '*'.
type globPart struct {
	kind byte // 'c', '?', '*'
	text []byte
}

// newGlob reads a pattern in lang's form.
func newGlob(pattern string) *globMatcher {
	m := &globMatcher{pattern: pattern}
	for i := 0; i < len(pattern); {
		c := pattern[i]
		switch {
		case c == '*':
			if n := len(m.parts); n == 0 || m.parts[n-1].kind != '*' {
				m.parts = append(m.parts, globPart{kind: '*'})
			}
			i++
			continue
		case c == '?':
			m.parts = append(m.parts, globPart{kind: '?'})
			i++
			continue
		case c == '\\' && i+1 < len(pattern):
			i++
		}
		_, n := utf8.DecodeRuneInString(pattern[i:])
		m.parts = append(m.parts, globPart{'c', []byte(pattern[i : i+n])})
		i += n
	}
	for _, p := range m.parts {
		if p.kind != 'c' {
			break
		}
		m.prefix = append(m.prefix, p.text...)
	}
	return m
}

// Text walks both sides; on a mismatch it goes back to the last '*' and gives it one character more.
func (m *globMatcher) Text(s []byte) bool {
	if !bytes.HasPrefix(s, m.prefix) {
		return false
	}
	p, i, star, retry := 0, 0, -1, 0
	for i < len(s) {
		_, n := utf8.DecodeRune(s[i:])
		switch {
		case p < len(m.parts) && m.parts[p].kind == '*':
			star, retry = p, i
			p++
			continue
		case p < len(m.parts) && (m.parts[p].kind == '?' || bytes.Equal(m.parts[p].text, s[i:i+n])):
			p, i = p+1, i+n
			continue
		case star < 0:
			return false
		}
		_, n = utf8.DecodeRune(s[retry:])
		retry += n
		p, i = star+1, retry
	}
	for p < len(m.parts) && m.parts[p].kind == '*' {
		p++
	}
	return p == len(m.parts)
}

// Template compares what stands before the template's first hole with what the pattern begins with.
func (m *globMatcher) Template(t []byte, _ vocabulary.HoleFilter) vocabulary.Answer {
	for i, c := range t {
		if vocabulary.IsHole(c) {
			if n := min(i, len(m.prefix)); !bytes.Equal(t[:n], m.prefix[:n]) {
				return vocabulary.Never
			}
			return vocabulary.May
		}
	}
	return AnswerWithoutHoles(m, t)
}

func (m *globMatcher) Words() []uint64 { return nil }
func (m *globMatcher) String() string  { return "glob:" + m.pattern }
