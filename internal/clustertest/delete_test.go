package clustertest

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"clew/internal/harness"
	"clew/query/api"
)

// deletion is a deletion as a process tells of it.
func deletion(ctx context.Context, of *harness.Process, id string) (d api.Deletion, err error) {
	var list api.DeletionList
	if err := of.Get(ctx, "/api/v1/admin/audit", url.Values{"id": {id}}, &list); err != nil {
		return d, err
	}
	if len(list.Deletions) != 1 {
		return d, fmt.Errorf("%d deletions of id %s", len(list.Deletions), id)
	}
	return list.Deletions[0], nil
}

// waitDeleted waits until a deletion is as ok says, as a process tells of it.
func waitDeleted(ctx context.Context, t *testing.T, of *harness.Process, id, what string, ok func(d api.Deletion) bool) api.Deletion {
	t.Helper()
	for {
		d, err := deletion(ctx, of, id)
		if err == nil && ok(d) {
			return d
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("deletion is not %s: %+v, %v", what, d, err)
		}
	}
}

func isDone(d api.Deletion) bool { return d.State == "done" }

// ask requests a deletion of what matches.
func requestDeletion(ctx context.Context, t *testing.T, of *harness.Process, query string) api.Deletion {
	t.Helper()
	var d api.Deletion
	if err := of.Post(ctx, "/api/v1/admin/delete?"+url.Values{"query": {query}, "by": {"test"}}.Encode(), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// counted waits until a query finds so many records.
func counted(ctx context.Context, t *testing.T, c *Cluster, query string, want int) {
	t.Helper()
	for {
		n, partial, err := Count(ctx, c.Of("query")[0], query)
		if err == nil && n == want && len(partial) == 0 {
			return
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("%s: %d records, want %d; %v, %v", query, n, want, partial, err)
		}
	}
}

// TestDeleteCluster: a deletion that is asked of a process that owns nothing reaches all shards, whoever owns them; it is done when all have done their part,
// also when an owner is killed in the middle and when nobody owns anything for a while, and its sum is what is gone.
func TestDeleteCluster(t *testing.T) {
	t.Parallel()
	c := start(t, 4)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	query := c.Of("query")[0]
	if _, err := c.WaitOwned(ctx, query, fair); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	step := func(what string) {
		t.Logf("%s: %s", what, time.Since(began).Round(100*time.Millisecond))
		began = time.Now()
	}
	const each, batches = 100, 20
	words := []string{"alpha", "beta", "gamma", "delta"}
	for _, word := range words {
		for i := range batches {
			if err := SendLogs(ctx, c.Of("collector")[i%2], word, i*each, each); err != nil {
				t.Fatal(err)
			}
		}
	}
	all := each * batches
	for _, word := range words {
		counted(ctx, t, c, word, all)
	}

	step("sent")
	// By the command, which waits and tells the sum.
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, *clewBinary, "delete", "--server", "http://"+query.HTTP, "--query", "alpha", "--yes")
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil || !strings.Contains(out.String(), fmt.Sprintf("%d log records deleted", all)) {
		t.Fatalf("clew delete: %v: %s", err, out.String())
	}
	counted(ctx, t, c, "alpha", 0)

	step("by the command")
	// An owner is killed before it can have done its part, or in the middle of it; the other takes its shards, and does it.
	d := requestDeletion(ctx, t, query, "beta")
	if d.State != "waiting" || d.Shards != 4 {
		t.Errorf("it begins as %+v", d)
	}
	c.Processes["ingest-1"].Kill()
	if got := waitDeleted(ctx, t, query, d.ID, "done", isDone); got.Records != int64(all) || len(got.Damaged) > 0 || len(got.Left) > 0 || !strings.Contains(got.By, "test") {
		t.Errorf("%+v: want %d records", got, all)
	}
	counted(ctx, t, c, "beta", 0)

	step("an owner killed")
	// With all owners gone it waits, and says for what.
	c.Processes["ingest-2"].Kill()
	d = requestDeletion(ctx, t, query, "gamma")
	got := waitDeleted(ctx, t, query, d.ID, "without owners", func(d api.Deletion) bool {
		return len(d.Left) == 4 && !slices.ContainsFunc(d.Left, func(l api.DeletionShard) bool { return l.Owner != "" || l.Error == "" })
	})
	if got.State != "waiting" {
		t.Errorf("nobody owns a shard, and it is %+v", got)
	}
	step("no owners")
	out.Reset()
	cmd = exec.CommandContext(ctx, *clewBinary, "cluster", "status", "--server", "http://"+query.HTTP)
	cmd.Stdout = &out
	if err := cmd.Run(); err == nil || !strings.Contains(out.String(), "No process with the role ingest is heard") {
		t.Errorf("clew cluster status: %v: %s", err, out.String())
	}
	// The count of shards changes meanwhile: what is new has to say that it is done too.
	if err := query.Post(ctx, "/api/v1/admin/shards?count=6", nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ingest-1", "ingest-2"} {
		if err := c.Run(name); err != nil {
			t.Fatal(err)
		}
	}
	if got := waitDeleted(ctx, t, query, d.ID, "done", isDone); got.Records != int64(all) {
		t.Errorf("%+v: want %d records", got, all)
	}
	step("new shards")
	counted(ctx, t, c, "gamma", 0)
	counted(ctx, t, c, "delta", all)

	// Any process tells of all of them.
	var list api.DeletionList
	if _, err := c.WaitOwned(ctx, query, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Of("ingest")[0].Get(ctx, "/api/v1/admin/audit", url.Values{}, &list); err != nil || len(list.Deletions) != 3 {
		t.Errorf("%d deletions, %v", len(list.Deletions), err)
	}
}
