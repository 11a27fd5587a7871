package replay

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/plog"

	"clew/agents/origin"
)

// world is a door with a queue behind it that keeps marks and bodies, and a reader that reads files whole from an offset.
type world struct {
	t      *testing.T
	door   *Door
	marks  map[string][]byte
	queued []string
}

func newWorld(t *testing.T) *world {
	return &world{t: t, door: New(nil), marks: map[string][]byte{}}
}

// crash begins again with what is on disk.
func (w *world) crash() { w.door = New(w.marks) }

// read reads lines of a file from an offset on, as records, and gives them the path it has for the reader.
func (w *world) read(file, path string, from int64) (replayed int) {
	w.t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		w.t.Fatal(err)
	}
	logs := plog.NewLogs()
	offset := from
	var scopes [2]plog.LogRecordSlice // records of a file lie in several places
	for i := range scopes {
		scopes[i] = logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	}
	for line := range strings.Lines(string(data[from:])) {
		lr := scopes[offset%2].AppendEmpty()
		lr.Body().SetStr(strings.TrimSuffix(line, "\n"))
		lr.Attributes().PutStr(origin.PathAttribute, path)
		lr.Attributes().PutInt(origin.OffsetAttribute, offset)
		offset += int64(len(line))
	}
	return w.offer(logs, true)
}

func (w *world) offer(logs plog.Logs, taken bool) (replayed int) {
	w.t.Helper()
	p := w.door.Admit(logs)
	for _, n := range p.Replayed {
		replayed += n
	}
	if !taken {
		return replayed
	}
	maps.Copy(w.marks, p.Marks)
	p.Done()
	for _, rl := range logs.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				if _, has := lr.Attributes().Get(origin.OffsetAttribute); has {
					w.t.Error("the offset is still on a record")
				}
				w.queued = append(w.queued, lr.Body().Str())
			}
		}
	}
	return replayed
}

func (w *world) expect(replayed, want int) {
	w.t.Helper()
	if replayed != want {
		w.t.Errorf("%d replayed, want %d", replayed, want)
	}
}

// once says that each of the lines is queued once.
func (w *world) once(lines ...string) {
	w.t.Helper()
	have, want := map[string]int{}, map[string]int{}
	for _, q := range w.queued {
		have[q]++
	}
	for _, l := range lines {
		want[l]++
	}
	if diff := cmp.Diff(want, have); diff != "" {
		w.t.Error(diff)
	}
}

func numbered(from, to int) (lines []string, text string) {
	for i := from; i < to; i++ {
		lines = append(lines, fmt.Sprintf("line %06d", i))
	}
	return lines, strings.Join(lines, "\n") + "\n"
}

func write(t *testing.T, name, text string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

const lineBytes = 12

func TestReadAgainAfterCrash(t *testing.T) {
	w, name := newWorld(t), filepath.Join(t.TempDir(), "log")
	lines, text := numbered(0, 50)
	write(t, name, text)
	w.expect(w.read(name, name, 0), 0)
	w.crash()
	more, text := numbered(50, 60)
	write(t, name, text)
	w.expect(w.read(name, name, 10*lineBytes), 40)
	w.once(append(lines, more...)...)
	// A second time in the same life is not a repetition: the file was truncated and written again.
	if err := os.Truncate(name, 0); err != nil {
		t.Fatal(err)
	}
	again, text := numbered(0, 5)
	write(t, name, text)
	w.expect(w.read(name, name, 0), 0)
	w.once(append(append(lines, more...), again...)...)
}

func TestRotated(t *testing.T) {
	for name, rotate := range map[string]func(t *testing.T, from, to string){
		"renamed": func(t *testing.T, from, to string) {
			if err := os.Rename(from, to); err != nil {
				t.Fatal(err)
			}
		},
		"copied and truncated": func(t *testing.T, from, to string) {
			data, err := os.ReadFile(from)
			if err != nil {
				t.Fatal(err)
			}
			write(t, to, string(data))
			if err := os.Truncate(from, 0); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, dir := newWorld(t), t.TempDir()
			log, old := filepath.Join(dir, "log"), filepath.Join(dir, "log.1")
			lines, text := numbered(0, 50)
			write(t, log, text)
			w.expect(w.read(log, log, 0), 0)
			w.crash()
			rotate(t, log, old)
			fresh, text := numbered(100, 130)
			write(t, log, text)
			w.expect(w.read(log, log, 0), 0) // shorter than the old place
			w.expect(w.read(old, old, 20*lineBytes), 30)
			w.once(append(lines, fresh...)...)
		})
	}
}

