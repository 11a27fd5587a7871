package wordindex

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"clew/index/vocabulary"
)

// manyTemplates makes n different templates of a dozen words each, of a vocabulary in which few words are frequent and many rare.
func manyTemplates(n int) *vocabulary.Arena {
	r := rand.New(rand.NewPCG(1, 41))
	zipf := rand.NewZipf(r, 1.2, 20, 50_000)
	word := func() string {
		n := zipf.Uint64()*2_654_435_761%1_000_003 + 17
		var b strings.Builder
		for ; n > 0; n /= 400 {
			b.WriteString([]string{"con", "re", "time", "ser", "load", "ing", "ed", "out", "ta", "mi", "ver", "da", "se", "st", "al", "pro", "er", "ti", "on", "qu"}[n%20])
		}
		return b.String()
	}
	arena := &vocabulary.Arena{}
	for i := range n {
		text := []byte(fmt.Sprintf("%s %s: ", word(), word()))
		for range 9 {
			text = append(append(text, word()...), ' ')
		}
		text = append(text, "in \x01 ms, id \x02 u"...)
		for n := i; ; n /= 26 { // makes it different from all others
			text = append(text, byte('a'+n%26))
			if n < 26 {
				break
			}
		}
		arena.Append(text)
	}
	return arena
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

func diskBytes(b *testing.B, dir string) (n int64) {
	b.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		n += info.Size()
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// BenchmarkIndex feeds large vocabularies and asks the index and the arena about them. Its first figures are those of feeding: run it with -benchtime 20x.
func BenchmarkIndex(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			arena := manyTemplates(n)
			dir := filepath.Join(b.TempDir(), "v")
			ix := openIndex(b, dir)
			ids := make([]uint64, n)
			before, began, used := heap(), time.Now(), cpu()
			err := ix.Feed(b.Context(), Source{Name: "one"}, func(yield func(Entry) bool) {
				for i := range n {
					e := Entry{"t", "body", true, arena.At(i)}
					ids[i] = e.ID()
					if !yield(e) {
						return
					}
				}
			})
			if err != nil || ix.Len() != n {
				b.Fatalf("%v, %d entries", err, ix.Len())
			}
			used, took := cpu()-used, time.Since(began)
			b.Logf("%d entries, %d MB of text: fed in %v, %v of CPU an entry, %d MB of heap", n, len(arena.Data)>>20, took.Round(time.Millisecond), used/time.Duration(n), (heap()-before)>>20)
			began = time.Now()
			if err := ix.Close(); err != nil {
				b.Fatal(err)
			}
			closed := time.Since(began)
			began = time.Now()
			ix = openIndex(b, dir)
			defer ix.Close()
			b.Logf("closed in %v, opened in %v, %d MB on disk", closed, time.Since(began), diskBytes(b, dir)>>20)
			benchmarkMatchers(b, ix, arena, ids)
		})
	}
}

// questions are matchers about templates of manyTemplates, by kind.
func questions(b *testing.B, arena *vocabulary.Arena) map[string]vocabulary.Matcher {
	b.Helper()
	words := strings.Fields(string(arena.At(arena.Len() / 2)))
	last := words[len(words)-1]
	regexp, err := vocabulary.NewRegexp(words[3] + ` .*in \d+ ms, id .* ` + last[:2])
	if err != nil {
		b.Fatal(err)
	}
	short, err := vocabulary.NewRegexp(`ing[a-f]+ \d`)
	if err != nil {
		b.Fatal(err)
	}
	fuzzy, err := vocabulary.NewFuzzy(last[:1]+"x"+last[1:], 1)
	if err != nil {
		b.Fatal(err)
	}
	return map[string]vocabulary.Matcher{
		"rare-word": vocabulary.NewWord(last), "phrase": vocabulary.NewPhrase(words[3] + " " + words[4]), "prefix": vocabulary.NewPrefix(last[:len(last)-1]), "fuzzy": fuzzy,
		"substring": vocabulary.NewSubstring(words[3][1:]+" "+words[4][:2], false), "regexp": regexp, "regexp-short-literal": short,
	}
}

func benchmarkMatchers(b *testing.B, ix *Index, arena *vocabulary.Arena, ids []uint64) {
	for name, m := range questions(b, arena) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				places, ok, err := ix.Select(b.Context(), "t", "body", ids, m)
				if err != nil {
					b.Fatal(err)
				}
				if !ok {
					b.Skip("left to the arena")
				}
				for _, p := range places {
					m.Template(arena.At(p), nil)
				}
			}
		})
	}
	b.Run("near", func(b *testing.B) {
		for b.Loop() {
			if _, err := ix.Near(b.Context(), "t", "body", "conxting", 2, 5); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkArena asks the arena alone.
func BenchmarkArena(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		arena := manyTemplates(n)
		for name, m := range questions(b, arena) {
			b.Run(fmt.Sprint(n, "/", name), func(b *testing.B) {
				used := cpu()
				for b.Loop() {
					vocabulary.Match(arena, m, true, nil)
				}
				b.ReportMetric(float64((cpu()-used).Microseconds())/1000/float64(b.N), "cpu-ms/op")
			})
		}
	}
}
