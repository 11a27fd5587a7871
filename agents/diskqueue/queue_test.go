package diskqueue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

func options(dir string) Options {
	return Options{Dir: dir, BytesMax: BytesMaxMin, Host: "h", Logger: slog.New(slog.DiscardHandler), FreeBytes: func(string) (int64, error) { return 1 << 40, nil }}
}

func open(t testing.TB, o Options) *Queue {
	t.Helper()
	q, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.closeLogs() }) // again, where the test has crashed it
	return q
}

var file = Origin{"file", "/var/log/a"}

func entry(payload string, n int) Entry {
	return Entry{Payload: []byte(payload), Tallies: []Tally{{file, n}}, Waits: true}
}

func mustPut(t testing.TB, q *Queue, lane string, e Entry) {
	t.Helper()
	if err := q.Put(t.Context(), lane, e); err != nil {
		t.Fatal(err)
	}
}

func next(t testing.TB, q *Queue, lane string) *Batch {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	b, err := q.Next(ctx, lane)
	if err != nil {
		t.Fatal(err)
	}
	b.Payload = unpacked(t, b.Payload)
	return b
}

// unpacked is what a collector reads of a batch.
func unpacked(t testing.TB, payload []byte) []byte {
	t.Helper()
	z, err := zstd.NewReader(bytes.NewReader(payload), zstd.WithDecoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Error(err)
	}
	return plain
}

// crash leaves the directory as a killed process does: no last checkpoint.
func crash(t testing.TB, q *Queue) {
	t.Helper()
	if err := q.closeLogs(); err != nil {
		t.Fatal(err)
	}
}

func counts(q *Queue, lane string, o Origin) Counts {
	_, sources := q.Status()
	for _, s := range sources {
		if s.Lane == lane && s.Origin == o {
			return s.Counts
		}
	}
	return Counts{}
}

func TestNumbersStayWithTheirRecords(t *testing.T) {
	dir := t.TempDir()
	q := open(t, options(dir))
	mustPut(t, q, "logs", entry("a", 1))
	b := next(t, q, "logs")
	if b.Seq != 1 || string(b.Payload) != "a" || b.Source != q.Instance()+"/logs" {
		t.Fatalf("first batch: %+v", b)
	}
	// These come while 1 is in flight: they are one batch, and not part of 1.
	mustPut(t, q, "logs", entry("b", 1))
	mustPut(t, q, "logs", entry("c", 2))
	if again := next(t, q, "logs"); again.Seq != 1 || string(again.Payload) != "a" || !again.Retry {
		t.Fatalf("again: %+v", again)
	}
	q.Done(b, nil)
	q.Done(b, nil) // twice is once
	if b = next(t, q, "logs"); b.Seq != 2 || string(b.Payload) != "bc" || b.Records != 3 {
		t.Fatalf("second batch: %+v", b)
	}
	instance := q.Instance()
	crash(t, q)

	q = open(t, options(dir))
	if q.Instance() != instance {
		t.Fatal("another identity after a crash")
	}
	// The acknowledgement of 1 was not written down: it comes again, the same.
	for seq, want := range []string{"a", "bc"} {
		if b = next(t, q, "logs"); b.Seq != uint64(seq+1) || string(b.Payload) != want {
			t.Fatalf("after the crash: %+v", b)
		}
		mustPut(t, q, "logs", entry("x", 1)) // joins none of those that may have been sent
		q.Done(b, nil)
	}
	if b = next(t, q, "logs"); b.Seq != 3 || string(b.Payload) != "xx" {
		t.Fatalf("after the crash: %+v", b)
	}
	q.Done(b, nil)
	want := Counts{Read: 6, Queued: 6, Sent: 6, Acked: 6}
	if diff := cmp.Diff(want, counts(q, "logs", file)); diff != "" {
		t.Error(diff)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = open(t, options(dir))
	mustPut(t, q, "logs", entry("y", 1))
	if b = next(t, q, "logs"); b.Seq != 4 || string(b.Payload) != "y" {
		t.Fatalf("after closing: %+v", b)
	}
}

// Put, taken and done concurrently, and the process dies again and again: what was put is taken in order, each record under one number for ever.
func TestCrashes(t *testing.T) {
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(1, 2))
	numbers := map[uint64]string{} // payload by number
	var put, got bytes.Buffer
	last := uint64(0)
	for range 15 {
		q := open(t, options(dir))
		for range rng.IntN(40) {
			switch rng.IntN(4) {
			case 0, 1:
				text := fmt.Sprintf("%d;", put.Len())
				mustPut(t, q, "spans", Entry{Payload: []byte(text), Tallies: []Tally{{Origin{"otlp", ""}, 1}}})
				put.WriteString(text)
			case 2:
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				b, err := q.Next(ctx, "spans")
				cancel()
				if err != nil {
					continue
				}
				if have, ok := numbers[b.Seq]; ok && have != string(b.Payload) {
					t.Fatalf("number %d was %q and is %q", b.Seq, have, b.Payload)
				}
				numbers[b.Seq] = string(b.Payload)
				if b.Seq > last+1 {
					t.Fatalf("number %d after %d", b.Seq, last)
				}
				if b.Seq > last {
					last = b.Seq
					got.Write(unpacked(t, b.Payload))
				}
				if rng.IntN(3) > 0 {
					q.Done(b, nil)
				}
			case 3:
				if err := q.Checkpoint(); err != nil {
					t.Fatal(err)
				}
			}
		}
		crash(t, q)
	}
	q := open(t, options(dir))
	mustPut(t, q, "spans", Entry{Payload: []byte("end"), Tallies: []Tally{{Origin{"otlp", ""}, 1}}})
	for !bytes.HasSuffix(got.Bytes(), []byte("end")) {
		b := next(t, q, "spans")
		if b.Seq > last {
			last = b.Seq
			got.Write(b.Payload)
		}
		q.Done(b, nil)
	}
	if put.WriteString("end"); put.String() != got.String() {
		t.Fatalf("put %q\ngot %q", put.String(), got.String())
	}
	if c := counts(q, "spans", Origin{"otlp", ""}); c.Read != c.Acked || c.Read != c.Queued {
		t.Errorf("%+v: want all acked", c)
	}
}

