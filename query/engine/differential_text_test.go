package engine

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"clew/internal/telemetry"
	"clew/query/lang"
)

// -run TestDifferentialText -cases 1000000 is the long form (make fuzz runs it); the default is quick.
var (
	textCases = flag.Int("cases", 4000, "queries that TestDifferentialText compares, each over three layouts")
	textSeed  = flag.Uint64("seed", 1, "of TestDifferentialText")
	textRound = flag.Uint64("round", 0, "of TestDifferentialText to begin with: each has data of its own, which seed and round make")
)

// TestDifferentialText compares counts over random texts with a scan by regexp: texts of every shape that templates can take, and queries made of
// pieces of these very texts, so that most of them match something and end inside words, numbers, ids, characters and lines.
func TestDifferentialText(t *testing.T) {
	const perCorpus = 500
	began, asked, refused, empty := time.Now(), 0, 0, 0
	for round := *textRound; asked < *textCases; round++ {
		rng := rand.New(rand.NewPCG(*textSeed, round))
		records := textCorpus(rng, 60+rng.IntN(240))
		engines := layouts(t, rng, telemetry.Logs, records)
		delete(engines, "segments")
		for range min(perCorpus, *textCases) {
			text := textQuery(rng, records)
			q, err := lang.Parse(text)
			if err != nil {
				refused++ // such as wildcards beside escaped characters; the language's own tests say which
				continue
			}
			asked++
			if compareCount(t, engines, records, q, fmt.Sprintf("seed %d, round %d: %s", *textSeed, round, text)) == 0 {
				empty++
			}
			if t.Failed() {
				reportDifference(t, engines["head"], records, q)
				return
			}
		}
		compiledCache.Clear()
	}
	if refused > asked/4 || empty > asked*3/4 {
		t.Errorf("of %d queries %d matched nothing, and %d more were refused: too few say anything", asked, empty, refused)
	}
	t.Logf("%d cases in %v", len(layoutsOfText)*asked, time.Since(began).Round(time.Millisecond))
}

var layoutsOfText = []string{"head", "segment", "mixture"}

func compareCount(t *testing.T, engines map[string]*Engine, records []*modelRecord, q lang.Expr, where string) int {
	want := 0
	for _, r := range records {
		if r.matches(t, q) {
			want++
		}
	}
	for _, name := range layoutsOfText {
		have, err := engines[name].Count(t.Context(), Request{Tenant: "default", Signal: telemetry.Logs, Query: q})
		var refused *lang.Error
		if errors.As(err, &refused) {
			return 1
		}
		if err != nil {
			t.Fatalf("%s: %s: %v", name, where, err)
		}
		if have.Count != uint64(want) || len(have.Stats.Partial) > 0 {
			t.Errorf("%s: %s: counted %d, want %d; %v", name, where, have.Count, want, have.Stats.Partial)
		}
	}
	return want
}

// reportDifference names the records that the engine and the model do not agree about.
func reportDifference(t *testing.T, e *Engine, records []*modelRecord, q lang.Expr) {
	for _, r := range records {
		have, err := e.Count(t.Context(), Request{Tenant: "default", Signal: telemetry.Logs, Query: q, From: r.time, To: r.time + 1})
		if err != nil || (have.Count == 1) != r.matches(t, q) {
			t.Logf("in the head: %v, want %v; %v: body %q, message %q", have != nil && have.Count == 1, r.matches(t, q), err, r.cells[bodyColumn], r.cells[messageColumn])
		}
	}
}

var (
	bodyColumn    = telemetry.Column{Level: telemetry.LevelField, Key: telemetry.FieldBody, Type: telemetry.TypeString}
	messageColumn = telemetry.Column{Level: telemetry.LevelRecord, Key: "message", Type: telemetry.TypeString}
)

