package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"clew/index"
	"clew/index/compact"
	"clew/index/segment"
	"clew/index/store"
	"clew/ingest/deletion"
	"clew/internal/telemetry"
)

// modulo is a Selector of the rows whose number n is rest modulo of: the query is "of rest". Only tests speak it.
type modulo struct{ of, rest int }

func newModulo(d deletion.Request) (Selector, error) {
	var m modulo
	if _, err := fmt.Sscanf(d.Query, "%d %d", &m.of, &m.rest); err != nil {
		return nil, &deletion.RefusedError{What: "query: " + err.Error()}
	}
	return m, nil
}

func (m modulo) Select(ctx context.Context, part index.Part) ([][]uint64, error) {
	rows := make(compact.Rows, len(part.RowGroups()))
	next := 0
	all, err := appendNumbers(ctx, nil, part)
	if err != nil {
		return nil, err
	}
	for rg, g := range part.RowGroups() {
		for row := range g.Rows {
			if all[next]%m.of == m.rest {
				rows.Add(rg, row, g.Rows)
			}
			next++
		}
	}
	return rows, nil
}

// Deletions lists deletions as the API does.
func (in *Ingest) Deletions(ctx context.Context, waiting bool, limit int) ([]deletion.State, error) {
	list, err := deletion.List(ctx, in.store, waiting, limit)
	for i := range list {
		s := &list[i]
		s.Error = in.rewriter.failure(s.ID)
		if s.Outcome == nil {
			s.Records = in.catalog.Current().Deleted(s.ID)
		}
	}
	return list, err
}

// delete requests a deletion and waits for its outcome.
func (r *rig) delete(t testing.TB, d deletion.Request, now time.Time) deletion.State {
	t.Helper()
	d, err := r.Delete(t.Context(), d, now)
	if err != nil {
		t.Fatal(err)
	}
	return r.outcome(t, d.ID)
}

func (r *rig) outcome(t testing.TB, id string) (found deletion.State) {
	t.Helper()
	waitFor(t, "the outcome of deletion "+id, func() bool {
		list, err := r.Deletions(t.Context(), false, 100)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(list, func(s deletion.State) bool { return s.ID == id })
		if i < 0 {
			t.Fatalf("deletion %s is not listed", id)
		}
		found = list[i]
		return found.Outcome != nil
	})
	return found
}

// without is 0 to n-1 less those that m selects.
func (m modulo) without(n int) []int {
	var left []int
	for i := range n {
		if i%m.of != m.rest {
			left = append(left, i)
		}
	}
	return left
}

func (r *rig) wantNumbers(t testing.TB, tenant string, signal telemetry.Signal, want []int) {
	t.Helper()
	got, err := r.numbers(t.Context(), tenant, signal)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v of %s: %d records, want %d", signal, tenant, len(got), len(want))
	}
}

// TestDelete: records go from segments and heads, of one tenant and signal and within the times, are counted exactly, and nothing is left of them on
// disk; a restart changes nothing.
func TestDelete(t *testing.T) {
	r := openRig(t, t.TempDir(), testConfig(), nil)
	r.sealEach(t, logBatch, 3, 30)
	r.send(t, logBatch(tenant, 90, 30)) // in a head
	r.send(t, logBatch("other", 0, 30))
	r.send(t, spanBatch(tenant, 0, 30))
	got := r.delete(t, deletion.Request{Tenant: tenant, Signal: telemetry.Logs, Query: "7 3", By: "me"}, time.Now())
	seventh := modulo{7, 3}
	r.wantNumbers(t, tenant, telemetry.Logs, seventh.without(120))
	r.want(t, "other", telemetry.Logs, 30)
	r.want(t, tenant, telemetry.Spans, 30)
	if want := int64(120 - len(seventh.without(120))); got.Outcome.Records != want || got.Outcome.Damaged != nil || got.By != "me" || got.Query != "7 3" {
		t.Errorf("%+v, %+v: want %d records", got, got.Outcome, want)
	}
	// All of the second segment's times, and none of another's.
	from, to := testTime.Add(30*time.Millisecond).UnixNano(), testTime.Add(60*time.Millisecond).UnixNano()
	got = r.delete(t, deletion.Request{Tenant: tenant, Signal: telemetry.Logs, Query: "1 0", From: from, To: to}, time.Now())
	left := slices.DeleteFunc(seventh.without(120), func(n int) bool { return n >= 30 && n < 60 })
	// The selector of this test knows no times, so the segments that the times touch go whole.
	r.wantNumbers(t, tenant, telemetry.Logs, left)
	if got.Outcome.Records == 0 {
		t.Error("nothing was deleted by times")
	}
	checkObjects(t, r, "deleted")
	checkGone(t, r.dirName, "request 10 done")
	list, err := r.Deletions(t.Context(), false, 1)
	if err != nil || len(list) != 1 || list[0].ID != got.ID {
		t.Errorf("the newest deletion is %+v (%v), want %s", list, err, got.ID)
	}
	if list, err = r.Deletions(t.Context(), true, 10); err != nil || len(list) != 0 {
		t.Errorf("%d deletions wait (%v)", len(list), err)
	}
	r.stop()
	r = openRig(t, r.dirName, testConfig(), nil)
	r.settle(t)
	r.wantNumbers(t, tenant, telemetry.Logs, left)
	if list, err := r.Deletions(t.Context(), false, 10); err != nil || len(list) != 2 {
		t.Errorf("%d deletions are on record (%v), want 2", len(list), err)
	}
}

