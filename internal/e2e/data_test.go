package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clew/internal/harness"
	"clew/query/api"
)

// formerData is the data directory that a clew of the first format left when it was killed: 60 log records and 60 spans in segments, 10 of each in the log.
func formerData(t *testing.T) string {
	t.Helper()
	dir := tempData(t)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("tar", "-xzf", "../../cmd/clew/testdata/data-v1.tar.gz", "-C", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

// holdings counts what is there, and reads all of it.
func holdings(t *testing.T, p *harness.Process) string {
	t.Helper()
	var out strings.Builder
	for _, signal := range []string{"logs", "spans"} {
		var n api.Count
		get(t, p, "/api/v1/count", url.Values{"signal": {signal}}, &n)
		var found api.Search
		get(t, p, "/api/v1/search", url.Values{"signal": {signal}, "limit": {"1000"}, "order": {"asc"}}, &found)
		fmt.Fprintf(&out, "%s: %d, partial %v\n", signal, n.Count, n.Stats.Partial || found.Stats.Partial)
		for _, l := range found.Logs {
			fmt.Fprintln(&out, l.TimeUnixNano, l.Service, l.Body, l.TraceID, l.Attributes)
		}
		for _, s := range found.Spans {
			fmt.Fprintln(&out, s.StartUnixNano, s.Service, s.Name, s.TraceID, s.SpanID, s.DurationNano, s.Attributes, s.Events)
		}
	}
	return out.String()
}

// This clew goes on where the one of the former format was killed; a backup of it while it runs holds everything, and a clew on the restored
// directory answers the same and takes more.
func TestUpgradeBackupRestore(t *testing.T) {
	data := formerData(t)
	p := start(t, data, "")
	want := holdings(t, p)
	if !strings.Contains(want, "logs: 70, partial false") || !strings.Contains(want, "spans: 70, partial false") {
		t.Fatalf("after the upgrade: %.300s", want)
	}
	if out, code := clew(t, p, "check", data); code != 0 {
		t.Errorf("check beside a running clew: exit %d: %s", code, out)
	}
	backup, restored := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "restored")
	// 70 and 70 records, 2 series of points, and 6 of what is counted of the records.
	if out, code := clew(t, p, "backup", data, backup); code != 0 || !strings.Contains(out, "148 rows") {
		t.Fatalf("backup: exit %d: %s", code, out)
	}
	p.Kill()
	if out, code := clew(t, p, "restore", backup, restored); code != 0 {
		t.Fatalf("restore: exit %d: %s", code, out)
	}
	q := start(t, restored, "")
	if got := holdings(t, q); got != want {
		t.Errorf("the restored directory answers differently:\n%s\nwant\n%s", got, want)
	}
	if code, text := postJSON(t, q.OTLP, "/v1/logs", `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"after the restore"}}]}]}]}`); code != 200 {
		t.Fatalf("%d: %s", code, text)
	}
	eventually(t, 10*time.Second, "the new record is found", func() bool { return countLogs(t, q, `"after the restore"`) == 1 })
	if err := q.Post(context.Background(), "/api/v1/admin/seal", nil); err != nil {
		t.Fatal(err)
	}
	q.Kill()
	again := start(t, restored, "")
	if n := countLogs(t, again, ""); n != 71 {
		t.Errorf("%d log records after another start, want 71", n)
	}
}

// A flipped bit in the commit stream: clew does not start and says how to go on; repaired, it starts and nothing is lost.
func TestRepairOfTheCommitStream(t *testing.T) {
	data := formerData(t)
	p := start(t, data, "")
	if err := p.Post(context.Background(), "/api/v1/admin/seal", nil); err != nil {
		t.Fatal(err)
	}
	want := holdings(t, p)
	if err := p.Stop(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(data, "log/nats/jetstream/*/streams/CLEW_COMMITS/msgs/*.blk"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	stream, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(stream, []byte(`"0000-logs-`))
	if at < 0 {
		at = bytes.Index(stream, []byte("0000-logs-"))
	}
	if at < 0 {
		t.Fatal("the commit stream names no segment of logs")
	}
	stream[at+3] ^= 2
	if err := os.WriteFile(files[0], stream, 0o644); err != nil {
		t.Fatal(err)
	}
	broken, err := harness.Start(harness.Options{Binary: clewBinary, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broken.Kill)
	eventually(t, 10*time.Second, "clew ends", func() bool { return !broken.Running() })
	if !strings.Contains(broken.Output(), "clew check --repair "+data) {
		t.Fatalf("it says: %s", broken.Output())
	}
	if out, code := clew(t, p, "check", "--repair", data); code != 1 || !strings.Contains(out, "repaired") {
		t.Fatalf("exit %d: %s", code, out)
	}
	if out, code := clew(t, p, "check", data); code != 0 {
		t.Errorf("after the repair: exit %d: %s", code, out)
	}
	if got := holdings(t, start(t, data, "")); got != want {
		t.Errorf("after the repair:\n%s\nwant\n%s", got, want)
	}
}
