package lang

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// precedence says how tightly the context binds, so that parentheses stand only where they are needed.
type precedence uint8

const (
	levelRoot precedence = iota
	levelOr              // inside an OR: an AND is parenthesised too, for the reader
	levelAnd             // inside an AND
	levelNot             // after '-'
)

type writer struct{ strings.Builder }

func text(e Expr) string {
	var w writer
	e.write(&w, levelRoot)
	return w.String()
}

func (e Everything) String() string { return text(e) }
func (e *And) String() string       { return text(e) }
func (e *Or) String() string        { return text(e) }
func (e *Not) String() string       { return text(e) }
func (e *Match) String() string     { return text(e) }

func (e Everything) write(w *writer, level precedence) {
	if level != levelRoot {
		w.WriteByte('*')
	}
}

func (e *And) write(w *writer, level precedence) {
	w.join(e.Terms, " ", level > levelRoot, levelAnd)
}

func (e *Or) write(w *writer, level precedence) {
	w.join(e.Terms, " OR ", level > levelRoot, levelOr)
}

func (w *writer) join(terms []Expr, sep string, parens bool, inner precedence) {
	if parens {
		w.WriteByte('(')
	}
	for i, t := range terms {
		if i > 0 {
			w.WriteString(sep)
		}
		t.write(w, inner)
	}
	if parens {
		w.WriteByte(')')
	}
}

func (e *Not) write(w *writer, _ precedence) {
	w.WriteByte('-')
	e.Term.write(w, levelNot)
}

func (e *Match) write(w *writer, _ precedence) {
	if e.Field != "" {
		if isPlain(e.Field, "_-./@$") && !isNumber(e.Field) {
			w.WriteString(e.Field)
		} else {
			w.quote(e.Field)
		}
		w.WriteString(e.Op.String())
	}
	v := e.Value
	switch v.Form {
	case FormText:
		plain := "_-."
		if e.Field != "" {
			plain = "_-./:@%"
		}
		if isPlain(v.Text, plain) {
			w.WriteString(v.Text)
		} else {
			w.quote(v.Text)
		}
	case FormGlob:
		w.glob(v.Text)
	case FormRegex:
		w.regex(v.Text, v.Fold)
	case FormFuzzy:
		w.WriteString(v.Text)
		w.WriteByte('~')
		w.WriteString(strconv.Itoa(v.Distance))
	case FormExists:
		w.WriteByte('*')
	}
}

// isPlain says whether s can stand without quotes: letters and digits, after the first also the others given.
func isPlain(s, others string) bool {
	if s == "" || isKeyword(s) {
		return false
	}
	for i, r := range s {
		if r == utf8.RuneError {
			return false
		}
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' {
			continue
		}
		if i == 0 || !strings.ContainsRune(others, r) {
			return false
		}
	}
	return !strings.Contains(s, "://")
}

func (w *writer) quote(s string) {
	w.WriteByte('"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '"', '\\':
			w.WriteByte('\\')
			w.WriteByte(c)
		case '\n':
			w.WriteString(`\n`)
		case '\r':
			w.WriteString(`\r`)
		case '\t':
			w.WriteString(`\t`)
		default:
			w.WriteByte(c)
		}
	}
	w.WriteByte('"')
}

// glob writes a pattern so that no character of it is taken for syntax.
func (w *writer) glob(p string) {
	for i := 0; i < len(p); {
		r, n := utf8.DecodeRuneInString(p[i:])
		switch {
		case r == '\\' && i+1 < len(p):
			_, m := utf8.DecodeRuneInString(p[i+1:])
			n += m
		case r == '*' || r == '?' || r == utf8.RuneError:
		case !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_.", r):
			w.WriteByte('\\')
		}
		w.WriteString(p[i : i+n])
		i += n
	}
}

func (w *writer) regex(p string, fold bool) {
	w.WriteByte('/')
	for i := 0; i < len(p); i++ {
		switch {
		case p[i] == '\\' && i+1 < len(p):
			w.WriteByte('\\')
			i++
		case p[i] == '/':
			w.WriteByte('\\')
		}
		w.WriteByte(p[i])
	}
	w.WriteByte('/')
	if fold {
		w.WriteByte('i')
	}
}
