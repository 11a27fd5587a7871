package lang

import (
	"fmt"
	"strings"
)

// Error says what is wrong with a query, where, and what would be right.
type Error struct {
	Pos  int    // byte offset of the first wrong byte
	End  int    // byte offset after the last one
	Msg  string // what is wrong
	Hint string // what would be right; may be empty
}

func (e *Error) Error() string {
	if e.Hint == "" {
		return fmt.Sprintf("query at %d: %s", e.Pos, e.Msg)
	}
	return fmt.Sprintf("query at %d: %s; %s", e.Pos, e.Msg, e.Hint)
}

// Show draws the error below the line of query it is in, for terminals.
func (e *Error) Show(query string) string {
	pos := min(max(e.Pos, 0), len(query))
	start := strings.LastIndexByte(query[:pos], '\n') + 1
	line := query[start:]
	if i := strings.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	width := len([]rune(query[start:pos]))
	marks := max(1, len([]rune(query[pos:min(max(e.End, pos), start+len(line))])))
	s := line + "\n" + strings.Repeat(" ", width) + strings.Repeat("^", marks) + "\n" + e.Msg
	if e.Hint != "" {
		s += "\n" + e.Hint
	}
	return s
}
