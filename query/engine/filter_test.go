package engine

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"clew/internal/telemetry"
	"clew/query/engine/question"
	"clew/query/engine/walk"
	"clew/query/lang"
)

// TestRowFilterIsSound puts questions made of pieces of the texts themselves to every row: what matches must pass the filter.
func TestRowFilterIsSound(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var records []*modelRecord
	for range 3000 {
		r := &modelRecord{signal: telemetry.Logs, time: testNow.UnixNano(), cells: map[telemetry.Column]any{}}
		r.set(telemetry.LevelField, telemetry.FieldBody, telemetry.TypeString, randomText(rng))
		records = append(records, r)
	}
	part := head(t, "h", logBatch(toLogs(records)))
	col := 0
	for i, c := range part.Columns() {
		if c.Key == telemetry.FieldBody {
			col = i
		}
	}
	arena, err := part.Vocabulary(context.Background(), col)
	if err != nil {
		t.Fatal(err)
	}
	text, err := part.Text(context.Background(), col, 0)
	if err != nil {
		t.Fatal(err)
	}
	refused, asked := 0, 0
	for range 400 {
		m := randomPieceQuery(rng, records)
		f := question.FieldOf(telemetry.Logs, "")
		tests, err := question.TestsOf(m, &f, testNow)
		if err != nil {
			continue
		}
		question := tests[telemetry.TypeString]
		filter, vars := &walk.Filter{}, &walk.Vars{}
		vars.Of(t.Context(), text)
		filter.Use(question, vars, arena, false)
		var buf []byte
		for row := range part.Info().Rows {
			buf = text.AppendText(buf[:0], row)
			may, matches := filter.May(row), question.Matcher.Text(buf)
			if matches && !may {
				t.Fatalf("%s: the filter refuses %q (template %q)", m, buf, arena.At(int(text.Code(row))))
			}
			asked++
			if !may {
				refused++
			}
		}
	}
	if refused < asked/2 {
		t.Errorf("the filter refused %d of %d rows: it is of no use", refused, asked)
	}
}

// randomPieceQuery asks for a piece of a record's text as a regular expression, a word, a prefix or a fuzzy word.
func randomPieceQuery(rng *rand.Rand, records []*modelRecord) *lang.Match {
	body := records[rng.IntN(len(records))].cells[telemetry.Column{Level: telemetry.LevelField, Key: telemetry.FieldBody, Type: telemetry.TypeString}].(string)
	from := rng.IntN(len(body))
	piece := body[from:min(len(body), from+1+rng.IntN(14))]
	quote := func(s string) string {
		var b bytes.Buffer
		for _, r := range s {
			fmt.Fprintf(&b, `\x{%x}`, r)
		}
		return b.String()
	}
	switch rng.IntN(5) {
	case 0:
		return &lang.Match{Value: lang.Value{Form: lang.FormRegex, Text: quote(piece)}}
	case 1:
		half := len(piece) / 2
		return &lang.Match{Value: lang.Value{Form: lang.FormRegex, Text: quote(piece[:half]) + ".{0,9}" + quote(piece[half:]), Fold: rng.IntN(2) == 0}}
	case 2:
		return &lang.Match{Value: lang.Value{Text: body[from:]}}
	}
	words := question.SplitWords(piece)
	if len(words) == 0 {
		return &lang.Match{Value: lang.Value{Text: piece}}
	}
	word := words[0]
	if rng.IntN(2) == 0 {
		return &lang.Match{Value: lang.Value{Form: lang.FormGlob, Text: word + "*"}}
	}
	return &lang.Match{Value: lang.Value{Form: lang.FormFuzzy, Text: word, Distance: 1 + rng.IntN(2)}}
}
