package diskqueue

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A torn write at the end of a log, as a power cut leaves it: what was acknowledged is there, and the queue goes on.
func TestTornTail(t *testing.T) {
	for name, tail := range map[string][]byte{
		"zeros":   make([]byte, 3000),
		"garbage": noise(5000),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			q := open(t, options(dir))
			for i := range 10 {
				mustPut(t, q, "logs", entry(fmt.Sprint(i), 1))
			}
			instance := q.Instance()
			crash(t, q)
			segment := segments(t, dir)[0]
			data, err := os.ReadFile(segment)
			if err != nil {
				t.Fatal(err)
			}
			used := len(data)
			for used > 0 && data[used-1] == 0 {
				used--
			}
			used = (used + 7) / 8 * 8
			copy(data[used:], tail)
			if err := os.WriteFile(segment, data, 0o600); err != nil {
				t.Fatal(err)
			}
			q = open(t, options(dir))
			if q.Instance() != instance {
				t.Error("another identity after a torn write")
			}
			mustPut(t, q, "logs", entry("x", 1))
			if b := next(t, q, "logs"); string(b.Payload) != "0123456789" || b.Seq != 1 {
				t.Fatalf("%+v", b)
			} else {
				q.Done(b, nil)
			}
			if b := next(t, q, "logs"); string(b.Payload) != "x" || b.Seq != 2 {
				t.Fatalf("%+v", b)
			}
		})
	}
}

func segments(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "logs", "*.wal"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no segments: %v", err)
	}
	slices.Sort(files)
	return files
}

// What the disk does not give back is counted, the rest is sent, and under a new name: the numbers given out last are not known for sure.
func TestDamage(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, dir string){
		"a bit": func(t *testing.T, dir string) {
			edit(t, segments(t, dir)[0], func(b []byte) []byte { b[len(b)/8] ^= 8; return b })
		},
		"a segment": func(t *testing.T, dir string) {
			if err := os.Remove(segments(t, dir)[0]); err != nil {
				t.Fatal(err)
			}
		},
		"the log's table": func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "logs", "wal-meta.db"), func(b []byte) []byte { return noise(len(b)) })
		},
		"the lane": func(t *testing.T, dir string) {
			if err := os.RemoveAll(filepath.Join(dir, "logs")); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			q := open(t, options(dir))
			const n = 12
			for range n {
				mustPut(t, q, "logs", Entry{Payload: noise(900 << 10), Tallies: []Tally{{file, 10}}, Waits: true})
			}
			if err := q.Checkpoint(); err != nil {
				t.Fatal(err)
			}
			instance := q.Instance()
			crash(t, q)
			harm(t, dir)
			q = open(t, options(dir))
			if q.Instance() == instance {
				t.Error("the same identity after damage")
			}
			mustPut(t, q, "logs", entry("x", 1))
			for c := counts(q, "logs", file); c.Waiting() > 0; c = counts(q, "logs", file) {
				q.Done(next(t, q, "logs"), nil)
			}
			c := counts(q, "logs", file)
			lost := c.Dropped[ReasonDamaged]
			if lost == 0 || c.Acked+lost != 10*n+1 || c.Queued != 10*n+1 {
				t.Errorf("%+v: want all to be acknowledged or dropped, and some dropped", c)
			}
			t.Logf("%d of %d records lost", lost, 10*n)
		})
	}
}

// Without its state a queue is sent whole, under a new name; so is one that was copied to another host.
func TestNewIdentity(t *testing.T) {
	for name, change := range map[string]func(o *Options){
		"state damaged": func(o *Options) {
			edit(t, filepath.Join(o.Dir, stateFile), func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
		},
		"state gone":   func(o *Options) { os.Remove(filepath.Join(o.Dir, stateFile)) },
		"another host": func(o *Options) { o.Host = "other" },
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t.TempDir())
			q := open(t, o)
			mustPut(t, q, "logs", entry("a", 1))
			instance := q.Instance()
			if err := q.Close(); err != nil {
				t.Fatal(err)
			}
			change(&o)
			q = open(t, o)
			if q.Instance() == instance {
				t.Error("the same identity")
			}
			if b := next(t, q, "logs"); string(b.Payload) != "a" || b.Source != q.Instance()+"/logs" {
				t.Errorf("%+v", b)
			}
		})
	}
}

func TestOneAgentPerDirectory(t *testing.T) {
	o := options(t.TempDir())
	open(t, o)
	if _, err := Open(o); err == nil || !strings.Contains(err.Error(), "another agent") {
		t.Errorf("opened a second time: %v", err)
	}
}

