package vocabulary

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func openIndex(t testing.TB, dir string) *Index {
	t.Helper()
	limits := DefaultIndexLimits()
	limits.BatchWait = time.Millisecond
	ix, err := OpenIndex(dir, limits, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return ix
}

// feed adds entries and runs the index until it holds them.
func feed(t testing.TB, ix *Index, entries ...Entry) {
	t.Helper()
	var ids []uint64
	for _, e := range entries {
		ids = append(ids, EntryID(e.Tenant, e.Field, e.Template, e.Text))
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- ix.Run(ctx) }()
	ix.Add(entries...)
	for slices.Contains(ix.Covered(ids), false) {
		select {
		case err := <-done:
			t.Fatal(err)
		case <-time.After(time.Millisecond):
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// Select must never leave an entry out that may match, whether the index holds it or not.
func TestSelectLeavesNothingOut(t *testing.T) {
	ix := openIndex(t, filepath.Join(t.TempDir(), "v"))
	defer ix.Close()
	r := rand.New(rand.NewPCG(1, 31))
	arena := &Arena{}
	var ids []uint64
	var entries []Entry
	c := NewCoder(DefaultCoderLimits())
	add := func(text []byte) {
		arena.Append(text)
		e := Entry{"t", "body", true, slices.Clone(text)}
		ids = append(ids, EntryID(e.Tenant, e.Field, e.Template, e.Text))
		if r.IntN(20) != 0 {
			entries = append(entries, e)
		}
	}
	for range 2000 {
		code, _ := c.Code(randomText(r))
		add(c.Templates().At(int(code)))
		made, _, _ := madeTemplate(r)
		add(made)
	}
	feed(t, ix, entries...)
	feed(t, ix, Entry{"other", "body", true, []byte("user bob")}, Entry{"t", "other", true, []byte("user bob")})
	asked, pruned := 0, 0
	for range 1500 {
		m, _ := randomMatcher(t, r)
		places, ok, err := ix.selectFew(t.Context(), "t", "body", ids, m, len(ids)+1)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			continue
		}
		asked++
		pruned += len(ids) - len(places)
		selected := map[int]bool{}
		for _, p := range places {
			selected[p] = true
		}
		for i := range arena.Len() {
			if !selected[i] && m.Template(arena.At(i), nil) != Never {
				t.Fatalf("%s: template %q was left out", m, arena.At(i))
			}
		}
	}
	if asked < 500 || pruned/asked < len(ids)/4 {
		t.Errorf("%d questions asked, %d of %d entries pruned on average", asked, pruned/max(1, asked), len(ids))
	}
}

func TestIndexSurvivesRestartAndDamage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "v")
	ix := openIndex(t, dir)
	e := Entry{"t", "body", true, []byte("user \x03 logged in")}
	id := EntryID(e.Tenant, e.Field, e.Template, e.Text)
	other := EntryID("t", "body", true, []byte("something else"))
	feed(t, ix, e, Entry{"t", "body", true, []byte("something else")})
	selects := func(want ...int) {
		t.Helper()
		ids := append([]uint64{id, other, 12345}, make([]uint64, 100)...)
		got, ok, err := ix.Select(t.Context(), "t", "body", ids, NewPhrase("logged in"))
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		if d := cmp.Diff(want, got[:len(got)-100]); d != "" {
			t.Error(d)
		}
	}
	selects(0, 2) // 2 is not held
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}
	ix = openIndex(t, dir)
	if ix.Len() != 2 {
		t.Errorf("%d entries after restart, want 2", ix.Len())
	}
	selects(0, 2)
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "index_meta.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	ix = openIndex(t, dir)
	defer ix.Close()
	if ix.Len() != 0 {
		t.Errorf("%d entries after damage, want none", ix.Len())
	}
	selects(0, 1, 2)
}

func TestIndexBounds(t *testing.T) {
	limits := IndexLimits{Entries: 10, QueueLen: 5, QueueBytes: 100, BatchLen: 5, BatchWait: time.Millisecond}
	ix, err := OpenIndex(filepath.Join(t.TempDir(), "v"), limits, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	for i := range 20 {
		ix.Add(Entry{"t", "f", false, fmt.Append(nil, i)})
		ix.Add(Entry{"t", "f", false, fmt.Append(nil, i)})
	}
	ix.Add(Entry{"t", "f", false, make([]byte, 101)})
	if ix.Dropped() != 2*15+1 || len(ix.queue) != 5 {
		t.Errorf("%d dropped, %d queued", ix.Dropped(), len(ix.queue))
	}
}

func TestComplete(t *testing.T) {
	ix := openIndex(t, filepath.Join(t.TempDir(), "v"))
	defer ix.Close()
	var entries []Entry
	for _, v := range []string{"checkout", "cart", "catalog", "payment", "Café", "with space"} {
		entries = append(entries, Entry{"t", "service", false, []byte(v)})
	}
	entries = append(entries, Entry{"t", "", false, []byte("service")}, Entry{"u", "service", false, []byte("carrier")}, Entry{"t", "body", true, []byte("ca")})
	feed(t, ix, entries...)
	for _, c := range []struct {
		field, prefix string
		limit         int
		want          []string
	}{
		{"service", "ca", 10, []string{"cart", "catalog"}},
		{"service", "", 2, []string{"Café", "cart"}},
		{"service", "with ", 2, []string{"with space"}},
		{"service", "x", 2, nil},
		{"", "s", 2, []string{"service"}},
		{"body", "c", 2, nil},
	} {
		got, err := ix.Complete(t.Context(), "t", c.field, c.prefix, c.limit)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s:%s: %s", c.field, c.prefix, d)
		}
	}
}

// BenchmarkSelect asks the index, and BenchmarkSelectByArena the arena, about the same 50,000 templates.
func BenchmarkSelect(b *testing.B) {
	ix := openIndex(b, filepath.Join(b.TempDir(), "v"))
	defer ix.Close()
	arena := &Arena{}
	var ids []uint64
	var entries []Entry
	for i := range 50_000 {
		text := fmt.Appendf(nil, "[\x01] service%c%c: the request %c%c%c was answered in \x01 ms by host \x01.\x01, id \x02",
			'a'+i%7, 'a'+i%5, 'a'+i%26, 'a'+i/26%26, 'a'+i/676%26)
		text = fmt.Appendf(text, " state %c%c", 'a'+i/1000, 'a'+i%17)
		arena.Append(text)
		e := Entry{"t", "body", true, text}
		ids = append(ids, EntryID(e.Tenant, e.Field, e.Template, e.Text))
		entries = append(entries, e)
	}
	start := time.Now()
	feed(b, ix, entries...)
	b.Logf("fed %d entries in %v", len(entries), time.Since(start))
	fuzzy, _ := NewFuzzy("answred", 1)
	for _, m := range []Matcher{
		NewWord("abc"), NewWord("answered"), NewWord("host7"), NewPhrase("request abc was"), NewPrefix("abc"), NewWildcard("a*c"), fuzzy,
	} {
		b.Run("bleve/"+m.String(), func(b *testing.B) {
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
		b.Run("arena/"+m.String(), func(b *testing.B) {
			for b.Loop() {
				Match(arena, m, true, nil)
			}
		})
	}
}
