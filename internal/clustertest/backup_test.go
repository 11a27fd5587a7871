package clustertest

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clew/internal/natstest"
	"clew/internal/s3test"
	"clew/query/api"
)

// TestBackupAndRestore backs a cluster up while it runs, and makes another of the backup, on other servers of NATS and below another prefix.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	gateway := s3test.Start(t)
	c := startWith(t, Options{Shards: 2, Roles: map[string]int{"collector": 1, "ingest": 2, "query": 1}, NATS: natstest.Options{Servers: 1}})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	query := c.Of("query")[0]
	if _, err := c.WaitOwned(ctx, query, func(s *api.Cluster) error {
		if s.List[0].Owner == s.List[1].Owner {
			return errors.New("one process owns both shards")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	const records = 500
	if err := SendLogs(ctx, c.Of("collector")[0], "record", 0, records); err != nil {
		t.Fatal(err)
	}
	clew := func(args ...string) (string, int) {
		out, err := exec.CommandContext(ctx, *clewBinary, args...).CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		if exit != nil {
			return string(out), exit.ExitCode()
		}
		return string(out), 0
	}
	target := filepath.Join(t.TempDir(), "backup")
	var seals []string
	for _, p := range c.Of("ingest") {
		seals = append(seals, "--seal", "http://"+p.HTTP)
	}
	// A process that is left out is noticed: its shard's records are in memory only.
	args := []string{"backup", "--server", "http://" + query.HTTP, c.opts.Store, target}
	if out, code := clew(append(args, seals[:2]...)...); code != 1 || !strings.Contains(out, "are in no segment") {
		t.Errorf("with one of two processes: exit code %d\n%s", code, out)
	}
	out, code := clew(append(args, seals...)...)
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, out)
	}
	restored := s3test.URL(gateway.Address, "restored")
	if out, code := clew("restore", "--store", restored, target, filepath.Join(t.TempDir(), "restored")); code != 0 {
		t.Fatalf("exit code %d\n%s", code, out)
	}
	c.Kill()
	again, err := Start(Options{Dir: t.TempDir(), Binary: *clewBinary, Store: restored, Shards: 2, NATS: natstest.Options{Servers: 1}, Roles: map[string]int{"collector": 1, "ingest": 1, "query": 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Kill()
	query = again.Of("query")[0]
	if _, err := again.WaitOwned(ctx, query, nil); err != nil {
		t.Fatal(err)
	}
	if n, partial, err := Count(ctx, query, "record"); n != records || len(partial) > 0 || err != nil {
		t.Errorf("%d records are restored, %d were backed up: %v %v", n, records, partial, err)
	}
	// It goes on.
	if err := SendLogs(ctx, again.Of("collector")[0], "record", records, records); err != nil {
		t.Fatal(err)
	}
	sealed(t, again, 2*records)
}
