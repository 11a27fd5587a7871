package lines

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// records are data's, as a reader finds them that gets the data in pieces of n bytes.
func records(s Splitter, data []byte, n int) []string {
	var out []string
	var buffer []byte
	for len(data) > 0 {
		k := min(n, len(data))
		buffer, data = append(buffer, data[:k]...), data[k:]
		for {
			advance, token, _ := s.Split(buffer, true)
			if advance == 0 {
				break
			}
			out = append(out, string(token))
			buffer = buffer[advance:]
		}
	}
	s.Records(buffer, func(r []byte) { out = append(out, string(r)) })
	return out
}

// Each file of testdata has records that are separated by a line of dashes, as a logger would write them without those.
func TestRecordsOfFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n----\n")
			data := []byte(strings.Join(want, "\n") + "\n")
			var s Splitter
			if strings.HasPrefix(filepath.Base(file), "pods-") {
				s.Framing = Pods
			}
			for _, n := range []int{1, 7, 100, len(data)} {
				if diff := cmp.Diff(want, records(s, data, n)); diff != "" {
					t.Fatalf("in pieces of %d bytes:\n%s", n, diff)
				}
			}
		})
	}
}

func TestTextsOfContainers(t *testing.T) {
	for _, c := range []struct {
		name, record string
		want         []Text
	}{
		{"cri", "2026-11-21T10:20:03.123456789Z stdout F hello there", []Text{{Body: []byte("hello there"), Stream: "stdout", Time: 1795256403123456789}}},
		{"cri with a zone", "2026-11-21T10:20:03+01:00 stderr F x", []Text{{Body: []byte("x"), Stream: "stderr", Time: 1795252803000000000}}},
		{"cri in parts", "2026-11-21T10:20:03Z stdout P one \n2026-11-21T10:20:03Z stdout P two \n2026-11-21T10:20:04Z stdout F three", []Text{{Body: []byte("one two three"), Stream: "stdout", Time: 1795256403000000000}}},
		{"cri, streams mixed", "2026-11-21T10:20:03Z stdout P a\n2026-11-21T10:20:03Z stderr F b\n2026-11-21T10:20:04Z stdout F c", []Text{{Body: []byte("ac"), Stream: "stdout", Time: 1795256403000000000}, {Body: []byte("b"), Stream: "stderr", Time: 1795256403000000000}}},
		{"docker", `{"log":"a \"quoted\"\tword ü \u003c\n","stream":"stderr","time":"2026-11-21T10:20:03.5Z"}`, []Text{{Body: []byte("a \"quoted\"\tword ü <"), Stream: "stderr", Time: 1795256403500000000}}},
		{"docker, other order", `{"stream":"stdout","log":"x\n","time":"2026-11-21T10:20:03Z","attrs":{"a":"b"}}`, []Text{{Body: []byte("x"), Stream: "stdout", Time: 1795256403000000000}}},
		{"docker, surrogates", `{"log":"\ud83d\ude00\n","stream":"stdout","time":"2026-11-21T10:20:03Z"}`, []Text{{Body: []byte("😀"), Stream: "stdout", Time: 1795256403000000000}}},
		{"docker in parts", "{\"log\":\"a\",\"stream\":\"stdout\",\"time\":\"2026-11-21T10:20:03Z\"}\n{\"log\":\"b\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-21T10:20:04Z\"}", []Text{{Body: []byte("ab"), Stream: "stdout", Time: 1795256403000000000}}},
		{"neither", "what is this", []Text{{Body: []byte("what is this")}}},
		{"broken docker", `{"log":"no end`, []Text{{Body: []byte(`{"log":"no end`)}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := Splitter{Framing: Pods}
			if got := records(s, []byte(c.record+"\n"), 3); len(got) != 1 || got[0] != c.record {
				t.Fatalf("records: %q", got)
			}
			var got []Text
			s.Texts([]byte(c.record), func(text Text) { got = append(got, text) })
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRecognise(t *testing.T) {
	berlin := time.FixedZone("here", 3600)
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	at := func(s string) int64 {
		if s == "" {
			return 0
		}
		v, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return v.UnixNano()
	}
	for _, c := range []struct {
		line, at string
		severity int
		text     string
		program  string
	}{
		{"2026-11-21T10:20:03.123456Z INFO ready", "2026-11-21T10:20:03.123456Z", Info, "INFO", ""},
		{"2026-11-21 10:20:03,123 [main] ERROR c.e.Shop - boom", "2026-11-21T09:20:03.123Z", Error, "ERROR", ""},
		{"2026-11-21T10:20:03+0530 [warn] slow", "2026-11-21T04:50:03Z", Warn, "warn", ""},
		{"2026/11/21 10:20:03 [error] 12#12: *3 open() failed", "2026-11-21T09:20:03Z", Error, "error", ""},
		{"2026-11-21 10:20:03.001 UTC [77] FATAL:  no such role", "2026-11-21T10:20:03.001Z", Fatal, "FATAL", ""},
		{"[2026-11-21 10:20:03] production.WARNING: odd", "2026-11-21T09:20:03Z", Warn, "WARNING", ""},
		{"Nov 21 10:20:03 web-1 sshd[812]: Accepted publickey for root", "2026-11-21T09:20:03Z", 0, "", "sshd"},
		{"Nov  1 10:20:03 web-1 CRON[9]: (root) CMD (x)", "2026-11-01T09:20:03Z", 0, "", "CRON"},
		{"Dec 24 10:20:03 web-1 kernel: [ 1.0] ERROR: disk", "2025-12-24T09:20:03Z", Error, "ERROR", "kernel"},
		{"<11>Nov 21 10:20:03 web-1 app: text", "2026-11-21T09:20:03Z", Error, "", "app"},
		{"2026-11-21T10:20:03.1+01:00 web-1 systemd[1]: Started x", "2026-11-21T09:20:03.1Z", 0, "", "systemd"},
		{`10.0.0.1 - bob [21/Nov/2026:10:20:03 +0000] "GET /error HTTP/1.1" 500 12`, "2026-11-21T10:20:03Z", 0, "", ""},
		{"W1121 10:20:03.000001    1 reflector.go:12] watch ended", "2026-11-21T09:20:03.000001Z", Warn, "W", ""},
		{`{"level":"warn","ts":1795256403.5,"msg":"x"}`, "2026-11-21T10:20:03.5Z", Warn, "warn", ""},
		{`{"time":"2026-11-21T10:20:03Z","level":30,"msg":"x"}`, "2026-11-21T10:20:03Z", Info, "30", ""},
		{`{"msg":"y","severity": "ERROR", "timestamp": 1795256403123}`, "2026-11-21T10:20:03.123Z", Error, "ERROR", ""},
		{`time=2026-11-21T10:20:03Z level=debug msg="x"`, "2026-11-21T10:20:03Z", Debug, "debug", ""},
		{"[Sat Nov 21 10:20:03.123456 2026] [core:error] [pid 1] x", "2026-11-21T09:20:03.123456Z", 0, "", ""},
		{"21-Nov-2026 10:20:03.123 SEVERE [main] x", "2026-11-21T09:20:03.123Z", Error, "SEVERE", ""},
		{"1234:M 21 Nov 2026 10:20:03.123 * Ready", "2026-11-21T09:20:03.123Z", 0, "", ""},
		{"ERROR:root:boom", "", Error, "ERROR", ""},
		{"panic: runtime error", "", Fatal, "", ""},
		{"an error in a sentence", "", 0, "", ""},
		{"", "", 0, "", ""},
		{"2026-13-41T10:20:03Z x", "", 0, "", ""},
		{"2026-11-21T25:20:03Z x", "", 0, "", ""},
	} {
		got := Recognise([]byte(c.line), now, berlin)
		if want := (Stated{Time: at(c.at), Severity: c.severity, SeverityText: c.text, Program: c.program}); got != want {
			t.Errorf("%s\n have %+v %s\n want %+v", c.line, got, time.Unix(0, got.Time).UTC(), want)
		}
	}
}

// A record ends at the bounds, and nothing of it is lost.
func TestBounds(t *testing.T) {
	data := []byte("2026-11-21 10:00:00 begin\n" + strings.Repeat("\tat x.y.Z(Z.java:1)\n", 3*recordLinesMax))
	got := records(Splitter{}, data, 4096)
	if len(got) != 4 || strings.Join(got, "\n")+"\n" != string(data) {
		t.Errorf("%d records", len(got))
	}
	long := []byte(strings.Repeat(" "+strings.Repeat("x", 1000)+"\n", 1000))
	for _, r := range records(Splitter{}, long, 64<<10) {
		if len(r) > recordBytesMax+1001 {
			t.Errorf("a record of %d bytes", len(r))
		}
	}
}

// Whatever the bytes, records hold all of them in order, however they come; and nothing panics.
func FuzzSplit(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txt")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, byte(len(data)))
	}
	f.Fuzz(func(t *testing.T, data []byte, n byte) {
		s := Splitter{Framing: Framing(n) % 4}
		got := records(s, data, int(n)+1)
		if have, want := strings.Join(got, "\n"), strings.TrimSuffix(string(data), "\n"); have != want && have != string(data) {
			t.Fatalf("have %q\nwant %q", have, want)
		}
		for _, r := range got {
			s.Texts([]byte(r), func(text Text) { Recognise(text.Body, time.Unix(1795256403, 0), time.UTC) })
		}
	})
}

func BenchmarkLine(b *testing.B) {
	line := "2026-11-21T10:20:03.123456Z INFO [checkout] order 4711 of user 12 placed in 35 ms, 3 items, total 99.95 EUR\n"
	data := []byte(strings.Repeat(line, 1000))
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		s := bufio.NewScanner(bytes.NewReader(data))
		s.Split(Splitter{}.Split)
		for s.Scan() {
			Recognise(s.Bytes(), time.Unix(1795256403, 0), time.UTC)
		}
	}
}
