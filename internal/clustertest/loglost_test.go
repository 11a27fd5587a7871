package clustertest

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"clew/internal/harness"
	"clew/internal/natstest"
	"clew/internal/s3test"
	"clew/query/api"
)

// run runs clew and returns what it printed and its exit code.
func run(ctx context.Context, t *testing.T, args ...string) (string, int) {
	t.Helper()
	out, err := exec.CommandContext(ctx, *clewBinary, args...).CombinedOutput()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return string(out), exit.ExitCode()
	case err != nil:
		t.Fatal(err)
	}
	return string(out), 0
}

// TestLogLost: all of NATS is lost while the bucket is whole, and there is no backup. What was sealed comes back, once, below another prefix and with another log.
func TestLogLost(t *testing.T) {
	t.Parallel()
	gateway := s3test.Start(t)
	c := startWith(t, Options{Shards: 2, Roles: map[string]int{"collector": 1, "ingest,query": 1}, NATS: natstest.Options{Servers: 1}})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if _, err := c.WaitOwned(ctx, c.Of("query")[0], nil); err != nil {
		t.Fatal(err)
	}
	const rounds, records = 6, 50
	for i := range rounds {
		if err := SendLogs(ctx, c.Of("collector")[0], "record", i*records, records); err != nil {
			t.Fatal(err)
		}
		sealed(t, c, (i+1)*records)
	}
	c.Kill() // and nobody looks at the servers' disks again
	lost := c.opts.Store
	to := s3test.URL(gateway.Address, "anew")
	out, code := run(ctx, t, "restore", "--log-lost", "--store", to, lost, filepath.Join(t.TempDir(), "restored"))
	t.Logf("%s", out)
	if code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if out, code := run(ctx, t, "restore", "--log-lost", "--store", to, lost, filepath.Join(t.TempDir(), "restored")); code == 0 {
		t.Errorf("a second time, over what is there: %s", out)
	}
	goesOn(ctx, t, to, rounds*records)
}

// goesOn starts a cluster on new servers of NATS and a restored store, and looks whether so many records are there, and further ones come.
func goesOn(ctx context.Context, t *testing.T, url string, records int) {
	t.Helper()
	c, err := Start(Options{Dir: t.TempDir(), Binary: *clewBinary, Store: url, Shards: 2, NATS: natstest.Options{Servers: 1}, Roles: map[string]int{"collector": 1, "ingest,query": 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Kill()
	if _, err := c.WaitOwned(ctx, c.Of("query")[0], func(s *api.Cluster) error {
		if len(s.List) != 2 {
			return errors.New("not two shards")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if n, partial, err := Count(ctx, c.Of("query")[0], "record"); n != records || len(partial) > 0 || err != nil {
		t.Errorf("%d records are there, want %d: %v %v", n, records, partial, err)
	}
	if err := SendLogs(ctx, c.Of("collector")[0], "record", records, 10); err != nil {
		t.Fatal(err)
	}
	sealed(t, c, records+10)
}

// TestSingleBecomesCluster: what one process has kept on its disk is what a cluster begins with.
func TestSingleBecomesCluster(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a cluster of processes")
	}
	gateway := s3test.Start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	single, err := harness.Start(harness.Options{Binary: *clewBinary, Data: filepath.Join(t.TempDir(), "single")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(single.Kill)
	if err := single.WaitReady(time.Minute); err != nil {
		t.Fatal(err)
	}
	const records = 200
	if err := SendLogs(ctx, single, "record", 0, records); err != nil {
		t.Fatal(err)
	}
	backup := filepath.Join(t.TempDir(), "backup")
	if out, code := run(ctx, t, "backup", "--server", "http://"+single.HTTP, single.Data, backup); code != 0 {
		t.Fatalf("exit code %d\n%s", code, out)
	}
	url := s3test.URL(gateway.Address, "cluster")
	if out, code := run(ctx, t, "restore", "--store", url, backup, filepath.Join(t.TempDir(), "restored")); code != 0 {
		t.Fatalf("exit code %d\n%s", code, out)
	}
	goesOn(ctx, t, url, records)
}
