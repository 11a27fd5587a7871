package rulefile

import (
	"fmt"
	"strings"
)

// Problem is something wrong with a file, and where.
type Problem struct {
	File         string
	Line, Column int    // from 1; 0: the file as a whole
	What         string // with the path to it, such as groups[0].rules[2].expr
	Hint         string // what would be right; may be empty
}

// Error is file:line:column: what; hint.
func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": " + p.What)
	if p.Hint != "" {
		b.WriteString("; " + p.Hint)
	}
	return b.String()
}

// Problems is all that is wrong, as one error.
type Problems []*Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}
