package ingest

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"clew/index/segment"
	"clew/ingest/shardlog"
	"clew/internal/telemetry"
)

// The child is this test binary, started again with these variables: it sends and seals in a directory until it is killed, by itself at
// the n-th passing of a step, or by its parent.
const (
	childDir   = "CLEW_INGEST_TEST_DIR"
	childStep  = "CLEW_INGEST_TEST_STEP"
	childCount = "CLEW_INGEST_TEST_COUNT"
	childFirst = "CLEW_INGEST_TEST_FIRST" // the number of the first record to send
)

func crashConfig() Config {
	cfg := compacting()
	cfg.SealRows = 300
	cfg.CollectAfter = time.Millisecond
	cfg.Retention.Metrics.Bytes = 1 // metrics are removed as soon as they are sealed
	return cfg
}

// childMain runs the child, if this is one.
func childMain() bool {
	dir := os.Getenv(childDir)
	if dir == "" {
		return false
	}
	if err := runChild(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	return true
}

func runChild(dir string) error {
	count, err := strconv.ParseInt(os.Getenv(childCount), 10, 64)
	if err != nil {
		return err
	}
	next, err := strconv.Atoi(os.Getenv(childFirst))
	if err != nil {
		return err
	}
	at := os.Getenv(childStep)
	var left atomic.Int64
	left.Store(count)
	ctx := context.Background()
	r, err := newRig(ctx, dir, crashConfig(), func(r *rig) {
		r.step = func(step string) {
			if step == at && left.Add(-1) == 0 {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {} // nothing more happens
			}
		}
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	for round := 0; ; round++ {
		if err := r.sendRound(ctx, next); err != nil {
			return err
		}
		next += 50
		fmt.Println("acknowledged", next) // unbuffered: it is out before anything else happens
		if round%4 != 3 {
			continue
		}
		if err := r.settled(ctx); err != nil {
			return err
		}
		now := time.Now()
		if _, err := r.Compact(ctx, closed()); err != nil {
			return err
		}
		if err := r.Retain(ctx, now); err != nil {
			return err
		}
		if err := r.deleteDead(ctx, now); err != nil {
			return err
		}
		if err := r.checkpoint(ctx, 3); err != nil {
			return err
		}
		if _, err := r.Collect(ctx, now); err != nil {
			return err
		}
	}
}

// sendRound sends 50 records of each signal, and repeats as retries do: batches by their sources, spans by their ids.
func (r *rig) sendRound(ctx context.Context, first int) error {
	for again := range 2 {
		points, err := gaugeBatch(tenant, first, 50)
		if err != nil {
			return err
		}
		for i, b := range []*telemetry.Batch{logBatch(tenant, first, 50), spanBatch(tenant, first, 50), points} {
			source := shardlog.SourceSeq{ID: fmt.Sprint(r.source, "-", i), Seq: uint64(first + 1), Count: uint32(b.Records)}
			if b.Signal == telemetry.Spans {
				source.ID += fmt.Sprint("-", again) // another collector
			}
			if err := r.append(ctx, b, source); err != nil {
				return err
			}
		}
	}
	return nil
}

// TestKilled kills -9 between all steps, and at random moments: nothing acknowledged is lost, and nothing is there twice.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	steps := []string{"frozen", "written", "committed", "applied", "given up", "trimmed", "rewritten", "replaced", "removed", "deleted", "checkpointed"}
	random := 12
	if testing.Short() {
		random = 2
	}
	next := 0
	for i := range len(steps) + random {
		step, count, after := "", 1+rng.IntN(3), time.Duration(rng.IntN(400))*time.Millisecond
		if i < len(steps) {
			step, after = steps[i], time.Minute
		}
		acknowledged := killChild(t, dir, step, count, next, after)
		next = checkAfterKill(t, dir, fmt.Sprintf("killed at step %q (%d) or after %v", step, count, after), max(acknowledged, next))
	}
}

// killChild runs a child until it dies, and returns the number up to which records were acknowledged.
func killChild(t *testing.T, dir, step string, count, first int, after time.Duration) (acknowledged int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, childStep+"="+step, childCount+"="+strconv.Itoa(count), childFirst+"="+strconv.Itoa(first))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, err := fmt.Sscanf(lines.Text(), "acknowledged %d", &acknowledged); err != nil {
			t.Fatalf("the child says %q", lines.Text())
		}
	}
	err = cmd.Wait()
	if inTime := kill.Stop(); step != "" && !inTime {
		t.Fatalf("step %q was not reached %d times", step, count)
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the child ended by itself: %v: %s", err, stderr.String())
	}
	return acknowledged
}

// checkAfterKill opens what a killed child left, and returns the number with which the next may begin.
func checkAfterKill(t *testing.T, dir, how string, acknowledged int) (next int) {
	t.Helper()
	r := openRig(t, dir, crashConfig(), nil)
	defer r.stop()
	r.settle(t)
	for _, signal := range []telemetry.Signal{telemetry.Logs, telemetry.Spans} {
		got, err := r.numbers(t.Context(), tenant, signal)
		if err == nil {
			err = exactly(got, len(got))
		}
		if err == nil && len(got) < acknowledged {
			err = fmt.Errorf("%d records, %d were acknowledged", len(got), acknowledged)
		}
		if err != nil {
			t.Fatalf("%s: %v: %v", how, signal, err)
		}
		next = max(next, len(got))
	}
	// What one signal had appended and the other had not is sent again, by a new life of the sender.
	for _, signal := range []telemetry.Signal{telemetry.Logs, telemetry.Spans} {
		got, err := r.numbers(t.Context(), tenant, signal)
		if err != nil {
			t.Fatal(err)
		}
		switch missing := next - len(got); {
		case missing == 0:
		case signal == telemetry.Logs:
			r.send(t, logBatch(tenant, len(got), missing))
		default:
			r.send(t, spanBatch(tenant, len(got), missing))
		}
	}
	r.settle(t)
	r.want(t, tenant, telemetry.Logs, next)
	r.want(t, tenant, telemetry.Spans, next)
	checkObjects(t, r, how)
	return next
}

// checkObjects: what no commit names is collected, and nothing else, once the seals under way are through.
func checkObjects(t *testing.T, r *rig, how string) {
	t.Helper()
	waitFor(t, "collection of all remains after it was "+how, func() bool {
		if err := r.deleteDead(t.Context(), time.Now()); err != nil {
			t.Fatalf("%s: %v", how, err)
		}
		if _, err := r.Collect(t.Context(), time.Now().Add(time.Minute)); err != nil {
			t.Fatalf("%s: %v", how, err)
		}
		objects, err := r.dir.List(t.Context(), segment.Prefix)
		if err != nil {
			t.Fatal(err)
		}
		return len(objects) == 2*r.catalog.Current().Len()
	})
}
