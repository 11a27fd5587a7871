package vocabulary

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"unicode/utf8"
)

// regexpMatcher is: the regular expression matches somewhere in the text.
type regexpMatcher struct {
	re       *regexp.Regexp
	required []clause
	// text is the literal that is looked for before the expression is run; empty if there is none.
	text literal
	// symbolic walks templates; nil if the program is too large.
	symbolic *symbolic
}

// NewRegexp matches texts in which the RE2 expression matches, as Go's regexp has it: '^' and '$' are the text's ends, '.' is not a
// newline, unless flags in the expression say so. An expression that is a plain string becomes a substring.
func NewRegexp(expr string) (Matcher, error) {
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, fmt.Errorf("regexp %q: %w", expr, err)
	}
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("regexp %q: %w", expr, err)
	}
	tree = tree.Simplify()
	if tree.Op == syntax.OpLiteral && tree.Flags&syntax.FoldCase == 0 && !slices.Contains(tree.Rune, utf8.RuneError) {
		return NewSubstring(string(tree.Rune), false), nil
	}
	m := &regexpMatcher{re: re, required: requiredLiterals(tree)}
	for _, c := range m.required {
		if len(c) == 1 && len(c[0].needle.lit) > len(m.text.needle.lit) {
			m.text = c[0]
		}
	}
	prog, err := syntax.Compile(tree)
	if err != nil {
		return nil, fmt.Errorf("regexp %q: %w", expr, err)
	}
	if len(prog.Inst) <= regexpInstsMax {
		m.symbolic = newSymbolic(prog)
	}
	return m, nil
}

func (m *regexpMatcher) Text(s []byte) bool {
	if len(m.text.needle.lit) > 0 && m.text.needle.index(s) < 0 && !(m.text.foldsOut && !isASCII(s)) {
		return false
	}
	return m.re.Match(s)
}

// Template first asks for the literals that every match contains, which is fast, then walks the expression over the template.
func (m *regexpMatcher) Template(t []byte, holes HoleFilter) Answer {
	if !containsHole(t) {
		if m.Text(t) {
			return Always
		}
		return Never
	}
	for _, c := range m.required {
		if !c.mayOccur(t, holes) {
			return Never
		}
	}
	if m.symbolic == nil {
		return May
	}
	return m.symbolic.walk(t)
}

func (m *regexpMatcher) Words() []uint64 {
	var hashes []uint64
	for _, c := range m.required {
		if len(c) == 1 && !c[0].foldsOut {
			innerWords(c[0].needle.lit, func(word []byte) bool {
				hashes = append(hashes, HashWord(word))
				return true
			})
		}
	}
	return hashes
}

func (m *regexpMatcher) String() string { return "regexp(" + strconv.Quote(m.re.String()) + ")" }
