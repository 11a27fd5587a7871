package question

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"clew/index/vocabulary"
	"clew/internal/telemetry"
	"clew/query/lang"
)

var epoch = time.Unix(0, 0).UTC()

// Test is what a leaf asks of the values of one column type. Exactly one of the first three is set.
type Test struct {
	Exists  bool               // any value will do
	Matcher vocabulary.Matcher // asks the value's text
	Numbers *numbers           // asks the value as a number
	// Exact is the only value that can match, if there is only one; for the filters of raw columns.
	Exact []byte
	// Clauses are what a matching text must contain (pieces.go); none if nothing is known.
	Clauses []Clause
	// Literals must all be in a matching text, exactly so (alternatives.go).
	Literals []string
	// Words, in lower case, are what matcher asks for if it asks for whole words in sequence and nothing else; their hashes are its Words.
	Words [][]byte
	// Expr is the regular expression that matcher asks for; empty if it asks otherwise. Words, prefixes and fuzzy words written as
	// expressions were tried: 5 to 20 % slower than the row filter.
	Expr string
	Key  string // canonical form of the question, for the cache
}

// MatcherTest asks a value's text.
func MatcherTest(m vocabulary.Matcher) *Test { return &Test{Matcher: m, Key: m.String()} }

// with adds what matching texts must contain.
func (t *Test) with(clauses []Clause) *Test {
	t.Clauses = clauses
	return t
}

func exactTest(value []byte) *Test {
	t := MatcherTest(vocabulary.NewExact(string(value), false)).with(required(PiecesOf(string(value), false, true)))
	t.Exact = value
	return t
}

// NumbersTest asks a value as a number.
func NumbersTest(n numbers) *Test {
	return &Test{Numbers: &n, Key: fmt.Sprintf("num:%d,%d,%v,%v,%v,%v", n.Lo, n.Hi, n.flo, n.fhi, n.loOpen, n.hiOpen)}
}

// ExistsTest is met by any value.
var ExistsTest = &Test{Exists: true, Key: "exists"}

// enumerations are fields whose values are a few names that clew writes itself: case does not matter.
var enumerations = map[string]bool{telemetry.FieldKind: true, telemetry.FieldStatus: true}

// TestsOf says what leaf m asks of each column type. A type that is not in the map cannot match.
func TestsOf(m *lang.Match, f *Field, now time.Time) (map[telemetry.Type]*Test, error) {
	if m.Op >= lang.OpLess {
		return orderTests(m, f, now)
	}
	switch m.Value.Form {
	case lang.FormExists:
		return EveryType(func(telemetry.Type) *Test { return ExistsTest }), nil
	case lang.FormRegex:
		expr := m.Value.Text
		if m.Value.Fold {
			expr = "(?i)" + expr
		}
		re, err := vocabulary.NewRegexp(expr)
		if err != nil {
			return nil, LeafError(m, "not a regular expression: "+err.Error(), "the syntax is RE2's")
		}
		tests := textTests(re, regexClauses(expr))
		tests[telemetry.TypeString].Literals = regexLiterals(expr)
		tests[telemetry.TypeJSON].Literals = tests[telemetry.TypeString].Literals
		tests[telemetry.TypeString].Expr, tests[telemetry.TypeJSON].Expr = expr, expr
		return tests, nil
	case lang.FormFuzzy:
		fuzzy, err := vocabulary.NewFuzzy(m.Value.Text, m.Value.Distance)
		if err != nil {
			return nil, LeafError(m, err.Error(), "write word~ or word~2")
		}
		return textTests(fuzzy, fuzzyClause(m.Value.Text, m.Value.Distance)), nil
	case lang.FormGlob:
		return globTests(m, f)
	}
	return equalTests(m, f, now)
}

// EveryType makes a test of f for each type of column.
func EveryType(f func(telemetry.Type) *Test) map[telemetry.Type]*Test {
	tests := map[telemetry.Type]*Test{}
	for t := telemetry.TypeString; t <= telemetry.TypeTime; t++ {
		if x := f(t); x != nil {
			tests[t] = x
		}
	}
	return tests
}

// textTests asks every type by its text.
func textTests(m vocabulary.Matcher, clauses []Clause) map[telemetry.Type]*Test {
	return EveryType(func(t telemetry.Type) *Test {
		if t == telemetry.TypeBytes {
			return MatcherTest(hexMatcher{m})
		}
		return MatcherTest(m).with(clauses)
	})
}

