package lang

import (
	"fmt"
	"strings"
)

// Parse reads a query. The error is a *Error.
func Parse(src string) (Expr, error) {
	if len(src) > queryBytesMax {
		return nil, &Error{queryBytesMax, len(src), "the query is too long", fmt.Sprintf("keep it below %d bytes", queryBytesMax)}
	}
	p := &parser{scanner: scanner{src: src}}
	e, err := p.or()
	if err == nil && p.pos < len(src) {
		err = &Error{p.pos, p.pos + 1, "a parenthesis is closed that was not opened", "remove it, or put it in quotes"}
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

// parser is recursive descent:
//
//	or      = and { "OR" and } .
//	and     = unary { [ "AND" ] unary } .
//	unary   = ( "-" | "NOT" ) unary | "(" or ")" | leaf .
//	leaf    = [ field operator ] value | field ":" "(" or ")" .
//
// Inside the parentheses of a field, leaves are values of that field.
type parser struct {
	scanner
	depth  int
	leaves int
	group  string // the field whose parentheses we are in
}

// or also stands for the whole query; it stops at a ')' or the end. Nothing at all is Everything.
func (p *parser) or() (Expr, *Error) {
	var terms []Expr
	for {
		start := p.pos
		e, err := p.and()
		if err != nil {
			return nil, err
		}
		at, isOr := p.pos, p.keyword("OR")
		if e == nil {
			if isOr || len(terms) > 0 {
				return nil, &Error{start, max(at, start), "OR needs something on both sides", `put the word in quotes if it is meant: "OR"`}
			}
			return Everything{}, nil
		}
		terms = append(terms, e)
		if !isOr {
			return Disj(terms...), nil
		}
	}
}

// and returns nil if there is no term. It stops before an OR, a ')' or the end.
func (p *parser) and() (Expr, *Error) {
	var terms []Expr
	for joined := false; ; {
		p.skipSpace()
		start := p.pos
		if p.keyword("AND") {
			if len(terms) == 0 || joined {
				return nil, &Error{start, p.pos, "AND needs something on both sides", `put the word in quotes if it is meant: "AND"`}
			}
			joined = true
			continue
		}
		if p.pos >= len(p.src) || p.peek() == ')' || p.keyword("OR") {
			p.pos = start
			if joined {
				return nil, &Error{start, start, "AND needs something on both sides", `put the word in quotes if it is meant: "AND"`}
			}
			if len(terms) == 0 {
				return nil, nil
			}
			return Conj(terms...), nil
		}
		e, err := p.unary()
		if err != nil {
			return nil, err
		}
		terms, joined = append(terms, e), false
	}
}

func (p *parser) unary() (Expr, *Error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > depthMax {
		return nil, &Error{p.pos, p.pos + 1, "the query is nested too deeply", fmt.Sprintf("use at most %d levels", depthMax)}
	}
	p.skipSpace()
	start := p.pos
	negated := p.keyword("NOT")
	if !negated && p.peek() == '-' {
		p.pos++
		if p.isEnd(p.pos) && p.peek() != '(' {
			return nil, &Error{start, p.pos, "the '-' negates nothing", `write it directly before a term, or put it in quotes: "-"`}
		}
		negated = true
	}
	if negated {
		p.skipSpace()
		if p.pos >= len(p.src) || p.peek() == ')' {
			return nil, &Error{start, p.pos, "NOT needs something after it", `put the word in quotes if it is meant: "NOT"`}
		}
		e, err := p.unary()
		if err != nil {
			return nil, err
		}
		return Neg(e), nil
	}
	if p.peek() == '(' {
		return p.parens()
	}
	return p.leaf()
}

func (p *parser) parens() (Expr, *Error) {
	start := p.pos
	p.pos++
	e, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.peek() != ')' {
		return nil, &Error{start, start + 1, "the parenthesis is not closed", "add a ), or put it in quotes"}
	}
	if _, empty := e.(Everything); empty && strings.TrimSpace(p.src[start+1:p.pos]) == "" {
		return nil, &Error{start, p.pos + 1, "nothing stands in the parentheses", "remove them, or put them in quotes"}
	}
	p.pos++
	return e, nil
}

// keyword reads k (AND, OR or NOT) if it stands here as a word of its own.
func (p *parser) keyword(k string) bool {
	if !strings.HasPrefix(p.src[p.pos:], k) || !p.isEnd(p.pos+len(k)) {
		return false
	}
	p.pos += len(k)
	return true
}

func (p *parser) leaf() (Expr, *Error) {
	start := p.pos
	if p.leaves++; p.leaves > leavesMax {
		return nil, &Error{start, start + 1, "the query has too many terms", fmt.Sprintf("use at most %d", leavesMax)}
	}
	for _, k := range []string{"AND", "OR"} { // after a negation
		if p.keyword(k) {
			return nil, &Error{start, p.pos, k + " needs something on both sides", fmt.Sprintf("put the word in quotes if it is meant: %q", k)}
		}
	}
	if p.group != "" {
		v, err := p.value(p.group, OpMatch)
		return &Match{Field: p.group, Value: v, Pos: start, End: p.pos}, err
	}
	if err := p.foreign(); err != nil {
		return nil, err
	}
	if p.peek() == '/' {
		v, err := p.regex()
		return &Match{Value: v, Pos: start, End: p.pos}, err
	}
	if p.peek() == '"' {
		s, err := p.quoted()
		if err != nil {
			return nil, err
		}
		if op, ok := p.operator(); ok {
			return p.fielded(s, op, start)
		}
		return p.phrase(s, start)
	}
	raw := p.run(true)
	nameEnd := p.pos
	op, ok := p.operator()
	if !ok {
		v, err := p.classify(raw, "", start)
		if err == nil && v.Form == FormExists {
			return Everything{}, nil
		}
		return &Match{Value: v, Pos: start, End: p.pos}, err
	}
	name, glob := unescape(raw)
	switch {
	case glob:
		return nil, &Error{start, nameEnd, "a field's name has no wildcards", "name one field, or search every field with any:"}
	case isNumber(name):
		return nil, &Error{start, p.pos, fmt.Sprintf("%q is read as a field's name", name), `put times, addresses and the like in quotes: "12:30:01"`}
	case op == OpMatch && strings.HasPrefix(p.src[p.pos:], "//"):
		return nil, &Error{start, p.pos, fmt.Sprintf("%q is read as a field's name", name), `put a URL in quotes: "http://host/path"`}
	}
	return p.fielded(name, op, start)
}

// phrase is a quoted text without a field.
func (p *parser) phrase(s string, start int) (Expr, *Error) {
	if s == "" {
		return nil, &Error{start, p.pos, "the phrase is empty", "write words between the quotes"}
	}
	return &Match{Value: Value{Text: s}, Pos: start, End: p.pos}, nil
}

// fielded reads what follows a field and its operator.
func (p *parser) fielded(field string, op Op, start int) (Expr, *Error) {
	if field == "" {
		return nil, &Error{start, p.pos, "a field's name is missing before " + op.String(), "write field" + op.String() + "value, or put the text in quotes"}
	}
	if op == OpMatch && p.peek() == '(' {
		p.group = field
		p.leaves--
		e, err := p.parens()
		p.group = ""
		return e, err
	}
	v, err := p.value(field, op)
	return &Match{Field: field, Op: op, Value: v, Pos: start, End: p.pos}, err
}

// value reads the value of a field.
func (p *parser) value(field string, op Op) (Value, *Error) {
	start := p.pos
	switch {
	case p.peek() == '"':
		s, err := p.quoted()
		return Value{Text: s}, err
	case p.isEnd(p.pos):
		hint := "write " + field + op.String() + "value; " + field + ":* asks whether the field exists"
		return Value{}, &Error{start, min(start+1, len(p.src)), "a value is missing after " + field + op.String(), hint}
	case op == OpMatch && p.peek() == '/' && p.isRegex():
		return p.regex()
	}
	raw := p.run(false)
	if op == OpMatch {
		return p.classify(raw, field, start)
	}
	s, glob := unescape(raw)
	if glob {
		return Value{}, &Error{
			start, p.pos, "wildcards do not go with " + op.String(),
			"write " + field + ":" + raw + " to match a pattern, or put the value in quotes",
		}
	}
	return Value{Text: s}, nil
}

// classify says what a run of raw text is: text, a pattern, a fuzzy word, or the question whether a field exists.
func (p *parser) classify(raw, field string, start int) (Value, *Error) {
	if raw == "*" {
		return Value{Form: FormExists}, nil
	}
	if i := strings.LastIndexByte(raw, '~'); i > 0 && (i == len(raw)-1 || isNumber(raw[i+1:])) && raw[i-1] != '\\' {
		return p.fuzzy(raw[:i], raw[i+1:], start)
	}
	text, glob := unescape(raw)
	if glob {
		return Value{Form: FormGlob, Text: text}, nil
	}
	if text == "" { // only a quote can have ended an empty run
		return Value{}, &Error{start, p.pos + 1, "a term is missing", "write a word, a phrase or field:value"}
	}
	return Value{Text: text}, nil
}

func (p *parser) fuzzy(raw, distance string, start int) (Value, *Error) {
	word, glob := unescape(raw)
	if glob || !isWord(word) {
		return Value{}, &Error{start, p.pos, "only a single word can be fuzzy", `write word~ or word~2, or put a "~" in quotes`}
	}
	v := Value{Form: FormFuzzy, Text: word, Distance: 1}
	switch distance {
	case "", "1":
	case "2":
		v.Distance = 2
	default:
		return Value{}, &Error{start, p.pos, "the distance of a fuzzy word is 1 or 2", "write word~ or word~2"}
	}
	return v, nil
}

// foreign recognises what other search languages write, and says what it is here.
func (p *parser) foreign() *Error {
	two := p.src[p.pos:min(p.pos+2, len(p.src))]
	switch {
	case two == "&&":
		return &Error{p.pos, p.pos + 2, "&& is not an operator here", "write the terms side by side, or AND"}
	case two == "||":
		return &Error{p.pos, p.pos + 2, "|| is not an operator here", "write OR"}
	case two[0] == '!' && two != "!=":
		return &Error{p.pos, p.pos + 1, "! does not negate here", "write -term or NOT term, or put it in quotes"}
	case two[0] == '+':
		return &Error{p.pos, p.pos + 1, "+ is not needed: terms side by side must all match", "remove it, or put it in quotes"}
	}
	return nil
}