func edit(t *testing.T, name string, change func(b []byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, change(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Power is cut: the image of a file system whose device has only what was flushed to it. What Put had answered by then is in the queue, under the numbers
// that it had been taken under.
func TestPowerCut(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting a file system needs root")
	}
	for _, tool := range []string{"mkfs.ext4", "losetup", "mount"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	run := func(name string, args ...string) string {
		t.Helper()
		out, err := exec.Command(name, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	attach := func(image string) (dir string) {
		t.Helper()
		out, err := exec.Command("losetup", "--find", "--show", "--direct-io=on", image).CombinedOutput()
		if err != nil {
			t.Skipf("no loop device with direct I/O here: %v: %s", err, out)
		}
		device := strings.TrimSpace(string(out))
		t.Cleanup(func() { run("losetup", "-d", device) })
		dir = t.TempDir()
		run("mount", device, dir)
		t.Cleanup(func() { run("umount", dir) })
		return dir
	}
	image := filepath.Join(t.TempDir(), "disk.img")
	run("truncate", "-s", "128M", image)
	run("mkfs.ext4", "-q", "-F", image)
	q := open(t, options(filepath.Join(attach(image), "queue")))
	for round := range 3 {
		taken := map[uint64]string{}
		var put strings.Builder
		for i := range 60 {
			text := fmt.Sprintf("%d.%d;", round, i)
			mustPut(t, q, "spans", Entry{Payload: []byte(text), Tallies: []Tally{{Origin{"otlp", ""}, 1}}})
			put.WriteString(text)
			if i%7 == 0 {
				b := next(t, q, "spans")
				taken[b.Seq] = string(b.Payload)
				if b.Seq%2 == 0 {
					q.Done(b, nil)
				}
			}
			if i%20 == 0 {
				if err := q.Checkpoint(); err != nil {
					t.Fatal(err)
				}
			}
		}
		cut := filepath.Join(t.TempDir(), "cut.img")
		// Nothing writes while it is copied, past the page cache: the copy is of one moment.
		run("dd", "if="+image, "of="+cut, "bs=4M", "iflag=direct", "conv=sparse")
		o := options(filepath.Join(attach(cut), "queue"))
		r, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		if r.Instance() != q.Instance() {
			t.Error("another identity after the power cut")
		}
		var got strings.Builder
		for c := counts(r, "spans", Origin{"otlp", ""}); c.Waiting() > 0; c = counts(r, "spans", Origin{"otlp", ""}) {
			b := next(t, r, "spans")
			if text, ok := taken[b.Seq]; ok && text != string(b.Payload) {
				t.Errorf("number %d was %q and is %q", b.Seq, text, b.Payload)
			}
			got.Write(b.Payload)
			r.Done(b, nil)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		// What was acknowledged is gone at most; the rest is there, in order.
		if !strings.HasSuffix(put.String(), got.String()) && !strings.HasSuffix(got.String(), put.String()) {
			t.Errorf("put %q\ngot %q", put.String(), got.String())
		}
		for c := counts(q, "spans", Origin{"otlp", ""}); c.Waiting() > 0; c = counts(q, "spans", Origin{"otlp", ""}) {
			b := next(t, q, "spans")
			if !strings.Contains(got.String(), string(b.Payload)) {
				t.Errorf("%q was not acknowledged and is lost", b.Payload)
			}
			q.Done(b, nil)
		}
	}
	crash(t, q)
}

func FuzzEntry(f *testing.F) {
	packed, err := pack([]byte("payload"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add((&stored{seq: 7, raw: 7, tallies: []Tally{{file, 3}}, marks: []Mark{{"k", []byte("v")}}, packed: packed}).encode())
	f.Add([]byte{entryVersion, 0, 0, 0, 0, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 5 { // as if the checksum were right
			fixed := (&stored{}).encode()[:5]
			copy(fixed, b[:1])
			b = append(fixed, b[5:]...)
			binary.LittleEndian.PutUint32(b[1:], crc32.Checksum(b[5:], castagnoli))
		}
		s, err := decode(b)
		if err != nil {
			return
		}
		if again, err := decode(s.encode()); err != nil || again.seq != s.seq || len(again.tallies) != len(s.tallies) {
			t.Errorf("%+v encodes to %+v, %v", s, again, err)
		}
	})
}

func BenchmarkPut(b *testing.B) {
	q := open(b, options(b.TempDir()))
	payload := []byte(strings.Repeat(time.Now().String()+" INFO request took some time\n", 200))
	b.SetBytes(int64(len(payload)))
	for b.Loop() {
		mustPut(b, q, "logs", Entry{Payload: payload, Tallies: []Tally{{file, 200}}, Waits: true})
		q.Done(next(b, q, "logs"), nil)
	}
}
