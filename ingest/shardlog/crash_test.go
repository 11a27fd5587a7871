package shardlog_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"clew/ingest/shardlog"
)

// childEnv names the log's directory to a process that is to be killed: this test's binary, started anew.
const childEnv = "CLEW_SHARDLOG_CHILD"

// appendUntilKilled appends from four goroutines and commits from another, and prints a line after each acknowledgement.
func appendUntilKilled(dir string) {
	e, err := shardlog.Open(context.Background(), small(dir))
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	var last uint64
	ctx, cancel := context.WithCancel(context.Background())
	_ = e.Follow(ctx, 0, func(seq uint64, _ int, _ []byte) error {
		last = seq
		return nil
	}, cancel)
	fail := func(err error) {
		fmt.Println("error", err)
		os.Exit(1)
	}
	base := uint64(time.Now().UnixNano()) << 8
	for w := range uint64(4) {
		go func() {
			for n := base + w; ; n += 4 {
				p, err := e.Append(context.Background(), 0, numbered(n, 1+rand.IntN(100<<10)))
				if err != nil {
					fail(err)
				}
				fmt.Println("append", n, p)
			}
		}()
	}
	for {
		seq, err := e.Commit(context.Background(), 0, last, []byte("commit"))
		if err != nil {
			fail(err)
		}
		fmt.Println("commit", seq, last)
		last = seq
	}
}

// killed runs a child on dir for a while, kills it, and returns its acknowledged appends and commits.
func killed(t *testing.T, dir string, acked map[uint64]shardlog.Position, commits map[uint64]uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	cmd.Stderr = io.Discard
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		once.Do(func() {
			time.AfterFunc(time.Duration(20+rand.IntN(200))*time.Millisecond, func() { _ = cmd.Process.Kill() })
		})
		var a, b uint64
		if _, err := fmt.Sscanf(lines.Text(), "append %d %d", &a, &b); err == nil {
			acked[a] = b
		} else if _, err := fmt.Sscanf(lines.Text(), "commit %d %d", &a, &b); err == nil {
			commits[a] = b
		} else {
			t.Errorf("child: %s", lines.Text())
		}
	}
	_ = cmd.Wait() // it was killed
}

// TestKill kills a process in the middle of its appends, again and again on the same log: every message acknowledged is
// there, where it was acknowledged, in order, and none twice; and every commit is.
func TestKill(t *testing.T) {
	rounds := 20
	if testing.Short() {
		rounds = 3
	}
	dir := t.TempDir()
	acked := map[uint64]shardlog.Position{}
	commits := map[uint64]uint64{}
	for round := range rounds {
		killed(t, dir, acked, commits)
		cfg := small(dir)
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			e := open(t, cfg)
			collect(t, e).expect(acked)
			expectCommits(t, e, commits)
		})
		if t.Failed() {
			return
		}
	}
	if len(acked) < 10*rounds || len(commits) < rounds {
		t.Errorf("%d appends and %d commits in %d rounds: too few to say much", len(acked), len(commits), rounds)
	}
	t.Logf("%d appends and %d commits acknowledged", len(acked), len(commits))
}

func expectCommits(t *testing.T, e *shardlog.Embedded, want map[uint64]uint64) {
	t.Helper()
	have := map[uint64]bool{}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := e.Follow(ctx, 0, func(seq uint64, _ int, _ []byte) error {
		have[seq] = true
		return nil
	}, cancel)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("follow: %v", err)
	}
	for seq := range want {
		if !have[seq] {
			t.Errorf("commit %d was acknowledged and is gone", seq)
		}
	}
}

// blocks returns the files that hold a shard's messages, oldest first.
func blocks(t *testing.T, dir string, shard int) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "nats", "jetstream", "*", "streams", fmt.Sprintf("CLEW_LOG_%d", shard), "msgs", "*.blk"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no block files: %v", err)
	}
	number := func(f string) (n int) {
		_, _ = fmt.Sscanf(filepath.Base(f), "%d.blk", &n)
		return n
	}
	slices.SortFunc(files, func(a, b string) int { return number(a) - number(b) })
	return files
}

