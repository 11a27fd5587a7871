package wordindex

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"clew/index/vocabulary"

	"github.com/google/go-cmp/cmp"
)

func testLimits() Limits {
	limits := DefaultLimits()
	limits.Duty = 1
	return limits
}

func openIndex(t testing.TB, dir string) *Index {
	t.Helper()
	ix, err := Open(dir, testLimits(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return ix
}

// feed adds entries as those of a segment.
func feed(t testing.TB, ix *Index, segment string, entries ...Entry) {
	t.Helper()
	if err := ix.Feed(t.Context(), Source{segment, int64(ix.Stats().Segments)}, slices.Values(entries)); err != nil {
		t.Fatal(err)
	}
}

func value(tenant, field, text string) Entry { return Entry{tenant, field, false, []byte(text)} }

// Select must never leave an entry out that may match, whether the index holds it or not.
func TestSelectLeavesNothingOut(t *testing.T) {
	ix := openIndex(t, filepath.Join(t.TempDir(), "v"))
	defer ix.Close()
	r := rand.New(rand.NewPCG(1, 31))
	arena := &vocabulary.Arena{}
	var ids []uint64
	var entries []Entry
	c := vocabulary.NewCoder(vocabulary.DefaultCoderLimits())
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
		add(madeTemplate(r))
	}
	feed(t, ix, "one", entries...)
	feed(t, ix, "two", Entry{"other", "body", true, []byte("user bob")}, Entry{"t", "other", true, []byte("user bob")})
	asked, pruned := 0, 0
	for range 1500 {
		m := randomMatcher(t, r)
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
			if !selected[i] && m.Template(arena.At(i), nil) != vocabulary.Never {
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
	other := EntryID("t", "body", true, []byte("something else"))
	feed(t, ix, "one", e, Entry{"t", "body", true, []byte("something else")})
	selects := func(want ...int) {
		t.Helper()
		ids := append([]uint64{e.ID(), other, 12345}, make([]uint64, 100)...)
		got, ok, err := ix.Select(t.Context(), "t", "body", ids, vocabulary.NewPhrase("logged in"))
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		if d := cmp.Diff(want, got[:len(got)-100]); d != "" {
			t.Error(d)
		}
	}
	again := func() {
		t.Helper()
		if err := ix.Close(); err != nil {
			t.Fatal(err)
		}
		ix = openIndex(t, dir)
	}
	current := func() string {
		t.Helper()
		name, err := os.ReadFile(filepath.Join(dir, currentFile))
		if err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, string(bytes.TrimSpace(name)))
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	selects(0, 2) // 2 is not held
	again()
	if s := ix.Stats(); s.Entries != 2 || s.Dead != 0 || !ix.Fed("one") || ix.Fed("two") {
		t.Errorf("after a restart: %+v", s)
	}
	selects(0, 2)

	// The marks are lost: what is held is known, where it was met is not.
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(current(), marksFile), "clewvm01 and nothing else, though long enough to be taken for one")
	ix = openIndex(t, dir)
	if s := ix.Stats(); s.Entries != 2 || s.Dead != 2 || ix.Fed("one") {
		t.Errorf("without marks: %+v", s)
	}
	selects(0, 2)
	feed(t, ix, "one", e)
	if s := ix.Stats(); s.Entries != 2 || s.Dead != 1 || !ix.Fed("one") {
		t.Errorf("fed again: %+v", s)
	}

	// A generation that was never finished is removed, and so is what an earlier version left.
	left := filepath.Join(dir, generationPrefix+"unfinished")
	if err := os.MkdirAll(filepath.Join(left, "bleve"), 0o750); err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(dir, "index_meta.json"), "{}")
	again()
	if names, err := os.ReadDir(dir); err != nil || len(names) != 2 {
		t.Errorf("%v is in the directory (%v), want the current generation and the file that names it", names, err)
	}
	selects(0, 2)

	// Damage, or a name of nothing: a new one.
	for _, damage := range []func(){
		func() { write(filepath.Join(current(), "bleve", "index_meta.json"), "{") },
		func() { write(filepath.Join(dir, currentFile), "generation-nowhere") },
		func() { write(filepath.Join(dir, currentFile), "../..") },
		func() {
			if err := os.Remove(filepath.Join(dir, currentFile)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		feed(t, ix, "one", e)
		if err := ix.Close(); err != nil {
			t.Fatal(err)
		}
		damage()
		ix = openIndex(t, dir)
		if ix.Len() != 0 || ix.Fed("one") {
			t.Errorf("%d entries after damage, want none", ix.Len())
		}
		selects(0, 1, 2)
	}
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestIndexBounds fills the index.
func TestIndexBounds(t *testing.T) {
	limits := testLimits()
	limits.Entries, limits.BatchLen = 10, 3
	ix, err := Open(filepath.Join(t.TempDir(), "v"), limits, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	var many []Entry
	for i := range 20 {
		many = append(many, value("t", "f", fmt.Sprint(i)), value("t", "f", fmt.Sprint(i)))
	}
	many = append(many, value("t", "f", strings.Repeat("x", entryBytesMax+1)))
	feed(t, ix, "one", value("u", "f", "x"))
	feed(t, ix, "two", many...)
	if s := ix.Stats(); s.Entries != 6 {
		t.Errorf("%+v: want one tenant's entry and half of the room for the other's", s)
	}
	feed(t, ix, "three", value("u", "f", "y"), value("u", "f", "z"))
	if s := ix.Stats(); s.Entries != 8 || s.Passed == 0 {
		t.Errorf("%+v: want room for the first tenant", s)
	}
	if now := time.Now(); ix.Stale(now) || !ix.Stale(now.Add(rebuildEvery+time.Minute)) {
		t.Error("an index that passes entries over is stale once an hour")
	}
}

// TestGenerations removes segments until the index is stale, and rebuilds it while it is asked.
func TestGenerations(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "v")
	ix := openIndex(t, dir)
	defer func() { _ = ix.Close() }()
	entries := func(segment, n int) (out []Entry) {
		for i := range n {
			out = append(out, value("t", "f", fmt.Sprintf("value %d of %d", i, segment)))
		}
		return append(out, value("t", "f", "everywhere"))
	}
	segments := map[string][]Entry{}
	for i := range 4 {
		name := fmt.Sprint("s", i)
		segments[name] = entries(i, 1000)
		feed(t, ix, name, segments[name]...)
	}
	live := func(name string) bool { _, ok := segments[name]; return ok }
	delete(segments, "s0")
	ix.Retain(live)
	if s := ix.Stats(); s.Entries != 4001 || s.Dead != 1000 || s.Segments != 3 || ix.Stale(time.Now()) {
		t.Fatalf("%+v, stale %v: want a thousand dead, which is not too many", s, ix.Stale(time.Now()))
	}
	if !ix.Stale(time.Now().Add(25 * time.Hour)) {
		t.Error("dead entries stay for more than a day")
	}
	delete(segments, "s1")
	ix.Retain(live)
	if s := ix.Stats(); s.Dead != 2000 || !ix.Stale(time.Now()) {
		t.Fatalf("%+v: want it stale", s)
	}
	if got, err := ix.Complete(t.Context(), "t", "f", "value 7 of ", 10); err != nil || len(got) != 2 {
		t.Errorf("completes %v, %v; want no dead values", got, err)
	}
	// A rebuild that fails leaves everything as it was.
	broken := errors.New("broken")
	if err := ix.Rebuild(t.Context(), func(func(Source, iter.Seq[Entry]) error) error { return broken }); !errors.Is(err, broken) || ix.Len() != 4001 {
		t.Fatalf("a failed rebuild: %v, %d entries", err, ix.Len())
	}
	stop, asked := make(chan struct{}), make(chan error, 1)
	go func() {
		m := vocabulary.NewPhrase("of 3")
		ids := []uint64{segments["s3"][5].ID()}
		for range 20 {
			ids = append(ids, segments["s2"][5].ID())
		}
		for n := 0; ; n++ {
			select {
			case <-stop:
				asked <- nil
				return
			default:
			}
			places, ok, err := ix.selectFew(t.Context(), "t", "f", ids, m, 5000)
			if errors.Is(err, errClosed) {
				continue
			}
			if err != nil || !ok || len(places) == 0 || places[0] != 0 {
				asked <- fmt.Errorf("question %d: %v, %v, %w", n, places, ok, err)
				return
			}
		}
	}()
	err := ix.Rebuild(t.Context(), func(feed func(Source, iter.Seq[Entry]) error) error {
		for name, entries := range segments {
			if err := feed(Source{Name: name}, slices.Values(entries)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	close(stop)
	if err := <-asked; err != nil {
		t.Error(err)
	}
	if s := ix.Stats(); s.Entries != 2001 || s.Dead != 0 || ix.Stale(time.Now().Add(48*time.Hour)) {
		t.Errorf("rebuilt: %+v", s)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 2 {
		t.Errorf("%v is in the directory (%v)", names, err)
	}
}

func TestComplete(t *testing.T) {
	ix := openIndex(t, filepath.Join(t.TempDir(), "v"))
	defer ix.Close()
	var entries []Entry
	for _, v := range []string{"checkout", "cart", "catalog", "payment", "Café", "with space"} {
		entries = append(entries, value("t", "service", v))
	}
	feed(t, ix, "one", append(entries, value("t", "", "service"), value("u", "service", "carrier"), Entry{"t", "body", true, []byte("ca")})...)
	feed(t, ix, "two", value("t", "service", "catalog"), value("t", "service", "payment"))
	feed(t, ix, "three", value("t", "service", "payment"), value("t", "service", "Café"))
	for _, c := range []struct {
		field, prefix string
		limit         int
		want          []string
	}{
		{"service", "ca", 10, []string{"catalog", "cart"}},
		{"service", "", 3, []string{"payment", "Café", "catalog"}},
		{"service", "with ", 2, []string{"with space"}},
		{"service", "x", 2, nil},
		{"", "s", 2, []string{"service"}},
		{"body", "c", 2, nil},
	} {
		got, err := ix.Complete(t.Context(), "t", c.field, c.prefix, c.limit)
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, g := range got {
			texts = append(texts, g.Text)
		}
		if d := cmp.Diff(c.want, texts); d != "" {
			t.Errorf("%s:%s: %s", c.field, c.prefix, d)
		}
	}
}

func TestNear(t *testing.T) {
	ix := openIndex(t, filepath.Join(t.TempDir(), "v"))
	defer ix.Close()
	template := func(text string) Entry { return Entry{"t", "body", true, []byte(text)} }
	feed(t, ix, "one", template("Connection to \x03 refused"), template("connection reset by peer"), template("convection of heat"),
		template("conn\x01 x"), Entry{"u", "body", true, []byte("conections")})
	got, err := ix.Near(t.Context(), "t", "body", "Conection", 2, 5)
	if err != nil {
		t.Fatal(err)
	}
	want := []NearWord{{"connection", 1, 2}, {"convection", 1, 1}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "", 3}, {"chekout", "checkout", 1}, {"servce", "service", 1}, {"form", "from", 1}, {"größe", "grösse", 2}, {"abc", "xyz", 3}} {
		if got := vocabulary.EditDistance(c.a, c.b); got != c.want || vocabulary.EditDistance(c.b, c.a) != c.want {
			t.Errorf("%q and %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

// FuzzMarks: what the file may hold is read without harm, and what is read is written the same.
func FuzzMarks(f *testing.F) {
	m := newMarks()
	n := m.begin("segment-1", 5)
	e := value("t", "f", "x")
	m.add(&e, n)
	m.end(n)
	f.Add(m.encode())
	f.Add([]byte(marksMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4 { // let the fuzzer past the checksum
			data = binary.LittleEndian.AppendUint32(data[:len(data)-4:len(data)-4], crc32.Checksum(data[:len(data)-4], castagnoli))
		}
		m, err := decodeMarks(data)
		if err != nil {
			return
		}
		again, err := decodeMarks(m.encode())
		if err != nil || len(again.entries) != len(m.entries) || again.dead != m.dead || len(again.segments) != len(m.segments) {
			t.Errorf("%v: %+v became %+v", err, m, again)
		}
	})
}
