package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func open(t *testing.T, path string) (j *Journal, entries []string, aside int64) {
	t.Helper()
	j, aside, err := Open(path, func(e []byte) { entries = append(entries, string(e)) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j, entries, aside
}

func TestEntriesAreReadInOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, entries, _ := open(t, path)
	if len(entries) != 0 {
		t.Fatalf("a new journal has %q", entries)
	}
	if err := errors.Join(j.Append([]byte("a"), nil), j.Append([]byte("b"))); err != nil {
		t.Fatal(err)
	}
	j, entries, aside := open(t, path)
	if diff := cmp.Diff([]string{"a", "", "b"}, entries); diff != "" || aside != 0 {
		t.Errorf("%d aside, entries:\n%s", aside, diff)
	}
	if err := j.Replace(func() ([][]byte, error) { return [][]byte{[]byte("left")}, nil }); err != nil {
		t.Fatal(err)
	}
	if err := j.Append([]byte("after")); err != nil {
		t.Fatal(err)
	}
	if _, entries, _ = open(t, path); !cmp.Equal([]string{"left", "after"}, entries) {
		t.Errorf("after a replacement: %q", entries)
	}
}

// Whatever prefix a power cut leaves, the entries that are whole in it are read, the rest is kept aside, and the journal goes on.
func TestTornAtEveryByte(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, _, _ := open(t, path)
	ends := []int64{j.size}
	for i := range 3 {
		if err := j.Append(fmt.Appendf(nil, "entry %d", i)); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, j.size)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(data) {
		torn := filepath.Join(t.TempDir(), "j")
		if err := os.WriteFile(torn, data[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		want, whole := 0, int64(0)
		for i, end := range ends {
			if int64(cut) >= end {
				want, whole = i, end
			}
		}
		j, entries, aside := open(t, torn)
		if len(entries) != want || aside != int64(cut)-whole {
			t.Fatalf("cut at %d: %q, %d aside, want %d entries", cut, entries, aside, want)
		}
		if kept, _ := os.ReadFile(torn + ".damaged"); !bytes.Equal(kept, data[whole:cut]) {
			t.Fatalf("cut at %d: %q is kept", cut, kept)
		}
		if err := j.Append([]byte("more")); err != nil {
			t.Fatal(err)
		}
		if _, entries, _ := open(t, torn); len(entries) != want+1 || entries[want] != "more" {
			t.Fatalf("cut at %d, appended: %q", cut, entries)
		}
	}
}

func TestFlippedByteEndsTheReading(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, _, _ := open(t, path)
	if err := errors.Join(j.Append([]byte("first")), j.Append([]byte("second")), j.Append([]byte("third"))); err != nil {
		t.Fatal(err)
	}
	data, _ := os.ReadFile(path)
	data[bytes.Index(data, []byte("second"))] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, entries, aside := open(t, path); !cmp.Equal([]string{"first"}, entries) || aside == 0 {
		t.Errorf("%q, %d bytes aside", entries, aside)
	}
}

func TestOtherVersionIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	newer := []byte("clew journal 7\nwhatever")
	if err := os.WriteFile(path, newer, 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := Open(path, func([]byte) {})
	var version *VersionError
	if !errors.As(err, &version) {
		t.Fatalf("%v", err)
	}
	if data, _ := os.ReadFile(path); !bytes.Equal(data, newer) {
		t.Errorf("it was changed: %q", data)
	}
}

// An append that fails leaves nothing behind, says that the journal is due, and a replacement heals it.
func TestFailedAppend(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, _, _ := open(t, path)
	if err := j.Append([]byte("kept")); err != nil {
		t.Fatal(err)
	}
	if j.Due() {
		t.Fatal("due at once")
	}
	whole := j.file
	readOnly, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	j.file = readOnly
	if err := j.Append([]byte("lost")); err == nil {
		t.Fatal("appended to a file that cannot be written")
	}
	if !j.Due() {
		t.Error("a journal that lacks an entry is not due")
	}
	whole.Close()
	if err := j.Replace(func() ([][]byte, error) { return [][]byte{[]byte("kept"), []byte("found")}, nil }); err != nil {
		t.Fatal(err)
	}
	if _, entries, _ := open(t, path); !cmp.Equal([]string{"kept", "found"}, entries) || j.Due() {
		t.Errorf("%q, due %v", entries, j.Due())
	}
}

func TestGrownIsDue(t *testing.T) {
	j, _, _ := open(t, filepath.Join(t.TempDir(), "j"))
	entry := make([]byte, 64<<10)
	for range slackBytes/len(entry) + 1 {
		if err := j.Append(entry); err != nil {
			t.Fatal(err)
		}
	}
	if !j.Due() {
		t.Error("not due")
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(append([]byte(header), appendFrames(nil, [][]byte{[]byte("a"), []byte("bc")})...))
	f.Add([]byte("clew jour"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "j")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		var first, second int
		j, aside, err := Open(path, func([]byte) { first++ })
		if err != nil {
			return
		}
		j.Close()
		j, again, err := Open(path, func([]byte) { second++ })
		if err != nil || first != second || again != 0 || aside > int64(len(data)) {
			t.Fatalf("%v: %d entries, then %d; %d aside, then %d", err, first, second, aside, again)
		}
		j.Close()
	})
}