// textCorpus is n log records: lines of a few random shapes, some of which only one line has, and lines of no shape at all.
func textCorpus(rng *rand.Rand, n int) []*modelRecord {
	shapes := make([][]int, 1+rng.IntN(8))
	for i := range shapes {
		shapes[i] = textShape(rng)
	}
	line := func() string {
		switch rng.IntN(10) {
		case 0:
			return lineOf(rng, textShape(rng))
		case 1:
			return noise(rng, rng.IntN(40))
		}
		return lineOf(rng, shapes[rng.IntN(len(shapes))])
	}
	var records []*modelRecord
	for i := range n {
		r := &modelRecord{signal: telemetry.Logs, time: testNow.Add(-time.Hour).UnixNano() + int64(i), cells: map[telemetry.Column]any{}}
		r.set(telemetry.LevelField, telemetry.FieldTime, telemetry.TypeTime, r.time)
		r.set(telemetry.LevelResource, "service.name", telemetry.TypeString, []string{"a", "b"}[rng.IntN(2)])
		if rng.IntN(20) > 0 {
			r.cells[bodyColumn] = line()
		}
		if rng.IntN(2) == 0 {
			r.cells[messageColumn] = line()
		}
		records = append(records, r)
	}
	return records
}

// textShape is the kinds of a line's pieces; negative ones stand for fixed words.
func textShape(rng *rand.Rand) []int {
	shape := make([]int, 1+rng.IntN(9))
	for i := range shape {
		if shape[i] = rng.IntN(16); rng.IntN(2) == 0 {
			shape[i] = -1 - rng.IntN(len(textWords))
		}
	}
	return shape
}

var textWords = []string{
	"timeout", "after", "error", "Error", "ERROR", "user", "conn", "connection", "reset", "état", "ÉLEVÉ", "grün", "ſtraße", "Kelvin", "重启", "сервер", "retry", "of", "x", "ab", "abc", "dead", "beef", "=", "->", "::", "[", "]",
}

func lineOf(rng *rand.Rand, shape []int) string {
	var b strings.Builder
	for i, kind := range shape {
		if i > 0 {
			b.WriteString([]string{" ", " ", " ", "", "=", ":", "/", ", ", "-", "_", ".", "\n\t"}[rng.IntN(24)%12])
		}
		if kind < 0 {
			b.WriteString(textWords[-1-kind])
			continue
		}
		switch kind {
		case 0, 1, 2:
			fmt.Fprintf(&b, "%d", rng.IntN([]int{3, 20, 1000, 1 << 30}[rng.IntN(4)]))
		case 3:
			fmt.Fprintf(&b, "%0*d", 1+rng.IntN(20), rng.IntN(1000))
		case 4:
			fmt.Fprintf(&b, "%08x-%04x-4%03x-8%03x-%012x", rng.Uint32N(9), rng.Uint32N(3), rng.Uint32N(3), rng.Uint32N(3), rng.Uint64N(5))
		case 5:
			fmt.Fprintf(&b, "%x", rng.Uint64N(1<<(4+rng.IntN(50))))
		case 6:
			fmt.Fprintf(&b, "10.%d.%d.%d:%d", rng.IntN(3), rng.IntN(3), rng.IntN(300), rng.IntN(3000))
		case 7:
			fmt.Fprintf(&b, "%s%d", textWords[rng.IntN(len(textWords))], rng.IntN(12))
		case 8:
			fmt.Fprintf(&b, "0x%X", rng.Uint32N(5000))
		case 9:
			fmt.Fprintf(&b, "%d.%03dms", rng.IntN(9), rng.IntN(1000))
		case 10:
			b.WriteString(noise(rng, 1+rng.IntN(6)))
		default:
			for range 1 + rng.IntN(7) {
				b.WriteByte("abcdeorstABZ"[rng.IntN(12)])
			}
		}
	}
	return b.String()
}

// noise is characters in no order, those that templates use for their own purposes among them.
func noise(rng *rand.Rand, n int) string {
	letters := []rune("ab1 _-\"\\/\x00\x01\x02\x03\x04\x05é重ſK0٣\n")
	out := make([]rune, n)
	for i := range out {
		out[i] = letters[rng.IntN(len(letters))]
	}
	return string(out)
}

// textQuery is a random query made of pieces of the records' texts.
func textQuery(rng *rand.Rand, records []*modelRecord) string {
	a := textLeaf(rng, records)
	switch rng.IntN(12) {
	case 0:
		return a + " " + textLeaf(rng, records)
	case 1:
		return "(" + a + " OR " + textLeaf(rng, records) + ")"
	case 2:
		return "-" + a
	case 3:
		return a + " service:a"
	}
	return a
}

