package metrics

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clew/index/segment"
	"clew/index/store"
	"clew/ingest/downsample"
	"clew/internal/points"
)

var freeze = flag.Bool("freeze", false, "write the frozen segment of windows if it does not exist yet")

// frozenWindows is the segment of windows of five minutes that the first build that made any wrote of stagedDay's points, and what these answered.
const frozenWindows = "frozen-v2-windows"

var frozenDir = filepath.Join("..", "..", "index", "segment", "testdata", "v2")

// TestFrozenWindows asks a segment of windows that an earlier build wrote. It is never edited: a reader that no longer understands it is wrong.
func TestFrozenWindows(t *testing.T) {
	if *freeze {
		freezeWindows(t)
	}
	st, err := store.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	parquetName, indexName := segment.Names(frozenWindows)
	for _, name := range []string{parquetName, indexName} {
		data, err := os.ReadFile(filepath.Join(frozenDir, filepath.Base(name)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := st.Put(t.Context(), name, func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	s, err := segment.Open(t.Context(), st, frozenWindows, nil)
	if err != nil {
		t.Fatal(err)
	}
	if width, of, err := s.Samples(t.Context()); width != points.Five || len(of) != 1 || err != nil {
		t.Errorf("windows of %v, made of %v, %v", width, of, err)
	}
	source := &stageSource{partSource: newParts(t), cuts: map[time.Duration]time.Time{0: dayStart.Add(24 * time.Hour)}}
	source.add(points.Five, false, s)
	want, err := os.ReadFile(filepath.Join(frozenDir, frozenWindows+".answers"))
	if err != nil {
		t.Fatal(err)
	}
	if have := frozenAnswers(t, storageOf(source)); have != string(want) {
		t.Errorf("it answers\n%s\nwant\n%s", have, want)
	}
}

// frozenAnswers are answers over whole windows, which are those of the points.
func frozenAnswers(t *testing.T, s *Storage) string {
	var out strings.Builder
	for _, query := range []string{
		"min_over_time(load[%s])", "max_over_time(load[%s])", "round(sum_over_time(load[%s]), 0.001)", "count_over_time(load[%s])", "round(avg_over_time(load[%s]), 0.001)",
		"last_over_time(load[%s])", "count_over_time(calls_total[%s])", "resets(calls_total[%s])", "resets(size_count[%s])", "last_over_time(size_bucket{le=\"2\"}[%s])",
		"histogram_count(last_over_time(took[%s]))",
	} {
		for _, span := range []string{"1h", "8h"} {
			text := fmt.Sprintf(query, span)
			fmt.Fprintf(&out, "%s %v\n", text, instant(t, s, text, dayStart.Add(9*time.Hour)))
		}
	}
	return out.String()
}

// freezeWindows writes it, and what the points answered.
func freezeWindows(t *testing.T) {
	path := filepath.Join(frozenDir, frozenWindows)
	if _, err := os.Stat(path + ".answers"); err == nil {
		t.Fatalf("%s exists: a frozen file is never written again", path)
	}
	p := newParts(t)
	h := p.head()
	if err := h.Append(day(7, func(i int) bool { return i < dayPoints/2 && i%10 != 3 }), receivedAt); err != nil {
		t.Fatal(err)
	}
	p.seal(h)
	made, err := downsample.Make(t.Context(), p.sealed, nil, points.Five, func(ctx context.Context) error { return ctx.Err() })
	if err != nil {
		t.Fatal(err)
	}
	opt := segment.Options{PageRows: 64, Resolution: points.Five, Samples: []string{p.sealed[0].Info().ID}}
	if _, err := segment.Write(t.Context(), p.store, frozenWindows, made.Parts, opt); err != nil {
		t.Fatal(err)
	}
	parquetName, indexName := segment.Names(frozenWindows)
	files := map[string][]byte{path + ".answers": []byte(frozenAnswers(t, storageOf(p)))}
	for _, name := range []string{parquetName, indexName} {
		size, err := p.store.Size(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		data := make([]byte, size)
		if err := p.store.ReadAt(t.Context(), name, data, 0); err != nil {
			t.Fatal(err)
		}
		files[filepath.Join(frozenDir, filepath.Base(name))] = data
	}
	for name, data := range files {
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