func edit(t *testing.T, file string, change func(b []byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, change(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

// entries returns what a shard holds after a position, up to and including last.
func entries(t *testing.T, e *shardlog.Embedded, after, last shardlog.Position) []shardlog.Entry {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var got []shardlog.Entry
	err := e.Consume(ctx, 0, after, func(en shardlog.Entry) error {
		if got = append(got, en); en.Position >= last {
			return errStop
		}
		return nil
	})
	if !errors.Is(err, errStop) {
		t.Fatalf("consume after %d: %d entries, then %v", after, len(got), err)
	}
	return got
}

// TestTornWrite leaves on disk what a write leaves that a power cut has torn: parts of a message that was never acknowledged.
func TestTornWrite(t *testing.T) {
	const n = 20
	for name, torn := range map[string]func(block []byte) []byte{
		"start of a record": func(b []byte) []byte { return append(b, b[:40]...) },
		"a few bytes":       func(b []byte) []byte { return append(b, 1, 2, 3) },
		"zeros":             func(b []byte) []byte { return append(b, make([]byte, 4096)...) },
		"garbage": func(b []byte) []byte {
			g := make([]byte, 5000)
			r := rand.NewChaCha8([32]byte{2})
			_, _ = r.Read(g)
			return append(b, g...)
		},
		"record without its end": func(b []byte) []byte { return append(b, b[:len(b)/n-10]...) },
	} {
		for _, clean := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/clean=%t", name, clean), func(t *testing.T) {
				dir := t.TempDir()
				fill(t, dir, n, 10<<10)
				files := blocks(t, dir, 0)
				edit(t, files[len(files)-1], torn)
				if !clean {
					forgetIndex(t, files)
				}
				e := open(t, small(dir))
				for i, en := range entries(t, e, 0, n) {
					if en.Damage != nil || en.Message.Sources[0].Seq != uint64(i+1) {
						t.Fatalf("entry %d: position %d, damage %v", i, en.Position, en.Damage)
					}
				}
				p, err := e.Append(t.Context(), 0, numbered(n+1, 100))
				if err != nil || p != n+1 {
					t.Fatalf("append: position %d, %v", p, err)
				}
				if got := entries(t, e, n, n+1); got[0].Message.Sources[0].Seq != n+1 {
					t.Fatalf("appended message: %+v", got[0])
				}
			})
		}
	}
}