func textLeaf(rng *rand.Rand, records []*modelRecord) string {
	column, field := bodyColumn, ""
	switch rng.IntN(8) {
	case 0:
		column, field = messageColumn, "message:"
	case 1:
		field = "any:"
	}
	piece := somePiece(rng, records, column)
	words := strings.FieldsFunc(piece, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.Is(unicode.Nd, r) && r != '_' || unicode.Is(unicode.Han, r)
	})
	word := "timeout"
	if len(words) > 0 {
		word = words[rng.IntN(len(words))]
	}
	switch rng.IntN(12) {
	case 0:
		return field + quoted(piece)
	case 1:
		return field + quoted(word)
	case 2:
		return field + prefixOf(rng, word) + "*"
	case 3:
		r := []rune(word)
		r[rng.IntN(len(r))] = []rune("?*")[rng.IntN(2)]
		return field + string(r)
	case 4:
		return field + mutated(rng, word) + []string{"~", "~2"}[rng.IntN(2)]
	case 5:
		return field + quoted(strings.ToUpper(piece))
	case 6:
		return field + "/" + slashed("(?i)"+regexp.QuoteMeta(piece)) + "/"
	}
	expr := expressionOf(rng, piece)
	switch rng.IntN(8) {
	case 0:
		expr = "^" + expr
	case 1:
		expr += "$"
	case 2:
		expr = `\b` + expr + `\b`
	case 3:
		expr = "(" + expr + "|" + regexp.QuoteMeta(somePiece(rng, records, column)) + ")"
	case 4:
		expr = "(?m)^" + expr
	}
	return field + "/" + slashed(expr) + "/"
}

// somePiece is a random stretch of a random record's text, cut between characters.
func somePiece(rng *rand.Rand, records []*modelRecord, column telemetry.Column) string {
	for range 20 {
		text, _ := records[rng.IntN(len(records))].cells[column].(string)
		if text == "" {
			continue
		}
		runes := []rune(text)
		from := rng.IntN(len(runes))
		return string(runes[from:min(len(runes), from+1+rng.IntN(14))])
	}
	return "x"
}

func prefixOf(rng *rand.Rand, word string) string {
	r := []rune(word)
	return string(r[:1+rng.IntN(len(r))])
}

// mutated is a word with one character replaced, removed or doubled.
func mutated(rng *rand.Rand, word string) string {
	r := []rune(word)
	i := rng.IntN(len(r))
	switch rng.IntN(3) {
	case 0:
		r[i] = 'q'
	case 1:
		if len(r) > 1 {
			r = slices.Delete(r, i, i+1)
		}
	default:
		r = slices.Insert(r, i, r[i])
	}
	return string(r)
}

// expressionOf turns some characters of a piece into classes and repetitions that they fit.
func expressionOf(rng *rand.Rand, piece string) string {
	var b strings.Builder
	for _, r := range piece {
		char := regexp.QuoteMeta(string(r))
		switch {
		case rng.IntN(3) > 0:
		case r >= '0' && r <= '9':
			char = []string{`\d`, `[0-9]`, `[0-9a-f]`, `\w`, `[5-9]`}[rng.IntN(5)]
		case r < utf8.RuneSelf && unicode.IsLetter(r):
			char = []string{`[a-z]`, `\w`, `.`, `[[:alpha:]]`, `[A-Za-z0-9]`, `\pL`}[rng.IntN(6)]
		case rng.IntN(2) == 0:
			char = []string{`.`, `\W`, `\s`, `[^a]`, `\S`}[rng.IntN(5)]
		}
		switch rng.IntN(12) {
		case 0:
			char += "+"
		case 1:
			char += "*"
		case 2:
			char += "?"
		case 3:
			char += "{1,3}"
		}
		b.WriteString(char)
	}
	return b.String()
}

func quoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// slashed escapes what would end the expression.
func slashed(expr string) string { return strings.ReplaceAll(expr, "/", `\/`) }