// checkGone looks for a text in all objects as they are on disk. It would find it: small chunks are stored as they are.
func checkGone(t *testing.T, dir, text string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(dir, "store", "segments"), func(file string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(file)
		if bytes.Contains(data, []byte(text)) {
			t.Errorf("%s holds %q", file, text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestDeleteTimes: what is newer than the request is not touched.
func TestDeleteTimes(t *testing.T) {
	r := openRig(t, t.TempDir(), testConfig(), nil)
	r.send(t, logBatch(tenant, 0, 20))
	d, err := r.Delete(t.Context(), deletion.Request{Tenant: tenant, Signal: telemetry.Logs, Query: "1 0"}, testTime.Add(-time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if want := testTime.Add(-time.Second).UnixNano() + 1; d.To != want {
		t.Errorf("deletes up to %d, want %d", d.To, want)
	}
	if s := r.outcome(t, d.ID); s.Outcome.Records != 0 {
		t.Errorf("%d records are gone", s.Outcome.Records)
	}
	r.want(t, tenant, telemetry.Logs, 20)
}

func TestDeleteRefused(t *testing.T) {
	r := openRig(t, t.TempDir(), testConfig(), nil)
	good := deletion.Request{Tenant: tenant, Signal: telemetry.Logs, Query: "7 3"}
	for name, change := range map[string]func(*deletion.Request){
		"no query":     func(d *deletion.Request) { d.Query = "" },
		"wrong query":  func(d *deletion.Request) { d.Query = "what" },
		"metrics":      func(d *deletion.Request) { d.Signal = telemetry.Metrics },
		"tenant":       func(d *deletion.Request) { d.Tenant = "a/b" },
		"endless name": func(d *deletion.Request) { d.By = string(make([]byte, 1000)) },
	} {
		d := good
		change(&d)
		if _, err := r.Delete(t.Context(), d, time.Now()); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	r.faulty.Script(store.Fault{Op: store.OpPut, Match: "deletions/", Err: errors.New("away")})
	if _, err := r.Delete(t.Context(), good, time.Now()); err == nil {
		t.Error("a request that is not durable was taken")
	}
	if list, err := r.Deletions(t.Context(), false, 10); err != nil || len(list) != 0 {
		t.Errorf("%d deletions are on record (%v)", len(list), err)
	}
}

// TestDeleteDamaged: a segment that can't be read is named in the record, and the others are done.
func TestDeleteDamaged(t *testing.T) {
	r := openRig(t, t.TempDir(), testConfig(), nil)
	r.sealEach(t, logBatch, 3, 30)
	var damaged string
	for s := range r.catalog.Current().All() {
		damaged = s.ID
		break
	}
	parquet, _ := segment.Names(damaged)
	file := filepath.Join(r.dirName, "store", parquet)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := 100; i < len(data)-100; i++ {
		data[i] ^= 0x55
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	got := r.delete(t, deletion.Request{Tenant: tenant, Signal: telemetry.Logs, Query: "3 0"}, time.Now())
	if got.Outcome.Records != 20 || len(got.Outcome.Damaged) != 1 {
		t.Errorf("%+v: want 20 records, and one damaged segment", got.Outcome)
	}
}

// TestDeleteWhileSealing: everything that was sent before the request is covered, while more comes in, is sealed and merged.
func TestDeleteWhileSealing(t *testing.T) {
	cfg := compacting()
	cfg.SealRows = 100
	r := openRig(t, t.TempDir(), cfg, nil)
	r.send(t, logBatch(tenant, 0, 250))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		for ctx.Err() == nil {
			if _, err := r.Compact(ctx, closed()); err != nil && ctx.Err() == nil && !errors.Is(err, errPreempted) {
				done <- err
				return
			}
		}
		done <- nil
	}()
	sent := 250
	fifth := modulo{5, 1}
	var records int64
	for range 4 {
		d, err := r.Delete(ctx, deletion.Request{Tenant: tenant, Signal: telemetry.Logs, Query: "5 1"}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		before := sent
		for range 4 {
			r.send(t, logBatch(tenant, sent, 60))
			sent += 60
		}
		records += r.outcome(t, d.ID).Outcome.Records
		got, err := r.numbers(ctx, tenant, telemetry.Logs)
		if err != nil {
			t.Fatal(err)
		}
		if i := slices.IndexFunc(got, func(n int) bool { return n < before && n%5 == 1 }); i >= 0 {
			t.Fatalf("record %d is there after a deletion that was requested after it", got[i])
		}
	}
	records += r.delete(t, deletion.Request{Tenant: tenant, Signal: telemetry.Logs, Query: "5 1"}, time.Now()).Outcome.Records
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	r.wantNumbers(t, tenant, telemetry.Logs, fifth.without(sent))
	if want := int64(sent - len(fifth.without(sent))); records != want {
		t.Errorf("%d records deleted by all deletions, want %d", records, want)
	}
}
