package match

import (
	"context"
	"strings"

	"clew/index/vocabulary"
)

// LeafExplanation is a question to one column. Of a column with a vocabulary it says for how many entries the answer is settled whatever the row.
type LeafExplanation struct {
	Column   string
	Kind     string // of the column: value, text, raw, int, double, overflow
	Question string
	Entries  int // of the vocabulary; 0: it has none
	Always   int
	May      int      // templates whose variables decide
	Never    int      // likewise
	Examples []string // some of the templates that may match; a variable is <int>, <id>, <word> or <any>
}

// Text writes the rewritten plan in the language's own signs.
func (b *Bound) Text() string { return b.nodeText(b.root) }

func (b *Bound) nodeText(n *node) string {
	switch n.kind {
	case planConst:
		if n.value {
			return "always"
		}
		return "never"
	case planLeaf:
		return b.name(n.leaf) + ":" + n.leaf.question()
	case planNot:
		return "-" + b.nodeText(n.kids[0])
	}
	sign := " "
	if n.kind == planOr {
		sign = " OR "
	}
	kids := make([]string, len(n.kids))
	for i, k := range n.kids {
		kids[i] = b.nodeText(k)
	}
	return "(" + strings.Join(kids, sign) + ")"
}

func (b *Bound) name(l *columnTest) string {
	if l.members != nil {
		return "overflow columns"
	}
	return l.info.Name()
}

func (l *columnTest) question() string {
	if l.test != nil {
		return l.test.Key
	}
	for _, t := range l.members {
		return t.Key
	}
	return ""
}

// Explain tells of every leaf of the rewritten plan, cheapest first.
func (b *Bound) Explain(ctx context.Context) ([]LeafExplanation, error) {
	var all []LeafExplanation
	for _, n := range b.leaves {
		leaf, err := b.explainLeaf(ctx, n.leaf)
		if err != nil {
			return nil, err
		}
		all = append(all, leaf)
	}
	return all, nil
}

func (b *Bound) explainLeaf(ctx context.Context, l *columnTest) (LeafExplanation, error) {
	x := LeafExplanation{Column: b.name(l), Kind: l.info.Kind.String(), Question: l.question()}
	if l.info.Overflow {
		x.Kind = "overflow"
	}
	if l.codes == nil || l.codes.every {
		return x, nil
	}
	x.Entries, x.Always, x.May = l.codes.len(), l.codes.always, l.codes.may
	x.Never = x.Entries - x.Always - x.May
	if x.May == 0 {
		return x, nil
	}
	entries, err := b.Part.Vocabulary(ctx, l.col)
	if err != nil {
		return x, err
	}
	for code, answer := range l.codes.answers {
		if answer == vocabulary.May && code < entries.Len() && len(x.Examples) < explainedExamplesMax {
			x.Examples = append(x.Examples, readable(entries.At(code)))
		}
	}
	return x, nil
}

var holeNames = map[byte]string{
	vocabulary.HoleInt: "<int>", vocabulary.HoleID: "<id>", vocabulary.HoleWord: "<word>", vocabulary.HoleRaw: "<any>",
}

// readable writes a template for people.
func readable(template []byte) string {
	var out strings.Builder
	for _, c := range template[:min(len(template), explainedBytesMax)] {
		if name, ok := holeNames[c]; ok {
			out.WriteString(name)
		} else {
			out.WriteByte(c)
		}
	}
	return strings.ToValidUTF8(out.String(), "\uFFFD")
}
