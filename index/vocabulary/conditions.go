package vocabulary

// ConditionKind is what a condition asks of a word.
type ConditionKind uint8

// Kinds of conditions.
const (
	WordIs     ConditionKind = iota // the word is Low
	WordBegins                      // it begins with Low
	WordFits                        // it fits the pattern Low, in which '*' and '?' stand for what they do in file names
	WordNear                        // it is at most Distance edits away from Low
)

// Condition is what a matcher asks of one word, for an index of words that looks for the texts that may match.
type Condition struct {
	Kind     ConditionKind
	Low      []byte // in lower case
	Distance int    // WordNear
	Holes    []byte // the kinds of holes (HoleID, HoleWord, HoleRaw) that may hold such a word
}

// Conditions are those that words of every matching text meet, one after the other; nil if m does not ask for words.
func Conditions(m Matcher) []Condition {
	words, ok := m.(*wordsMatcher)
	if !ok {
		return nil
	}
	all := make([]Condition, len(words.predicates))
	for i, p := range words.predicates {
		c := &all[i]
		switch p := p.(type) {
		case *equalWord:
			c.Kind, c.Low = WordIs, p.low
		case *prefixWord:
			c.Kind, c.Low = WordBegins, p.low
		case *wildcardWord:
			c.Kind, c.Low = WordFits, p.low
		case *fuzzyWord:
			c.Kind, c.Low, c.Distance = WordNear, []byte(string(p.low)), p.distance
		}
		for _, kind := range []byte{HoleID, HoleWord, HoleRaw} {
			if p.hole(kind, nil) {
				c.Holes = append(c.Holes, kind)
			}
		}
	}
	return all
}
