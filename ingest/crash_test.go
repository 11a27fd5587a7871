package ingest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"clew/index/segment"
	"clew/ingest/deletion"
	"clew/ingest/retention"
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
	cfg.Counts = true
	bytes := int64(1) // these metrics are removed as soon as they are sealed
	cfg.Retention.Tenants = map[string]retention.Tenant{forgottenTenant: {Metrics: retention.TenantBounds{Bytes: &bytes}}}
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
		spoolIfAsked(dir, r)
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
		d, err := r.Delete(ctx, deletion.Request{Tenant: erasedTenant, Signal: telemetry.Logs, Query: "5 1"}, now)
		if err != nil {
			return err
		}
		fmt.Println("deleting", next)
		if err := r.waitOutcome(ctx, d.ID); err != nil {
			return err
		}
		if _, err := r.Compact(ctx, closed()); err != nil && !errors.Is(err, errPreempted) {
			return err
		}
		if _, err := r.Downsample(ctx, closed()); err != nil && !errors.Is(err, errPreempted) {
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

// forgottenTenant is whose metrics are not kept.
const forgottenTenant = "forgotten"

// erasedTenant is whose log records are deleted: every fifth.
const erasedTenant = "erased"

func (r *rig) waitOutcome(ctx context.Context, id string) error {
	for {
		list, err := r.Deletions(ctx, true, 100)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(list, func(d deletion.State) bool { return d.ID == id }) {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
}

// sendRound sends 50 records of each signal, and 50 to be deleted, and repeats as retries do: batches by their sources, spans by their ids.
func (r *rig) sendRound(ctx context.Context, first int) error {
	for again := range 2 {
		points, err := gaugeBatch(forgottenTenant, first, 50)
		if err != nil {
			return err
		}
		for i, b := range []*telemetry.Batch{logBatch(tenant, first, 50), spanBatch(tenant, first, 50), points, logBatch(erasedTenant, first, 50)} {
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
	steps := []string{
		"frozen", "written", "committed", "applied", "given up", "trimmed", "rewritten", "replaced", "sampled", "removed", "deleted", "checkpointed",
		"requested", "sealed for deletion", "deletion done",
	}
	random := 12
	if testing.Short() {
		random = 2
	}
	var before told
	for i := range len(steps) + random {
		step, count, after := "", 1+rng.IntN(3), time.Duration(rng.IntN(400))*time.Millisecond
		if i < len(steps) {
			step, after = steps[i], time.Minute
		}
		said := killChild(t, dir, step, count, before.acknowledged, after)
		said.acknowledged = max(said.acknowledged, before.acknowledged)
		said.deleting = max(said.deleting, before.deleting)
		said.acknowledged = checkAfterKill(t, dir, fmt.Sprintf("killed at step %q (%d) or after %v", step, count, after), said)
		before = said
	}
}

// told is what children have said.
type told struct {
	acknowledged int // records below this number
	deleting     int // the deletion of the erased below this number is requested
}

// killChild runs a child until it dies, and returns what it said.
func killChild(t *testing.T, dir, step string, count, first int, after time.Duration) (said told) {
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
		var what string
		var number int
		if _, err := fmt.Sscanf(lines.Text(), "%s %d", &what, &number); err != nil {
			t.Fatalf("the child says %q", lines.Text())
		}
		if what == "deleting" {
			said.deleting = number
		} else {
			said.acknowledged = number
		}
	}
	err = cmd.Wait()
	if inTime := kill.Stop(); step != "" && !inTime {
		t.Fatalf("step %q was not reached %d times", step, count)
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the child ended by itself: %v: %s", err, stderr.String())
	}
	return said
}

// checkAfterKill opens what a killed child left, and returns the number with which the next may begin.
func checkAfterKill(t *testing.T, dir, how string, said told) (next int) {
	t.Helper()
	r := openRig(t, dir, crashConfig(), func(r *rig) { spoolIfAsked(dir, r) })
	defer r.stop()
	r.settle(t)
	for _, signal := range []telemetry.Signal{telemetry.Logs, telemetry.Spans} {
		got, err := r.numbers(t.Context(), tenant, signal)
		if err == nil {
			err = exactly(got, len(got))
		}
		if err == nil && len(got) < said.acknowledged {
			err = fmt.Errorf("%d records, %d were acknowledged", len(got), said.acknowledged)
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
	r.wantCounted(t, how, tenant, next, next)
	checkErased(t, r, how, said, next)
	checkObjects(t, r, how)
	return next
}

// checkErased: what was to be deleted is gone, once the deletion that the crash interrupted is done; the rest is there once; and all deletions together
// have counted each record once. It sends what is missing up to next.
func checkErased(t *testing.T, r *rig, how string, said told, next int) {
	t.Helper()
	waitFor(t, "deletions to be done after it was "+how, func() bool {
		list, err := r.Deletions(t.Context(), true, 100)
		if err != nil {
			t.Fatal(err)
		}
		return len(list) == 0
	})
	got, err := r.numbers(t.Context(), erasedTenant, telemetry.Logs)
	if err != nil {
		t.Fatal(err)
	}
	if i := slices.IndexFunc(got, func(n int) bool { return n%5 == 1 && n < said.deleting }); i >= 0 {
		t.Fatalf("%s: record %d is there, the deletion up to %d was durable", how, got[i], said.deleting)
	}
	sent := 0
	if len(got) > 0 {
		sent = got[len(got)-1] + 1 // the last of a batch is never deleted
	}
	if sent < said.acknowledged {
		t.Fatalf("%s: records up to %d, %d were acknowledged", how, sent, said.acknowledged)
	}
	if sent < next {
		r.send(t, logBatch(erasedTenant, sent, next-sent))
	}
	r.delete(t, deletion.Request{Tenant: erasedTenant, Signal: telemetry.Logs, Query: "5 1"}, time.Now())
	fifth := modulo{5, 1}
	next = max(next, sent)
	r.wantNumbers(t, erasedTenant, telemetry.Logs, fifth.without(next))
	r.wantCounted(t, how, erasedTenant, 0, next)
	all, err := r.Deletions(t.Context(), false, 1000)
	if err != nil {
		t.Fatal(err)
	}
	records := int64(0)
	for _, d := range all {
		records += d.Outcome.Records
	}
	if want := int64(next - len(fifth.without(next))); records != want {
		t.Fatalf("%s: deletions have counted %d records, want %d", how, records, want)
	}
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