func TestGroupCommit(t *testing.T) {
	q := open(t, options(t.TempDir()))
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 20 {
				if err := q.Put(t.Context(), "logs", entry("0123456789", 1)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for got := 0; got < 320; {
		b := next(t, q, "logs")
		if len(b.Payload) != 10*b.Records {
			t.Fatalf("%d bytes of %d records", len(b.Payload), b.Records)
		}
		got += b.Records
		q.Done(b, nil)
	}
	if have, _ := q.Bytes(); have != 0 {
		t.Errorf("%d bytes in an empty queue", have)
	}
}

// noise does not compress.
func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{3})
	_, _ = r.Read(b)
	return b
}

func TestFull(t *testing.T) {
	q := open(t, options(t.TempDir()))
	metric, span, otlp, syslog := Origin{"host", "cpu"}, Origin{"otlp", ""}, Origin{"otlp", ""}, Origin{"syslog", ""}
	big := noise(1 << 20)
	put := func(ctx context.Context, lane string, o Origin) error {
		return q.Put(ctx, lane, Entry{Payload: big, Tallies: []Tally{{o, 10}}, Waits: o.Kind == "file"})
	}
	for range 3 {
		if err := put(t.Context(), "metrics", metric); err != nil {
			t.Fatal(err)
		}
		if err := put(t.Context(), "spans", span); err != nil {
			t.Fatal(err)
		}
	}
	inFlight := next(t, q, "metrics")
	for range 8 {
		if err := put(t.Context(), "logs", file); err != nil {
			t.Fatal(err)
		}
	}
	// A file waits until there is room.
	waited := make(chan error, 1)
	go func() { waited <- put(t.Context(), "logs", file) }()
	select {
	case err := <-waited:
		t.Fatalf("a file's entry did not wait: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	// Spans push out metrics (but the one in flight and the newest), then spans; then there is nothing more to push out for log records.
	for range 4 {
		if err := put(t.Context(), "spans", span); err != nil {
			t.Fatal(err)
		}
	}
	if c := counts(q, "metrics", metric); c.Dropped[ReasonOldest] != 10 {
		t.Errorf("metrics: %+v: want 10 dropped", c)
	}
	if c := counts(q, "spans", span); c.Dropped[ReasonOldest] == 0 || c.Read != 70 {
		t.Errorf("spans: %+v: want some dropped", c)
	}
	var full *FullError
	for _, o := range []Origin{otlp, syslog} {
		err := error(nil)
		for range 16 {
			if err = put(t.Context(), "logs", o); err != nil {
				break
			}
		}
		if !errors.As(err, &full) || full.Reason != ReasonFull {
			t.Fatalf("%s into a full queue: %v", o.Kind, err)
		}
	}
	if c := counts(q, "logs", otlp); c.Refused[ReasonFull] != 10 || c.Dropped != nil {
		t.Errorf("otlp: %+v: want 10 refused", c)
	}
	if c := counts(q, "logs", syslog); c.Dropped[ReasonFull] != 10 || c.Refused != nil {
		t.Errorf("syslog: %+v: want 10 dropped", c)
	}
	if have, most := q.Bytes(); have > most {
		t.Errorf("%d bytes of %d", have, most)
	}
	q.Done(inFlight, nil)
	for range 5 {
		q.Done(next(t, q, "logs"), map[string]int{"because": 3})
	}
	if err := <-waited; err != nil {
		t.Error(err)
	}
	if c := counts(q, "logs", file); c.Refused["because"] == 0 || c.Acked+c.Refused["because"] != 50 {
		t.Errorf("file: %+v: want 50 acked or refused", c)
	}
	// A crash now: what was dropped behind the one in flight stays dropped.
	if err := q.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	_, before := q.Status()
	crash(t, q)
	o := options(q.dir)
	q = open(t, o)
	_, after := q.Status()
	for i := range before { // spans in flight are sent again
		before[i].Sent, after[i].Sent = 0, 0
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Error(diff)
	}
	for _, s := range after {
		if s.Queued < s.settled() {
			t.Errorf("%+v: more settled than queued", s)
		}
	}
}

// The agent stops while its queue is full: a file's entry is let in, for its reader goes on behind it.
func TestStopWhileFull(t *testing.T) {
	q := open(t, options(t.TempDir()))
	for range 14 {
		mustPut(t, q, "logs", Entry{Payload: noise(1 << 20), Tallies: []Tally{{file, 1}}, Waits: true})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := q.Put(ctx, "logs", Entry{Payload: noise(1 << 20), Tallies: []Tally{{file, 1}}, Waits: true}); err != nil {
		t.Fatal(err)
	}
	if c := counts(q, "logs", file); c.Queued != 15 {
		t.Errorf("%+v: want 15 queued", c)
	}
}

func TestDiskAlmostFull(t *testing.T) {
	o := options(t.TempDir())
	free := int64(freeBytesMin)
	o.FreeBytes = func(string) (int64, error) { return free, nil }
	q := open(t, o)
	free--
	q.watchDisk()
	small := Entry{Payload: noise(64 << 10), Tallies: []Tally{{Origin{"otlp", ""}, 1}}}
	for range 300 { // collectors take what comes: nothing is refused
		mustPut(t, q, "spans", small)
		q.Done(next(t, q, "spans"), nil)
	}
	var err error
	taken := 0
	for ; err == nil && taken < 1000; taken++ {
		err = q.Put(t.Context(), "spans", small)
	}
	var full *FullError
	if !errors.As(err, &full) || full.Reason != ReasonDisk || taken < 40 || taken > 65 {
		t.Fatalf("got %v after %d entries", err, taken)
	}
	waits, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := q.Put(waits, "logs", Entry{Payload: noise(64 << 10), Tallies: []Tally{{file, 1}}, Waits: true}); err == nil {
		t.Error("a source that can wait is not kept waiting")
	}
	put := make(chan error, 1)
	go func() {
		put <- q.Put(t.Context(), "logs", Entry{Payload: noise(64 << 10), Tallies: []Tally{{file, 1}}, Waits: true})
	}()
	for reason := ""; reason != ReasonDisk; reason, _ = q.Held() {
		time.Sleep(time.Millisecond)
	}
	free++
	q.watchDisk()
	if err := <-put; err != nil {
		t.Error(err)
	}
	if reason, _ := q.Held(); reason != "" {
		t.Errorf("held for %q, and nobody waits", reason)
	}
	mustPut(t, q, "spans", small)
}

// Disk space comes back: a queue through which much more goes than it may hold stays small.
func TestSpaceComesBack(t *testing.T) {
	q := open(t, options(t.TempDir()))
	for range 60 {
		mustPut(t, q, "logs", Entry{Payload: noise(1 << 20), Tallies: []Tally{{file, 1}}, Waits: true})
		q.Done(next(t, q, "logs"), nil)
		if err := q.Checkpoint(); err != nil {
			t.Fatal(err)
		}
	}
	var size int64
	files, err := filepath.Glob(filepath.Join(q.dir, "logs", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			size += info.Size()
		}
	}
	if size == 0 || size > overheadBytes+2<<20 {
		t.Errorf("%d bytes on disk for an empty lane, want at most %d", size, overheadBytes)
	}
}

func TestMarksAreAsTheirEntries(t *testing.T) {
	dir := t.TempDir()
	q := open(t, options(dir))
	set := func(v string) {
		e := entry("x", 1)
		e.Marks = []Mark{{"file", []byte(v)}}
		mustPut(t, q, "logs", e)
	}
	set("1")
	if err := q.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	set("2")
	crash(t, q)
	q = open(t, options(dir))
	if diff := cmp.Diff([]Mark{{"file", []byte("2")}}, q.Marks()); diff != "" {
		t.Error(diff)
	}
}
