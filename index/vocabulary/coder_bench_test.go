package vocabulary

import (
	"slices"
	"testing"

	"clew/internal/loggen"
)

// generated are bodies of generated log records.
func generated(n int) (bodies [][]byte, bytes int) {
	g := loggen.New(1)
	var rec loggen.Record
	for range n {
		g.Next(&rec)
		bodies = append(bodies, slices.Clone(rec.Body))
		bytes += len(rec.Body)
	}
	return bodies, bytes
}

// Generated logs have some sixty kinds of messages: few templates hold nearly all records.
func TestCoderOnGeneratedLogs(t *testing.T) {
	bodies, _ := generated(50_000)
	c := NewCoder(DefaultCoderLimits())
	raw := 0
	for _, body := range bodies {
		if _, holes := checkCoded(t, c, body); len(holes) == 1 && holes[0].Kind == HoleRaw {
			raw++
		}
	}
	if c.Len() > 4000 || raw > 0 {
		t.Errorf("%d templates, %d raw texts", c.Len(), raw)
	}
}

func TestCoderAllocatesNothingOnKnownTemplates(t *testing.T) {
	bodies, _ := generated(5000)
	c := NewCoder(DefaultCoderLimits())
	code := func() {
		for _, body := range bodies {
			c.Code(body)
		}
	}
	code()
	code()
	if n := testing.AllocsPerRun(3, code); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkCoder(b *testing.B) {
	bodies, n := generated(20_000)
	c := NewCoder(DefaultCoderLimits())
	for range 2 {
		for _, body := range bodies {
			c.Code(body)
		}
	}
	b.SetBytes(int64(n))
	b.ReportAllocs()
	for b.Loop() {
		for _, body := range bodies {
			c.Code(body)
		}
	}
}

func BenchmarkInterner(b *testing.B) {
	bodies, n := generated(20_000)
	in := NewInterner()
	b.SetBytes(int64(n))
	b.ReportAllocs()
	for b.Loop() {
		for _, body := range bodies {
			in.Intern(body)
		}
	}
}

func BenchmarkText(b *testing.B) {
	bodies, n := generated(20_000)
	regexp, _ := NewRegexp(`timeout after \d+ms`)
	folded, _ := NewRegexp(`(?i)TIMEOUT.*trace`)
	fuzzy, _ := NewFuzzy("conection", 1)
	for _, m := range []Matcher{
		NewWord("timeout"), NewPhrase("connection timeout"), NewPrefix("timeo"), NewWildcard("conn*ion"), fuzzy,
		NewSubstring("timeout", false), NewSubstring("TIMEOUT", true), regexp, folded,
	} {
		b.Run(m.String(), func(b *testing.B) {
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				for _, body := range bodies {
					m.Text(body)
				}
			}
		})
	}
}
