package lang

import (
	"errors"
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"
)

// scanner walks the query's text. The language has no tokens that are right everywhere (a ':' inside a value is a character, after
// a name it is an operator), so the parser asks for what may stand where it is.
type scanner struct {
	src string
	pos int
}

func (s *scanner) skipSpace() {
	for s.pos < len(s.src) {
		r, n := utf8.DecodeRuneInString(s.src[s.pos:])
		if !unicode.IsSpace(r) {
			return
		}
		s.pos += n
	}
}

// peek is the next byte, or 0 at the end.
func (s *scanner) peek() byte { return s.at(s.pos) }

func (s *scanner) at(i int) byte {
	if i < len(s.src) {
		return s.src[i]
	}
	return 0
}

// isEnd says whether a value ends at i: at the text's end, a space or a parenthesis.
func (s *scanner) isEnd(i int) bool {
	if i >= len(s.src) || s.src[i] == '(' || s.src[i] == ')' {
		return true
	}
	r, _ := utf8.DecodeRuneInString(s.src[i:])
	return unicode.IsSpace(r)
}

// operator reads an operator if one stands here.
func (s *scanner) operator() (Op, bool) {
	rest := s.src[s.pos:]
	for _, o := range []struct {
		text string
		op   Op
	}{
		// ":>=" is what other search boxes write for ">="; ":=" for "=".
		{":>=", OpGreaterEqual},
		{":<=", OpLessEqual},
		{":>", OpGreater},
		{":<", OpLess},
		{":=", OpEqual},
		{":", OpMatch},
		{"!=", OpNotEqual},
		{">=", OpGreaterEqual},
		{"<=", OpLessEqual},
		{"==", OpEqual},
		{"=", OpEqual},
		{">", OpGreater},
		{"<", OpLess},
	} {
		if strings.HasPrefix(rest, o.text) {
			s.pos += len(o.text)
			return o.op, true
		}
	}
	return 0, false
}

// run is raw text up to a place where it ends, escapes still in it.
// name says that it may turn out to be a field's name: then it also ends before an operator.
func (s *scanner) run(name bool) string {
	start := s.pos
	for s.pos < len(s.src) {
		c := s.src[s.pos]
		switch {
		case c == '\\' && s.pos+1 < len(s.src):
			_, n := utf8.DecodeRuneInString(s.src[s.pos+1:])
			s.pos += 1 + n
			continue
		case c == '"' || s.isEnd(s.pos):
			return s.src[start:s.pos]
		case name && (c == ':' || c == '=' || c == '<' || c == '>' || c == '!' && s.at(s.pos+1) == '='):
			return s.src[start:s.pos]
		}
		_, n := utf8.DecodeRuneInString(s.src[s.pos:])
		s.pos += n
	}
	return s.src[start:s.pos]
}

// quoted reads a string in double quotes; the opening one is next.
func (s *scanner) quoted() (string, *Error) {
	start := s.pos
	var b strings.Builder
	for i := start + 1; i < len(s.src); i++ {
		c := s.src[i]
		switch {
		case c == '"':
			s.pos = i + 1
			return b.String(), nil
		case c == '\\' && i+1 < len(s.src):
			i++
			switch c = s.src[i]; c {
			case 'n':
				c = '\n'
			case 'r':
				c = '\r'
			case 't':
				c = '\t'
			}
		}
		b.WriteByte(c)
	}
	return "", &Error{start, len(s.src), "the quote is not closed", `end the phrase with a ", or write \" for a quote character`}
}

// regexEnd finds the '/' that closes the regular expression starting at s.pos, or -1.
func (s *scanner) regexEnd() int {
	for i := s.pos + 1; i < len(s.src); i++ {
		switch s.src[i] {
		case '\\':
			i++
		case '/':
			return i
		}
	}
	return -1
}

// isRegex says whether a value that begins with '/' here is a regular expression: after a field a path may stand as well
// (path:/health), so it is one only if the next '/' ends the value and does not begin another one (path:/health /re/).
func (s *scanner) isRegex() bool {
	end := s.regexEnd()
	if end <= s.pos+1 {
		return false
	}
	if last, _ := utf8.DecodeLastRuneInString(s.src[:end]); unicode.IsSpace(last) {
		return false
	}
	after := end + 1
	if s.at(after) == 'i' {
		after++
	}
	return s.isEnd(after) && s.at(after) != '('
}

// regex reads /re/ or /re/i.
func (s *scanner) regex() (Value, *Error) {
	start, end := s.pos, s.regexEnd()
	if end < 0 {
		return Value{}, &Error{start, len(s.src), "the regular expression is not closed", `end it with a /, or put the text in quotes: "/var/log"`}
	}
	if end == start+1 {
		return Value{}, &Error{start, end + 1, "the regular expression is empty", "write /something/, or put the text in quotes"}
	}
	v := Value{Form: FormRegex, Text: unescapeSlashes(s.src[start+1 : end])}
	s.pos = end + 1
	if s.peek() == 'i' {
		v.Fold = true
		s.pos++
	}
	if !s.isEnd(s.pos) {
		return Value{}, &Error{
			start, s.pos, "text follows the regular expression at once",
			`write \/ for a slash inside a regular expression, or put the text in quotes: "/var/log"`,
		}
	}
	return v, checkRegex(v, start, s.pos)
}

func checkRegex(v Value, pos, end int) *Error {
	if len(v.Text) > regexBytesMax {
		return &Error{pos, end, "the regular expression is too long", "keep it below 4096 bytes"}
	}
	if _, err := syntax.Parse(v.Text, syntax.Perl); err != nil {
		msg := err.Error()
		var e *syntax.Error
		if errors.As(err, &e) {
			msg = string(e.Code) + ": " + e.Expr
		}
		return &Error{pos, end, "not a regular expression: " + msg, "the syntax is RE2's: no look-around, no back-references"}
	}
	return nil
}

func unescapeSlashes(s string) string {
	if !strings.Contains(s, `\/`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
			if s[i] != '/' {
				b.WriteByte('\\')
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// unescape gives what raw text means: with glob, '*' and '?' that were not escaped keep their meaning in the result, and literal
// ones (and '\') are escaped there; without, the result is the text itself.
func unescape(raw string) (text string, glob bool) {
	var plain, pattern strings.Builder
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case c == '\\' && i+1 < len(raw):
			i++
			c = raw[i]
			if c == '*' || c == '?' || c == '\\' {
				pattern.WriteByte('\\')
			}
		case c == '*' || c == '?':
			glob = true
		case c == '\\': // the last byte
			pattern.WriteByte('\\')
		}
		plain.WriteByte(c)
		pattern.WriteByte(c)
	}
	if glob {
		return pattern.String(), true
	}
	return plain.String(), false
}

func isKeyword(s string) bool { return s == "AND" || s == "OR" || s == "NOT" }

func isNumber(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// isWord says whether s is one word: letters, digits and '_' only.
func isWord(s string) bool {
	for _, r := range s {
		if r == utf8.RuneError || !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' {
			return false
		}
	}
	return s != ""
}