func globTests(m *lang.Match, f *Field) (map[telemetry.Type]*Test, error) {
	tests := textTests(newGlob(m.Value.Text), globClauses(m.Value.Text, false))
	if !f.Prose && !f.Every {
		return tests, nil
	}
	if strings.ContainsRune(m.Value.Text, '\\') {
		return nil, LeafError(m, "wildcards and escaped characters do not go together in text", "use a regular expression: /conn.*ion/")
	}
	words := vocabulary.NewWildcard(m.Value.Text)
	if stem := strings.TrimSuffix(m.Value.Text, "*"); !strings.ContainsAny(stem, "*?") && len(SplitWords(stem)) > 0 {
		words = vocabulary.NewPrefix(stem)
	}
	tests[telemetry.TypeString] = MatcherTest(words).with(globClauses(m.Value.Text, true))
	tests[telemetry.TypeJSON] = tests[telemetry.TypeString]
	return tests, nil
}

// equalTests are those of field:text and field=text.
func equalTests(m *lang.Match, f *Field, now time.Time) (map[telemetry.Type]*Test, error) {
	text := m.Value.Text
	whole := exactTest([]byte(text))
	if enumerations[f.Name] {
		whole = MatcherTest(vocabulary.NewExact(text, true))
	}
	tests := map[telemetry.Type]*Test{telemetry.TypeString: whole, telemetry.TypeJSON: whole}
	if m.Op == lang.OpMatch {
		prose := MatcherTest(vocabulary.NewPhrase(text)).with(wordClauses(text))
		for _, w := range SplitWords(text) {
			prose.Words = append(prose.Words, vocabulary.AppendLower(nil, []byte(w)))
		}
		tests[telemetry.TypeJSON] = prose // an array's elements are words of its text
		if f.Prose || f.Every {
			tests[telemetry.TypeString] = prose
		}
	}
	if lower := strings.ToLower(text); lower == "true" || lower == "false" {
		tests[telemetry.TypeBool] = exactTest([]byte(lower))
	}
	if raw := idBytes(f.Name, text); raw != nil {
		tests[telemetry.TypeBytes] = exactTest(raw)
	}
	if isID(f.Name) && tests[telemetry.TypeBytes] == nil {
		return nil, LeafError(m, fmt.Sprintf("%q is not an id", text), "an id is hex digits: 32 of them for a trace, 16 for a span")
	}
	n, ok, err := quantityOf(m, f, now)
	if err != nil {
		return nil, err
	}
	if ok {
		for _, t := range []telemetry.Type{telemetry.TypeInt, telemetry.TypeDouble, telemetry.TypeTime} {
			tests[t] = NumbersTest(n)
		}
	}
	return tests, nil
}

// orderTests are those of <, <=, > and >=.
func orderTests(m *lang.Match, f *Field, now time.Time) (map[telemetry.Type]*Test, error) {
	if f.Prose || f.Every {
		return nil, LeafError(m, "text has no order", "compare a field that holds numbers: duration"+m.Op.String()+"200ms")
	}
	n, ok, err := quantityOf(m, f, now)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, LeafError(m, fmt.Sprintf("%q is not a number", m.Value.Text),
			"write a number, a duration (200ms, 1h30m), bytes (10KB, 4MiB) or a time (2026-11-21T09:30, now-15m)")
	}
	number := NumbersTest(n)
	return map[telemetry.Type]*Test{
		telemetry.TypeInt: number, telemetry.TypeDouble: number, telemetry.TypeTime: number,
		telemetry.TypeString: MatcherTest(&quantityMatcher{n, "quantity:" + number.Key}),
	}, nil
}

