package question

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
type Piece struct {
	Text   []byte // in lower case if fold is set
	Fold   bool
	Digits bool
	// Whole says that the digits must be a whole run of digits; then an integer variable must be encoded as value.
	Whole bool
	Value int64
}

// Clause is pieces of which a matching text must contain at least one.
type Clause []Piece

const (
	// pieceBytesMin is how long a piece of letters must be to be worth looking for.
	pieceBytesMin = 2
	// clauseMax bounds the pieces of a clause: each is looked for in every row.
	clauseMax = 6
	// literalsMax is how many literals are used. Even a single character rules out many rows: few stack traces have a '='.
	literalsMax = 2
	// rareWordMin is how long a word must be to be in few places.
	rareWordMin = 4
	// clausesMax bounds the clauses of a test.
	clausesMax = 3
)

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// PiecesOf cuts a literal into its pieces. whole says that what stands beside the literal is no digit.
func PiecesOf(literal string, fold, whole bool) []Piece {
	var out []Piece
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
		p := Piece{Text: []byte(literal[i:end]), Fold: fold, Digits: isDigit(literal[i])}
		if fold {
			p.Text = bytes.ToLower(p.Text)
		}
		if p.Digits {
			p.Fold = false
			p.Whole = (whole || i > 0 && end < len(literal)) && len(p.Text) <= 17
			if p.Whole {
				p.Value = vocabulary.EncodeInt(p.Text)
			}
		}
		if p.Digits || len(p.Text) >= pieceBytesMin {
			out = append(out, p)
		}
		i = end
	}
	return out
}

// required makes clauses of pieces that must all be there: the longest of letters and the longest of digits say most.
func required(pieces []Piece) []Clause {
	var best [2]*Piece
	for i, p := range pieces {
		k := 0
		if p.Digits {
			k = 1
		}
		if best[k] == nil || len(p.Text) > len(best[k].Text) {
			best[k] = &pieces[i]
		}
	}
	var out []Clause
	for _, p := range best {
		if p != nil {
			out = append(out, Clause{*p})
		}
	}
	return out
}

// fuzzyClause uses that of distance+1 parts of a word, at least one is untouched by so many edits.
func fuzzyClause(word string, distance int) []Clause {
	var c Clause
	n := distance + 1
	for i := range n {
		part := word[len(word)*i/n : len(word)*(i+1)/n]
		pieces := PiecesOf(part, true, false)
		if len(pieces) == 0 {
			return nil
		}
		longest := pieces[0]
		for _, p := range pieces {
			if len(p.Text) > len(longest.Text) {
				longest = p
			}
		}
		longest.Whole = false
		c = append(c, longest)
	}
	return []Clause{c}
}

// wordClauses are those of words in sequence, in any case. A text without a word is looked for as it is.
func wordClauses(text string) []Clause {
	return required(PiecesOf(text, true, len(SplitWords(text)) > 0))
}

// globClauses are the literal parts of a pattern in lang's form.
func globClauses(pattern string, fold bool) []Clause {
	var pieces []Piece
	for _, literal := range bytes.FieldsFunc([]byte(pattern), func(r rune) bool { return r == '*' || r == '?' || r == '\\' }) {
		for _, p := range PiecesOf(string(literal), fold, false) {
			p.Whole = false
			pieces = append(pieces, p)
		}
	}
	return required(pieces)
}

// regexClauses are those of an expression that compiles.
func regexClauses(expr string) []Clause {
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

func clausesOf(re *syntax.Regexp) []Clause {
	switch re.Op {
	case syntax.OpLiteral:
		fold := re.Flags&syntax.FoldCase != 0
		literal := string(re.Rune)
		if fold {
			literal = foldsToASCII(literal)
		}
		return required(PiecesOf(literal, fold, false))
	case syntax.OpCapture, syntax.OpPlus:
		return clausesOf(re.Sub[0])
	case syntax.OpConcat:
		var out []Clause
		for _, sub := range re.Sub {
			out = append(out, clausesOf(sub)...)
		}
		return sharpest(out)
	case syntax.OpAlternate:
		var union Clause
		for _, sub := range re.Sub {
			best := sharpest(clausesOf(sub))
			if len(best) == 0 || len(union)+len(best[0]) > clauseMax {
				return nil
			}
			union = append(union, best[0]...)
		}
		return []Clause{union}
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
func sharpest(clauses []Clause) []Clause {
	weight := func(c Clause) int {
		n := len(c[0].Text)
		for _, p := range c {
			n = min(n, len(p.Text))
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

// In says whether s contains the piece.
func (p *Piece) In(s []byte) bool {
	if !p.Fold {
		return bytes.Contains(s, p.Text)
	}
	return indexFold(s, p.Text) >= 0
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

// KeepsPieces says whether a piece in a text of the template lies in one of its variables or in the template's own bytes, and not half here, half there.
func KeepsPieces(template []byte) bool {
	i := bytes.IndexByte(template, vocabulary.HoleRaw)
	if i <= 0 {
		return i < 0 || len(template) == 1
	}
	// What a raw hole holds begins and ends where words do if it is the tail.
	before := template[i-1]
	return i == len(template)-1 && !vocabulary.IsHole(before) && before < utf8.RuneSelf && !isLetter(before) && !isDigit(before)
}

// MetBy says whether the template's own bytes meet the clause, or may make up a piece together with an integer.
func (c Clause) MetBy(template []byte) bool {
	ownDigits := bytes.ContainsAny(template, "0123456789")
	for i := range c {
		// A piece has no hole bytes, so it is found in the template only where it is the template's own.
		if c[i].In(template) || c[i].Digits && ownDigits {
			return true
		}
	}
	return false
}

// IsFast says whether the pieces can be looked for in columns of variables. Digits that may be a part of a number cannot: it would have to be written out.
func (c Clause) IsFast() bool {
	for i := range c {
		if c[i].Digits && !c[i].Whole {
			return false
		}
	}
	return true
}
