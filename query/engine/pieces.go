package engine

import (
	"bytes"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"

	"clew/index/vocabulary"
)

// A piece is a run of ASCII letters and '_', or of digits, that a matching text must contain. What it is good for: it lies inside one
// word, so in a text made of a template and variables it lies in the template's own bytes (letters), in one integer (digits), or in
// one string variable. That can be tested per row without rebuilding the text.
type piece struct {
	text   []byte // in lower case if fold is set
	fold   bool
	digits bool
	// whole says that the digits must be a whole run of digits; then an integer variable must be encoded as value.
	whole bool
	value int64
}

// clause is pieces of which a matching text must contain at least one.
type clause []piece

const (
	// pieceBytesMin is how long a piece of letters must be to be worth looking for.
	pieceBytesMin = 2
	// clauseMax bounds the pieces of a clause: each is looked for in every row.
	clauseMax = 6
	// literalsMax is how many literals are used. Even a single character rules out many rows: few stack traces have a '='.
	literalsMax = 2
	// clausesMax bounds the clauses of a test.
	clausesMax = 3
)

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// piecesOf cuts a literal into its pieces. whole says that what stands beside the literal is no digit.
func piecesOf(literal string, fold, whole bool) []piece {
	var out []piece
	for i := 0; i < len(literal); {
		class := isLetter
		if isDigit(literal[i]) {
			class = isDigit
		} else if !isLetter(literal[i]) {
			i++
			continue
		}
		end := i
		for end < len(literal) && class(literal[end]) {
			end++
		}
		p := piece{text: []byte(literal[i:end]), fold: fold, digits: isDigit(literal[i])}
		if fold {
			p.text = bytes.ToLower(p.text)
		}
		if p.digits {
			p.fold = false
			p.whole = (whole || i > 0 && end < len(literal)) && len(p.text) <= 17
			if p.whole {
				p.value = vocabulary.EncodeInt(p.text)
			}
		}
		if p.digits || len(p.text) >= pieceBytesMin {
			out = append(out, p)
		}
		i = end
	}
	return out
}

// required makes clauses of pieces that must all be there: the longest of letters and the longest of digits say most.
func required(pieces []piece) []clause {
	var best [2]*piece
	for i, p := range pieces {
		k := 0
		if p.digits {
			k = 1
		}
		if best[k] == nil || len(p.text) > len(best[k].text) {
			best[k] = &pieces[i]
		}
	}
	var out []clause
	for _, p := range best {
		if p != nil {
			out = append(out, clause{*p})
		}
	}
	return out
}

// fuzzyClause uses that of distance+1 parts of a word, at least one is untouched by so many edits.
func fuzzyClause(word string, distance int) []clause {
	var c clause
	n := distance + 1
	for i := range n {
		part := word[len(word)*i/n : len(word)*(i+1)/n]
		pieces := piecesOf(part, true, false)
		if len(pieces) == 0 {
			return nil
		}
		longest := pieces[0]
		for _, p := range pieces {
			if len(p.text) > len(longest.text) {
				longest = p
			}
		}
		longest.whole = false
		c = append(c, longest)
	}
	return []clause{c}
}

// wordClauses are those of words in sequence, in any case. A text without a word is looked for as it is.
func wordClauses(text string) []clause {
	return required(piecesOf(text, true, len(splitWords(text)) > 0))
}

// globClauses are the literal parts of a pattern in lang's form.
func globClauses(pattern string, fold bool) []clause {
	var pieces []piece
	for _, literal := range bytes.FieldsFunc([]byte(pattern), func(r rune) bool { return r == '*' || r == '?' || r == '\\' }) {
		for _, p := range piecesOf(string(literal), fold, false) {
			p.whole = false
			pieces = append(pieces, p)
		}
	}
	return required(pieces)
}

// regexClauses are those of an expression that compiles.
func regexClauses(expr string) []clause {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil
	}
	out := clausesOf(re.Simplify())
	if len(out) > clausesMax {
		out = out[:clausesMax]
	}
	return out
}

