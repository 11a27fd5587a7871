package rulefile

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// place is where in the file the byte at offset of a scalar's value is. It is exact for plain and block scalars, and for quoted ones on one line
// without escapes; else it is where the scalar begins.
func (p *reading) place(n *yaml.Node, offset int) (line, column int) {
	offset = max(0, min(offset, len(n.Value)))
	switch n.Style &^ yaml.TaggedStyle {
	case yaml.DoubleQuotedStyle, yaml.SingleQuotedStyle:
		escapes := `\`
		if n.Style&yaml.SingleQuotedStyle != 0 {
			escapes = "'"
		}
		if strings.ContainsAny(n.Value[:offset], "\n"+escapes) || strings.Contains(n.Value[:offset], `"`) && escapes == `\` {
			return n.Line, n.Column
		}
		return n.Line, n.Column + 1 + offset
	case yaml.LiteralStyle, yaml.FoldedStyle:
		return p.placeInBlock(n, offset)
	}
	// A plain scalar may go on over several lines, which a blank joins in the value.
	if n.Line < 1 || n.Line > len(p.lines) {
		return n.Line, n.Column
	}
	at := n.Column - 1
	for i := n.Line - 1; i < len(p.lines); i++ {
		text := strings.TrimRight(p.lines[i], " \t\r")
		if i > n.Line-1 {
			at = len(text) - len(strings.TrimLeft(text, " \t"))
		}
		if rest := len(text) - at; offset < rest || i == len(p.lines)-1 || len(n.Value) <= rest {
			return i + 1, at + offset + 1
		} else {
			offset -= rest + 1
		}
		if offset < 0 {
			return i + 1, len(text) + 1
		}
	}
	return n.Line, n.Column
}

// placeInBlock is place for | and >, whose text begins on the line after, indented as its first line is.
func (p *reading) placeInBlock(n *yaml.Node, offset int) (line, column int) {
	indent := -1
	for i := n.Line; i < len(p.lines); i++ {
		text := strings.TrimRight(p.lines[i], "\r")
		if indent < 0 {
			blank := len(text) - len(strings.TrimLeft(text, " "))
			if blank == len(text) {
				if offset--; offset < 0 {
					return i + 1, 1
				}
				continue
			}
			indent = blank
		}
		content := len(text) - min(indent, len(text))
		if offset <= content {
			return i + 1, indent + offset + 1
		}
		offset -= content + 1
	}
	return n.Line, n.Column
}