// The rest of a file is read, under the name it had, when the name is another file's already.
func TestRotatedWhileRead(t *testing.T) {
	w, dir := newWorld(t), t.TempDir()
	log, old := filepath.Join(dir, "log"), filepath.Join(dir, "log.1")
	lines, text := numbered(0, 50)
	write(t, log, text)
	w.read(log, log, 0)
	rest, text := numbered(50, 70)
	write(t, log, text)
	if err := os.Rename(log, old); err != nil {
		t.Fatal(err)
	}
	fresh, text := numbered(100, 190)
	write(t, log, text)
	w.expect(w.read(old, log, 50*lineBytes), 0)
	w.expect(w.read(log, log, 0), 0)
	w.crash()
	w.expect(w.read(old, old, 40*lineBytes), 30)
	w.expect(w.read(log, log, 60*lineBytes), 30)
	w.once(append(append(lines, rest...), fresh...)...)
}

// An inode is given to another file while the agent is down: nothing of it is taken for a repetition.
func TestInodeReused(t *testing.T) {
	w, name := newWorld(t), filepath.Join(t.TempDir(), "log")
	lines, text := numbered(0, 50)
	write(t, name, text)
	w.read(name, name, 0)
	w.crash()
	if err := os.Truncate(name, 0); err != nil {
		t.Fatal(err)
	}
	fresh, text := numbered(100, 150)
	write(t, name, text)
	w.expect(w.read(name, name, 0), 0)
	w.once(append(lines, fresh...)...)
}

// What could not be queued is offered again.
func TestNotTaken(t *testing.T) {
	w, name := newWorld(t), filepath.Join(t.TempDir(), "log")
	_, text := numbered(0, 3)
	write(t, name, text)
	for range 3 {
		logs := plog.NewLogs()
		lr := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
		lr.Body().SetStr("line 000000")
		lr.Attributes().PutStr(origin.PathAttribute, name)
		lr.Attributes().PutInt(origin.OffsetAttribute, 0)
		w.expect(w.offer(logs, false), 0)
	}
	w.read(name, name, 0)
	w.once("line 000000", "line 000001", "line 000002")
}

// A record that is longer the second time holds something new.
func TestRecordHasGrown(t *testing.T) {
	w, name := newWorld(t), filepath.Join(t.TempDir(), "log")
	write(t, name, "first\nat a\n")
	offer := func(bodies map[int64]string) int {
		logs := plog.NewLogs()
		records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
		for offset, body := range bodies {
			lr := records.AppendEmpty()
			lr.Body().SetStr(body)
			lr.Attributes().PutStr(origin.PathAttribute, name)
			lr.Attributes().PutInt(origin.OffsetAttribute, offset)
		}
		return w.offer(logs, true)
	}
	offer(map[int64]string{0: "first", 6: "at a"})
	w.crash()
	write(t, name, "at b\n")
	w.expect(offer(map[int64]string{0: "first\nat a\nat b"}), 0)
	w.crash()
	// "first ... at b" was the last: it is known as it is, and not when it grows.
	w.once("first", "at a", "first\nat a\nat b")
	w.expect(offer(map[int64]string{0: "first", 6: "at a\nat b\nat c"}), 1)
}