// fill appends messages numbered from 1 to a log and closes it.
func fill(t *testing.T, dir string, n, size int) {
	t.Helper()
	e, err := shardlog.Open(t.Context(), small(dir))
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if _, err := e.Append(t.Context(), 0, numbered(uint64(i+1), size)); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

// forgetIndex removes what the server writes when it is closed in order.
func forgetIndex(t *testing.T, blocks []string) {
	t.Helper()
	if err := os.Remove(filepath.Join(filepath.Dir(blocks[0]), "index.db")); err != nil {
		t.Fatal(err)
	}
}

// TestDamage changes what was acknowledged, as a disk may: what cannot be read is reported, position by position, and the rest is read.
//
// NATS checks records when it reads them, so a clean restart loses what was changed and no more. After a crash it rebuilds its
// state from the blocks, and cuts a block off at its first bad record: a block's worth (8 MB) may go, and at the end of the log this
// goes unseen.
func TestDamage(t *testing.T) {
	const n, perBlock = 30, 8
	flip := func(at func(size int) int) func(b []byte) []byte {
		return func(b []byte) []byte { b[at(len(b))] ^= 4; return b }
	}
	for _, c := range []struct {
		name             string
		clean            bool
		block            int                   // to change; -1 is the last
		change           func(b []byte) []byte // nil: remove the block
		lostMax, reusing int                   // reusing: positions that are given out again
	}{
		{"a bit of the first block", true, 0, flip(func(n int) int { return n / 2 }), 1, 0},
		{"a bit of the first block", false, 0, flip(func(n int) int { return n / 2 }), perBlock, 0},
		{"a bit of the last block", true, -1, flip(func(n int) int { return n - 100 }), 1, 0},
		{"a bit of the last block", false, -1, flip(func(n int) int { return n - 100 }), 1, 1},
		{"a page of a middle block", true, 1, func(b []byte) []byte { clear(b[len(b)/4 : len(b)/4+4096]); return b }, 1, 0},
		{"a page of a middle block", false, 1, func(b []byte) []byte { clear(b[len(b)/4 : len(b)/4+4096]); return b }, perBlock, 0},
		{"a missing block", true, 1, nil, perBlock, 0},
		{"a missing block", false, 1, nil, perBlock, 0},
		{"the end cut off", true, -1, func(b []byte) []byte { return b[:len(b)-1000] }, 1, 0},
		{"the end cut off", false, -1, func(b []byte) []byte { return b[:len(b)-1000] }, 1, 1},
	} {
		t.Run(fmt.Sprintf("%s/clean=%t", c.name, c.clean), func(t *testing.T) {
			dir := t.TempDir()
			fill(t, dir, n, 1<<20)
			files := blocks(t, dir, 0)
			if len(files) < 3 {
				t.Fatalf("%d blocks", len(files))
			}
			if !c.clean {
				forgetIndex(t, files)
			}
			file := files[(c.block+len(files))%len(files)]
			if c.change != nil {
				edit(t, file, c.change)
			} else if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			e := open(t, small(dir))
			p, err := e.Append(t.Context(), 0, numbered(n+1, 100))
			if err != nil {
				t.Fatal(err)
			}
			if want := shardlog.Position(n + 1 - c.reusing); p != want {
				t.Errorf("appended at %d, want %d", p, want)
			}
			good, damaged := 0, 0
			last := shardlog.Position(0)
			for _, en := range entries(t, e, 0, p) {
				var d *shardlog.DamagedMessageError
				covers := uint64(1)
				switch {
				case en.Damage == nil:
					good++
				case errors.As(en.Damage, &d) && d.Position == en.Position:
					covers = max(d.Missing, 1)
					damaged += int(covers)
				default:
					t.Errorf("position %d: %v", en.Position, en.Damage)
				}
				if en.Position != last+covers {
					t.Fatalf("position %d after %d, covers %d", en.Position, last, covers)
				}
				last = en.Position
			}
			if lost := n + 1 - good; lost == 0 || lost > c.lostMax || damaged != lost-c.reusing {
				t.Errorf("%d lost, %d of them reported; want 1 to %d", lost, damaged, c.lostMax)
			}
			if st := e.Stats(); st.Damaged != uint64(damaged) {
				t.Errorf("stats: %d damaged, want %d", st.Damaged, damaged)
			}
		})
	}
}

// BenchmarkReopen opens a log with 1 GB in it, after it was closed and after a crash.
func BenchmarkReopen(b *testing.B) {
	const size, n = 256 << 10, 4096
	cfg := small(b.TempDir())
	cfg.LogBytesMax = 4 << 30
	e, err := shardlog.Open(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	m := payload(size)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range n / 4 {
				if _, err := e.Append(b.Context(), 0, m); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := e.Close(); err != nil {
		b.Fatal(err)
	}
	indexes, err := filepath.Glob(filepath.Join(cfg.Dir, "nats", "jetstream", "*", "streams", "*", "msgs", "index.db"))
	if err != nil || len(indexes) == 0 {
		b.Fatalf("no indexes: %v", err)
	}
	for _, crashed := range []bool{false, true} {
		b.Run(fmt.Sprintf("crashed=%t", crashed), func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				if crashed {
					for _, f := range indexes {
						if err := os.Remove(f); err != nil {
							b.Fatal(err)
						}
					}
				}
				b.StartTimer()
				e, err := shardlog.Open(b.Context(), cfg)
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if st, err := e.State(b.Context(), 0); err != nil || st.Last != n {
					b.Fatalf("%+v, %v", st, err)
				}
				if err := e.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}
