package main

import (
	"regexp"
	"unicode"
	"unicode/utf8"
)

// pieces finds the matching pieces of a text, for -o and for highlighting. The server tells which records match; where they do is found here.
type pieces struct {
	re   *regexp.Regexp // with word: the pattern is its first group, between what -w wants around it
	word bool
}

// newPieces compiles an expression. The boundaries are those of the query that -w asks (grepOptions.query): Go's \b knows ASCII only.
func newPieces(text string, word bool) (*pieces, error) {
	if word {
		text = `(?:^|[^\pL\p{Nd}_])(` + text + `)(?:$|[^\pL\p{Nd}_])`
	}
	re, err := regexp.Compile(text)
	return &pieces{re, word}, err
}

// find returns start and end of each piece, in order. Empty ones are left out: there is nothing to show.
func (p *pieces) find(text string) [][2]int {
	var found [][2]int
	if !p.word {
		for _, at := range p.re.FindAllStringIndex(text, -1) {
			if at[0] < at[1] {
				found = append(found, [2]int{at[0], at[1]})
			}
		}
		return found
	}
	for from := 0; from < len(text); {
		at := p.re.FindStringSubmatchIndex(text[from:])
		if at == nil {
			break
		}
		start, end := from+at[2], from+at[3]
		// What follows a piece may stand before the next one, so the search goes on at the piece's end; there ^ matches too, whatever comes before.
		if before, _ := utf8.DecodeLastRuneInString(text[:start]); start == end || start > 0 && isWordRune(before) {
			_, n := utf8.DecodeRuneInString(text[start:])
			from = start + max(n, 1)
			continue
		}
		found = append(found, [2]int{start, end})
		from = end
	}
	return found
}

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }

// paint returns text with every piece in the matches' colour.
func (p *pieces) paint(text string) string {
	var painted []byte
	done := 0
	for _, at := range p.find(text) {
		painted = append(painted, text[done:at[0]]...)
		painted = append(painted, colorMatch...)
		painted = append(painted, text[at[0]:at[1]]...)
		painted = append(painted, colorReset...)
		done = at[1]
	}
	return string(painted) + text[done:]
}
