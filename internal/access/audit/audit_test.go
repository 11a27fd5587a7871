package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"clew/internal/access"
)

func open(t *testing.T, dir string) *Log {
	t.Helper()
	l, err := Open(dir, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // a second time, where the test has closed it
	return l
}

// lines are the events of a file, and how many lines are none.
func lines(t *testing.T, file string) (events []access.Event, broken int) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		var e access.Event
		if json.Unmarshal(sc.Bytes(), &e) != nil {
			broken++
			continue
		}
		events = append(events, e)
	}
	return events, broken
}

// A line that a crash has cut costs itself and no other.
func TestCutLine(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	l.Record(access.Event{Who: "a", Allowed: true})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "audit.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"who":"b`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	open(t, dir).Record(access.Event{Who: "c\n{}", What: strings.Repeat("ä", 5000)})
	events, broken := lines(t, filepath.Join(dir, "audit.jsonl"))
	if len(events) != 2 || broken != 1 || events[0].Who != "a" || events[1].Who != "c\n{}" || len(events[1].What) > textBytesMax+3 {
		t.Errorf("%+v, %d broken", events, broken)
	}
}

// The log stays within its bound, and the newest events are kept.
func TestBound(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	l.max = 1000
	for i := range 500 {
		l.Record(access.Event{Who: "somebody", Status: i})
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil || len(files) != filesMax {
		t.Fatalf("%v %v", files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Size() > l.max || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", f, info, err)
		}
	}
	events, _ := lines(t, l.name(0))
	if len(events) == 0 || events[len(events)-1].Status != 499 {
		t.Errorf("the newest event is lost: %+v", events)
	}
}

// What is recorded can be read, the newest first, over all files and past a line that a crash has cut; and is said to who listens.
func TestEvents(t *testing.T) {
	l := open(t, t.TempDir())
	l.max = 2000
	var said bytes.Buffer
	l.Also(&said)
	begin := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	const n = 60
	for i := range n {
		if i == n/2 {
			if err := l.write([]byte("{\"who\":\"cut\n"), false); err != nil {
				t.Fatal(err)
			}
		}
		l.Record(access.Event{Time: begin.Add(time.Duration(i) * time.Minute), Who: fmt.Sprint("token:", i%2), Status: i, Allowed: i%3 == 0})
	}
	for _, test := range []struct {
		text     string
		from, to time.Duration
		limit    int
		want     []int // the first ones' status
		n        int
	}{
		{"", 0, 0, 1000, []int{59, 58, 57}, n},
		{"", 0, 0, 2, []int{59, 58}, 2},
		{"token:1", 0, 0, 1000, []int{59, 57}, n / 2},
		{`"allowed":true`, 0, 0, 1000, []int{57, 54}, n / 3},
		{"", 10 * time.Minute, 13 * time.Minute, 1000, []int{12, 11, 10}, 3},
		{"nobody", 0, 0, 1000, nil, 0},
	} {
		var from, to time.Time
		if test.to > 0 {
			from, to = begin.Add(test.from), begin.Add(test.to)
		}
		events, err := l.Events(test.text, from, to, test.limit)
		if err != nil || len(events) != test.n {
			t.Errorf("%+v: %d events, %v", test, len(events), err)
			continue
		}
		for i, want := range test.want {
			if events[i].Status != want {
				t.Errorf("%+v: event %d is %+v", test, i, events[i])
			}
		}
	}
	if got := strings.Count(said.String(), "\n"); got != n || !strings.Contains(said.String(), `"status":59`) {
		t.Errorf("%d lines were said", got)
	}
	l.Also(nil)
	if l.Record(access.Event{Who: "quiet"}); strings.Contains(said.String(), "quiet") {
		t.Error("said to who no longer listens")
	}
}
