package engine

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"clew/index/vocabulary"
	"clew/internal/telemetry"
	"clew/query/lang"
)

var epoch = time.Unix(0, 0).UTC()

// test is what a leaf asks of the values of one column type. Exactly one of the first three is set.
type test struct {
	exists  bool               // any value will do
	matcher vocabulary.Matcher // asks the value's text
	numbers *numbers           // asks the value as a number
	// exact is the only value that can match, if there is only one; for the filters of raw columns.
	exact []byte
	// clauses are what a matching text must contain (pieces.go); none if nothing is known.
	clauses []clause
	// literals must all be in a matching text, exactly so (alternatives.go).
	literals []string
	// words, in lower case, are what matcher asks for if it asks for whole words in sequence and nothing else; their hashes are its Words.
	words [][]byte
	// expr is the regular expression that matcher asks for; empty if it asks otherwise. Words, prefixes and fuzzy words written as
	// expressions were tried: 5 to 20 % slower than the row filter.
	expr string
	key  string // canonical form of the question, for the cache
}

func matcherTest(m vocabulary.Matcher) *test { return &test{matcher: m, key: m.String()} }

// with adds what matching texts must contain.
func (t *test) with(clauses []clause) *test {
	t.clauses = clauses
	return t
}

func exactTest(value []byte) *test {
	t := matcherTest(vocabulary.NewExact(string(value), false)).with(required(piecesOf(string(value), false, true)))
	t.exact = value
	return t
}

func numbersTest(n numbers) *test {
	return &test{numbers: &n, key: fmt.Sprintf("num:%d,%d,%v,%v,%v,%v", n.lo, n.hi, n.flo, n.fhi, n.loOpen, n.hiOpen)}
}

var existsTest = &test{exists: true, key: "exists"}

// enumerations are fields whose values are a few names that clew writes itself: case does not matter.
var enumerations = map[string]bool{telemetry.FieldKind: true, telemetry.FieldStatus: true}

// testsOf says what leaf m asks of each column type. A type that is not in the map cannot match.
func testsOf(m *lang.Match, f *field, now time.Time) (map[telemetry.Type]*test, error) {
	if m.Op >= lang.OpLess {
		return orderTests(m, f, now)
	}
	switch m.Value.Form {
	case lang.FormExists:
		return everyType(func(telemetry.Type) *test { return existsTest }), nil
	case lang.FormRegex:
		expr := m.Value.Text
		if m.Value.Fold {
			expr = "(?i)" + expr
		}
		re, err := vocabulary.NewRegexp(expr)
		if err != nil {
			return nil, leafError(m, "not a regular expression: "+err.Error(), "the syntax is RE2's")
		}
		tests := textTests(re, regexClauses(expr))
		tests[telemetry.TypeString].literals = regexLiterals(expr)
		tests[telemetry.TypeJSON].literals = tests[telemetry.TypeString].literals
		tests[telemetry.TypeString].expr, tests[telemetry.TypeJSON].expr = expr, expr
		return tests, nil
	case lang.FormFuzzy:
		fuzzy, err := vocabulary.NewFuzzy(m.Value.Text, m.Value.Distance)
		if err != nil {
			return nil, leafError(m, err.Error(), "write word~ or word~2")
		}
		return textTests(fuzzy, fuzzyClause(m.Value.Text, m.Value.Distance)), nil
	case lang.FormGlob:
		return globTests(m, f)
	}
	return equalTests(m, f, now)
}

func everyType(f func(telemetry.Type) *test) map[telemetry.Type]*test {
	tests := map[telemetry.Type]*test{}
	for t := telemetry.TypeString; t <= telemetry.TypeTime; t++ {
		if x := f(t); x != nil {
			tests[t] = x
		}
	}
	return tests
}

// textTests asks every type by its text.
func textTests(m vocabulary.Matcher, clauses []clause) map[telemetry.Type]*test {
	return everyType(func(t telemetry.Type) *test {
		if t == telemetry.TypeBytes {
			return matcherTest(hexMatcher{m})
		}
		return matcherTest(m).with(clauses)
	})
}

func globTests(m *lang.Match, f *field) (map[telemetry.Type]*test, error) {
	tests := textTests(newGlob(m.Value.Text), globClauses(m.Value.Text, false))
	if !f.prose && !f.every {
		return tests, nil
	}
	if strings.ContainsRune(m.Value.Text, '\\') {
		return nil, leafError(m, "wildcards and escaped characters do not go together in text", "use a regular expression: /conn.*ion/")
	}
	words := vocabulary.NewWildcard(m.Value.Text)
	if stem := strings.TrimSuffix(m.Value.Text, "*"); !strings.ContainsAny(stem, "*?") && len(splitWords(stem)) > 0 {
		words = vocabulary.NewPrefix(stem)
	}
	tests[telemetry.TypeString] = matcherTest(words).with(globClauses(m.Value.Text, true))
	tests[telemetry.TypeJSON] = tests[telemetry.TypeString]
	return tests, nil
}

