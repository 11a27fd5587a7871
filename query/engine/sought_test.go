package engine

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"clew/index"
	"clew/index/segment"
	"clew/index/store"
	"clew/index/vocabulary"
	"clew/internal/telemetry"
	"clew/query/engine/question"
)

// TestNarrowRows asks a segment for words and phrases that are in ids, names, tails, numbers and templates of its texts, and counts what a plain test of
// each text counts. A word that one row has in a variable must not cost the rows of all templates that have a place for it.
func TestNarrowRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var texts []string
	var records []*modelRecord
	for i := range 6000 {
		uuid := fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", rng.Uint32(), rng.IntN(1<<16), rng.IntN(1<<12), rng.IntN(1<<12), rng.Int64N(1<<48))
		worker := fmt.Sprintf("worker%dpart%d", rng.IntN(9), rng.IntN(9)) // a word with numbers in it, or in a tail
		var text string
		switch i % 5 {
		case 0:
			text = fmt.Sprintf("request %s done in %dms", uuid, rng.IntN(900))
		case 1:
			text = fmt.Sprintf("user u%d_%s of 10.0.%d.%d left", rng.IntN(5), []string{"anna", "bob99"}[rng.IntN(2)], rng.IntN(4), rng.IntN(4))
		case 2:
			text = "panic:" + strings.Repeat(fmt.Sprintf("\n\tmain.go:%d", rng.IntN(99)), 40) + "\n\trequest " + strings.ToUpper(uuid) + " of " + worker
		case 3:
			text = worker + " began " + uuid[:8]
		default:
			text = randomText(rng)
		}
		r := &modelRecord{signal: telemetry.Logs, time: testNow.UnixNano() + int64(i), cells: map[telemetry.Column]any{}}
		r.set(telemetry.LevelField, telemetry.FieldBody, telemetry.TypeString, text)
		records, texts = append(records, r), append(texts, text)
	}
	st, err := store.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	part := sealed(t, st, segment.NewCache(64<<20, 0), head(t, "h", logBatch(toLogs(records))))
	e := newEngine(t, &fixedSource{parts: map[telemetry.Signal][]index.Part{telemetry.Logs: {part}}})
	var rebuilt []int64 // for the id of a request
	for n := range 500 {
		i := rng.IntN(len(texts))
		words := question.SplitWords(texts[i])
		if len(words) == 0 {
			continue
		}
		from := rng.IntN(len(words))
		phrase := strings.Join(words[from:min(len(words), from+1+rng.IntN(4))], " ")
		switch {
		case n%10 == 5:
			phrase = fmt.Sprintf("worker%dpart%d", rng.IntN(9), rng.IntN(9))
		case n%2 == 0:
			phrase = strings.ToUpper(phrase)
		}
		want := uint64(0)
		m := vocabulary.NewPhrase(phrase)
		for _, text := range texts {
			if m.Text([]byte(text)) {
				want++
			}
		}
		c, err := e.Count(t.Context(), Request{Tenant: "default", Signal: telemetry.Logs, Query: mustParse(t, `"`+phrase+`"`)})
		if err != nil {
			t.Fatal(err)
		}
		if c.Count != want {
			t.Fatalf("%q: counted %d, want %d", phrase, c.Count, want)
		}
		if i%5 == 0 && n%10 != 5 && from == 1 && want == 1 { // the id of a request
			rebuilt = append(rebuilt, c.Stats.RowsRebuilt)
		}
	}
	if len(rebuilt) < 5 {
		t.Fatalf("asked for %d ids only", len(rebuilt))
	}
	for _, n := range rebuilt {
		if n > 5 {
			t.Errorf("%d rows were rebuilt for one id", n)
		}
	}
}