// quantityOf gives the numbers that a comparison means; ok is false where the text is no number and need not be one.
func quantityOf(m *lang.Match, f *Field, now time.Time) (n numbers, ok bool, err error) {
	fixed := len(f.Wants) == 1 && f.Wants[0].Level == telemetry.LevelField
	if fixed && f.Wants[0].Key == telemetry.FieldSeverity {
		n, err = severities(m)
		return n, true, err
	}
	q, ok := lang.ParseQuantity(m.Value.Text, now)
	if !fixed {
		return compared(m.Op, q), ok, nil
	}
	switch f.Wants[0].Key {
	case telemetry.FieldDuration:
		if !ok || q.Unit != lang.UnitDuration && q.Float != 0 {
			return n, false, LeafError(m, fmt.Sprintf("%q is not a duration", m.Value.Text), "write a number with a unit: 200ms, 1.5s, 1h30m")
		}
	case telemetry.FieldTime, telemetry.FieldStart, telemetry.FieldObservedTime, telemetry.FieldStatedTime, telemetry.FieldStatedStart:
		if !ok || q.Unit != lang.UnitTime && q.Unit != lang.UnitNone {
			return n, false, LeafError(m, fmt.Sprintf("%q is not a time", m.Value.Text), "write 2026-11-21T09:30:00Z, 2026-11-21, now-15m or nanoseconds since 1970")
		}
	}
	return compared(m.Op, q), ok, nil
}

// severities: a level's name stands for its whole range of OpenTelemetry's numbers (error is 17 to 20), a finer name (error2) or a
// number for itself.
func severities(m *lang.Match) (numbers, error) {
	from, err := telemetry.ParseSeverity(m.Value.Text)
	if err != nil {
		return numbers{}, LeafError(m, fmt.Sprintf("%q is not a severity", m.Value.Text), "write trace, debug, info, warn, error, fatal or a number from 1 to 24")
	}
	to := from
	if last := m.Value.Text[len(m.Value.Text)-1]; from%4 == 1 && (last < '0' || last > '9') {
		to = from + 3
	}
	switch m.Op {
	case lang.OpLess:
		return IntsBetween(0, from-1), nil
	case lang.OpLessEqual:
		return IntsBetween(0, to), nil
	case lang.OpGreater:
		return IntsBetween(to+1, 1<<62), nil
	case lang.OpGreaterEqual:
		return IntsBetween(from, 1<<62), nil
	}
	return IntsBetween(from, to), nil
}

// isID is for the fields that hold a trace's or span's id.
func isID(name string) bool {
	return name == telemetry.FieldTraceID || name == telemetry.FieldSpanID || name == telemetry.FieldParentSpanID
}

// idBytes are the bytes that text, hex, means; nil if it is not hex. Ids may be written without their leading zeros.
func idBytes(name, text string) []byte {
	switch name {
	case telemetry.FieldTraceID:
		if id, err := telemetry.ParseTraceID(text); err == nil {
			return id[:]
		}
		return nil
	case telemetry.FieldSpanID, telemetry.FieldParentSpanID:
		if id, err := telemetry.ParseSpanID(text); err == nil {
			return id[:]
		}
		return nil
	}
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) == 0 {
		return nil
	}
	return raw
}

// SplitWords are the words of a text, as vocabulary.Words has them.
func SplitWords(text string) (words []string) {
	s := []byte(text)
	vocabulary.Words(s, func(start, end int) bool {
		words = append(words, string(s[start:end]))
		return true
	})
	return words
}

// LeafError is what is wrong with leaf m, with a hint for whoever wrote it.
func LeafError(m *lang.Match, msg, hint string) error {
	return &lang.Error{Pos: m.Pos, End: m.End, Msg: msg, Hint: hint}
}

// RareWord is the word that is most likely in few rows and found fast: the longest, one with a digit before one without. absent are those that no
// variable holds. -1: none will do.
func (t *Test) RareWord(absent uint64) int {
	best, most := -1, 0
	for i, w := range t.Words {
		weight := len(w)
		for _, c := range w {
			if c >= utf8.RuneSelf {
				weight = 0
				break
			}
			if isDigit(c) {
				weight |= 1 << 16
			}
		}
		if absent>>i&1 == 0 && weight > most && len(w) >= rareWordMin {
			best, most = i, weight
		}
	}
	return best
}

// Value answers for one value, as a vocabulary or a raw column keeps it.
func (t *Test) Value(typ telemetry.Type, v []byte) bool {
	switch {
	case t.Exists:
		return true
	case t.Numbers != nil:
		return t.Numbers.HasText(v)
	case t.Exact != nil && (typ == telemetry.TypeString || typ == telemetry.TypeBytes):
		return string(t.Exact) == string(v)
	}
	return t.Matcher.Text(v)
}
