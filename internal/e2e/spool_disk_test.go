package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"clew/internal/harness"
	"clew/internal/s3test"
)

// onePoint is a request that the ledgers of logs and spans know nothing of.
const onePoint = `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"x","gauge":{"dataPoints":[{"asDouble":1,"timeUnixNano":"1"}]}}]}]}]}`

// refusedForDisk waits until a request is refused because the disk is full: a small one may fit where a large one did not.
func refusedForDisk(t *testing.T, p *harness.Process, what string) {
	t.Helper()
	var status int
	var text string
	deadline := time.Now().Add(10 * time.Second)
	for status != 429 && time.Now().Before(deadline) {
		status, text = postJSON(t, p.OTLP, "/v1/metrics", onePoint)
	}
	if status != 429 || !strings.Contains(text, "disk") {
		t.Errorf("%s: status %d: %s; want 429 that says disk", what, status, text)
	}
}

// The store is away, and the local disk fills up under the log and the spool: senders are told to wait before a write fails, also when something else takes the
// last byte, and when clew is killed and started on the full disk. When there is room and the store is back everything is uploaded and nothing is lost.
func TestSpoolOnFullDisk(t *testing.T) {
	m := mountImage(t, 160<<20)
	s3test.SetEnvironment(t)
	g := s3test.Start(t)
	data, l := filepath.Join(m.dir, "data"), newLedger()
	l.logs, l.spans = 1000, 400
	const freeBytesMin = 40_000_000
	config := sealOften + "log: {free_bytes_min: 40000000}\nstore: " + s3test.URL(g.Address, "clew") + "\n"
	p := start(t, data, config)
	l.loadFor(t, p, time.Second)
	eventually(t, 20*time.Second, "segments in the store", func() bool { return statusOf(t, p).Segments > 0 })

	g.Kill()
	fill := func(name, size string) string {
		ballast := filepath.Join(m.dir, name)
		// The second one ends with an error, when the disk is full.
		out, err := exec.Command("sh", "-c", "head -c "+size+" /dev/zero > "+ballast+"; sync").CombinedOutput()
		t.Logf("%s: %v %s", name, err, out)
		return ballast
	}
	// What is left is a few seconds' worth, whatever the file system takes for itself.
	var fs syscall.Statfs_t
	if err := syscall.Statfs(m.dir, &fs); err != nil {
		t.Fatal(err)
	}
	some := fill("some", strconv.FormatInt(int64(fs.Bavail)*fs.Bsize-freeBytesMin-8<<20, 10))
	deadline := time.Now().Add(60 * time.Second)
	for l.refused.Load() == 0 && time.Now().Before(deadline) {
		l.loadFor(t, p, time.Second)
	}
	if l.refused.Load() == 0 {
		t.Fatalf("no request was refused while the disk filled up: %+v", statusOf(t, p))
	}
	refusedForDisk(t, p, "the disk is nearly full")
	if s := statusOf(t, p); s.Store.Away.IsZero() || s.Ingest.Spool.Segments == 0 || s.Ingest.Spool.Error == "" {
		t.Errorf("the outage is not in the status: %+v", s)
	}
	l.exactly(t, p, "the disk is nearly full")

	all := fill("all", "200000000")
	refusedForDisk(t, p, "the disk is full")
	l.exactly(t, p, "the disk is full")
	p.Kill()
	began := time.Now()
	p = start(t, data, config)
	t.Logf("started on a full disk: ready after %v", time.Since(began).Round(time.Millisecond))
	refusedForDisk(t, p, "started on a full disk")
	l.exactly(t, p, "started on a full disk")

	g.Restart(t)
	for _, ballast := range []string{some, all} {
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, 30*time.Second, "records are taken again", func() bool {
		before, _ := l.count("logs")
		l.loadFor(t, p, 300*time.Millisecond)
		after, _ := l.count("logs")
		return after > before
	})
	waitUploaded(t, p)
	l.exactly(t, p, "everything is uploaded")
	p.Kill()
	p = start(t, data, config)
	l.exactly(t, p, "started on what is in the store")
	l.check(t, p)
}

// A clew with its segments in the data directory was killed, and starts on a disk without a byte left: it answers queries, refuses records and takes them again once
// there is room. What it was about to write when the disk was full is still in the log.
func TestStartOnFullDisk(t *testing.T) {
	m := mountImage(t, 160<<20)
	data, l := filepath.Join(m.dir, "data"), newLedger()
	config := sealOften + "log: {free_bytes_min: 40000000}\n"
	p := start(t, data, config)
	l.loadFor(t, p, 2*time.Second)
	p.Kill()
	ballast := filepath.Join(m.dir, "ballast")
	if out, err := exec.Command("sh", "-c", "head -c 200000000 /dev/zero > "+ballast+"; sync").CombinedOutput(); err != nil {
		t.Logf("%v %s", err, out)
	}
	for range 2 {
		p = start(t, data, config)
		l.exactly(t, p, "started on a full disk")
		refusedForDisk(t, p, "started on a full disk")
		p.Kill()
	}
	p = start(t, data, config)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "records are taken again", func() bool {
		before, _ := l.count("logs")
		l.loadFor(t, p, 300*time.Millisecond)
		after, _ := l.count("logs")
		return after > before
	})
	l.check(t, p)
}