// equalTests are those of field:text and field=text.
func equalTests(m *lang.Match, f *field, now time.Time) (map[telemetry.Type]*test, error) {
	text := m.Value.Text
	whole := exactTest([]byte(text))
	if enumerations[f.name] {
		whole = matcherTest(vocabulary.NewExact(text, true))
	}
	tests := map[telemetry.Type]*test{telemetry.TypeString: whole, telemetry.TypeJSON: whole}
	if m.Op == lang.OpMatch {
		prose := matcherTest(vocabulary.NewPhrase(text)).with(wordClauses(text))
		for _, w := range splitWords(text) {
			prose.words = append(prose.words, vocabulary.AppendLower(nil, []byte(w)))
		}
		tests[telemetry.TypeJSON] = prose // an array's elements are words of its text
		if f.prose || f.every {
			tests[telemetry.TypeString] = prose
		}
	}
	if lower := strings.ToLower(text); lower == "true" || lower == "false" {
		tests[telemetry.TypeBool] = exactTest([]byte(lower))
	}
	if raw := idBytes(f.name, text); raw != nil {
		tests[telemetry.TypeBytes] = exactTest(raw)
	}
	if isID(f.name) && tests[telemetry.TypeBytes] == nil {
		return nil, leafError(m, fmt.Sprintf("%q is not an id", text), "an id is hex digits: 32 of them for a trace, 16 for a span")
	}
	n, ok, err := quantityOf(m, f, now)
	if err != nil {
		return nil, err
	}
	if ok {
		for _, t := range []telemetry.Type{telemetry.TypeInt, telemetry.TypeDouble, telemetry.TypeTime} {
			tests[t] = numbersTest(n)
		}
	}
	return tests, nil
}

// orderTests are those of <, <=, > and >=.
func orderTests(m *lang.Match, f *field, now time.Time) (map[telemetry.Type]*test, error) {
	if f.prose || f.every {
		return nil, leafError(m, "text has no order", "compare a field that holds numbers: duration"+m.Op.String()+"200ms")
	}
	n, ok, err := quantityOf(m, f, now)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, leafError(m, fmt.Sprintf("%q is not a number", m.Value.Text),
			"write a number, a duration (200ms, 1h30m), bytes (10KB, 4MiB) or a time (2026-11-21T09:30, now-15m)")
	}
	number := numbersTest(n)
	return map[telemetry.Type]*test{
		telemetry.TypeInt: number, telemetry.TypeDouble: number, telemetry.TypeTime: number,
		telemetry.TypeString: matcherTest(&quantityMatcher{n, "quantity:" + number.key}),
	}, nil
}

// quantityOf gives the numbers that a comparison means; ok is false where the text is no number and need not be one.
func quantityOf(m *lang.Match, f *field, now time.Time) (n numbers, ok bool, err error) {
	fixed := len(f.wants) == 1 && f.wants[0].level == telemetry.LevelField
	if fixed && f.wants[0].key == telemetry.FieldSeverity {
		n, err = severities(m)
		return n, true, err
	}
	q, ok := lang.ParseQuantity(m.Value.Text, now)
	if !fixed {
		return compared(m.Op, q), ok, nil
	}
	switch f.wants[0].key {
	case telemetry.FieldDuration:
		if !ok || q.Unit != lang.UnitDuration && q.Float != 0 {
			return n, false, leafError(m, fmt.Sprintf("%q is not a duration", m.Value.Text), "write a number with a unit: 200ms, 1.5s, 1h30m")
		}
	case telemetry.FieldTime, telemetry.FieldStart, telemetry.FieldObservedTime, telemetry.FieldStatedTime, telemetry.FieldStatedStart:
		if !ok || q.Unit != lang.UnitTime && q.Unit != lang.UnitNone {
			return n, false, leafError(m, fmt.Sprintf("%q is not a time", m.Value.Text), "write 2026-11-21T09:30:00Z, 2026-11-21, now-15m or nanoseconds since 1970")
		}
	}
	return compared(m.Op, q), ok, nil
}

// severities: a level's name stands for its whole range of OpenTelemetry's numbers (error is 17 to 20), a finer name (error2) or a
// number for itself.
func severities(m *lang.Match) (numbers, error) {
	from, err := telemetry.ParseSeverity(m.Value.Text)
	if err != nil {
		return numbers{}, leafError(m, fmt.Sprintf("%q is not a severity", m.Value.Text), "write trace, debug, info, warn, error, fatal or a number from 1 to 24")
	}
	to := from
	if last := m.Value.Text[len(m.Value.Text)-1]; from%4 == 1 && (last < '0' || last > '9') {
		to = from + 3
	}
	switch m.Op {
	case lang.OpLess:
		return intsBetween(0, from-1), nil
	case lang.OpLessEqual:
		return intsBetween(0, to), nil
	case lang.OpGreater:
		return intsBetween(to+1, 1<<62), nil
	case lang.OpGreaterEqual:
		return intsBetween(from, 1<<62), nil
	}
	return intsBetween(from, to), nil
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

func splitWords(text string) (words []string) {
	s := []byte(text)
	vocabulary.Words(s, func(start, end int) bool {
		words = append(words, string(s[start:end]))
		return true
	})
	return words
}

func leafError(m *lang.Match, msg, hint string) error {
	return &lang.Error{Pos: m.Pos, End: m.End, Msg: msg, Hint: hint}
}