// regexLiterals are the longest literals that every match of an expression contains, exactly as they are.
func regexLiterals(expr string) []string {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil
	}
	literals := slices.DeleteFunc(literalsOf(re.Simplify()), func(s string) bool {
		return s == "" || strings.ContainsRune(s, utf8.RuneError) || strings.ContainsAny(s, "\x01\x02\x03\x04")
	})
	slices.SortStableFunc(literals, func(a, b string) int { return len(b) - len(a) })
	return literals[:min(len(literals), literalsMax)]
}

func literalsOf(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase == 0 {
			return []string{string(re.Rune)}
		}
	case syntax.OpCapture, syntax.OpPlus:
		return literalsOf(re.Sub[0])
	case syntax.OpConcat:
		var out []string
		for _, sub := range re.Sub {
			out = append(out, literalsOf(sub)...)
		}
		return out
	}
	return nil
}

func clausesOf(re *syntax.Regexp) []clause {
	switch re.Op {
	case syntax.OpLiteral:
		fold := re.Flags&syntax.FoldCase != 0
		literal := string(re.Rune)
		if fold {
			literal = foldsToASCII(literal)
		}
		return required(piecesOf(literal, fold, false))
	case syntax.OpCapture, syntax.OpPlus:
		return clausesOf(re.Sub[0])
	case syntax.OpConcat:
		var out []clause
		for _, sub := range re.Sub {
			out = append(out, clausesOf(sub)...)
		}
		return sharpest(out)
	case syntax.OpAlternate:
		var union clause
		for _, sub := range re.Sub {
			best := sharpest(clausesOf(sub))
			if len(best) == 0 || len(union)+len(best[0]) > clauseMax {
				return nil
			}
			union = append(union, best[0]...)
		}
		return []clause{union}
	}
	return nil
}

// foldsToASCII blanks the letters that in (?i) also stand for characters beyond ASCII: k for the Kelvin sign, s for the long s.
func foldsToASCII(s string) string {
	return string(bytes.Map(func(r rune) rune {
		if r == 'k' || r == 'K' || r == 's' || r == 'S' || r == utf8.RuneError {
			return ' '
		}
		return r
	}, []byte(s)))
}

// sharpest puts the clauses first that say most: those whose shortest piece is longest.
func sharpest(clauses []clause) []clause {
	weight := func(c clause) int {
		n := len(c[0].text)
		for _, p := range c {
			n = min(n, len(p.text))
		}
		return n
	}
	for i := 1; i < len(clauses); i++ {
		for j := i; j > 0 && weight(clauses[j]) > weight(clauses[j-1]); j-- {
			clauses[j], clauses[j-1] = clauses[j-1], clauses[j]
		}
	}
	return clauses
}

// in says whether s contains the piece.
func (p *piece) in(s []byte) bool {
	if !p.fold {
		return bytes.Contains(s, p.text)
	}
	return indexFold(s, p.text) >= 0
}

// indexFold finds low, ASCII in lower case, in s in any case. A digit has no case, and in prose it is rare: it is looked for first, where low has one.
// It may find what differs from low in a control character; what is found here is tested again.
func indexFold(s, low []byte) int {
	for k, c := range low {
		if c >= '0' && c <= '9' {
			return indexFoldAt(s, low, k)
		}
	}
	first := low[0]
	upper := first
	if first != '_' {
		upper = first - 'a' + 'A'
	}
	for i := 0; i+len(low) <= len(s); i++ {
		if (s[i] == first || s[i] == upper) && hasPrefixFold(s[i:], low) {
			return i
		}
	}
	return -1
}

// indexFoldAt is indexFold by the byte at k, which has no case.
func indexFoldAt(s, low []byte, k int) int {
	for i := 0; i+len(low) <= len(s); i++ {
		j := bytes.IndexByte(s[i+k:len(s)-len(low)+k+1], low[k])
		if j < 0 {
			return -1
		}
		if i += j; hasPrefixFold(s[i:], low) {
			return i
		}
	}
	return -1
}

// hasPrefixFold says whether s, which is at least as long, begins with low in any case.
func hasPrefixFold(s, low []byte) bool {
	for j, c := range low {
		if s[j] != c && (s[j]|0x20 != c || c == '_') {
			return false
		}
	}
	return true
}
