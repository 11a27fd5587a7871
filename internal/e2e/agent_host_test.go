package e2e

import (
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"clew/agents/journal/journaltest"
	"clew/internal/harness"
)

// startClewAgent runs `clew agent` on root's logs, with the default configuration but for its ports, until the test ends.
func startClewAgent(t *testing.T, to *harness.Process, root, more string) {
	t.Helper()
	ports, err := harness.FreePorts(2)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config := fmt.Sprintf(`receivers:
  files/host: {include: [%[1]s/var/log/**], exclude: [%[1]s/var/log/pods/**]}
  files/pods: {include: [%[1]s/var/log/pods/*/*/*.log]}
  files/docker: {include: [%[1]s/docker/*/*-json.log]}
  otlp: {protocols: {grpc: {endpoint: %[2]q}, http: {endpoint: %[3]q}}}
%[4]s`, root, ports[0], ports[1], more)
	file := filepath.Join(dir, "agent.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(clewBinary, "agent", "--collector", to.GRPC, "--data", filepath.Join(dir, "data"), "--config", file)
	cmd.Stderr = log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // fails only if it has ended
		if err := cmd.Wait(); err != nil || t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Errorf("agent ended: %v\n%s", err, text)
		}
		log.Close()
	})
	eventually(t, 30*time.Second, "the agent collects", func() bool {
		text, err := os.ReadFile(log.Name())
		return err == nil && strings.Contains(string(text), "the agent collects")
	})
	// What is there at the first poll is history.
	time.Sleep(1500 * time.Millisecond)
}

func appendTo(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// The default configuration on this host: what is written to a log is found within five seconds, whatever happens to its file; stack
// traces are one record; containers' formats are read; and the host's metrics arrive.
func TestAgentOnThisHost(t *testing.T) {
	server := start(t, filepath.Join(t.TempDir(), "data"), "")
	root := t.TempDir()
	app := filepath.Join(root, "var/log/app.log")
	appendTo(t, app, "history\n")
	startClewAgent(t, server, root, "")

	// within is five seconds on a machine of one's own; here others work.
	const within = 15 * time.Second
	found := func(query string, n uint64) {
		t.Helper()
		began := time.Now()
		eventually(t, within, fmt.Sprintf("%d records of %s", n, query), func() bool { return countLogs(t, server, query) == n })
		t.Logf("%s: found after %v", query, time.Since(began).Round(10*time.Millisecond))
	}
	appendTo(t, app, "2026-11-21T10:20:03Z ERROR plainword is here\n")
	found("plainword severity:error service:app", 1)

	if err := os.Rename(app, app+".1"); err != nil {
		t.Fatal(err)
	}
	appendTo(t, app+".1", "renamedword\n")
	appendTo(t, app, "newfileword\n")
	found("renamedword", 1)
	found("newfileword", 1)

	gzipFile(t, app+".1")
	if err := os.Truncate(app, 0); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1200 * time.Millisecond) // the agent sees the file empty; one that grows back past its old size in between is another problem
	appendTo(t, app, "truncatedword\n")
	found("truncatedword", 1)
	found("plainword OR renamedword OR newfileword", 3)
	found("history", 0)

	appendTo(t, app, "2026-11-21 10:20:03.123 ERROR javaword c.e.Shop : failed\njava.lang.IllegalStateException: no stock\n\tat a.B.c(B.java:1)\nCaused by: java.io.IOException: x\n\tat d.E.f(E.java:2)\n"+
		"panic: goword\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/main.go:12 +0x1d\nexit status 2\n2026-11-21 10:20:04 INFO nextword\n")
	found(`javaword "Caused by" E.java`, 1)
	found(`goword "goroutine 1" severity:fatal`, 1)
	found("nextword", 1)

	appendTo(t, filepath.Join(root, "var/log/pods/shop_checkout-1_uid/checkout/0.log"), "2026-11-21T10:20:03.1Z stdout P criword first \n2026-11-21T10:20:03.1Z stdout F and second half\n")
	appendTo(t, filepath.Join(root, "docker/0123456789abcdef/0123456789abcdef-json.log"), `{"log":"dockerword \"quoted\"\n","stream":"stderr","time":"2026-11-21T10:20:03.1Z"}`+"\n")
	found(`"criword first and second half" resource.k8s.pod.name:checkout-1 service:checkout`, 1)
	found(`dockerword resource.container.id:0123456789abcdef log.iostream:stderr`, 1)
}

// Host metrics arrive by themselves, and every name has its series.
func TestAgentHostMetrics(t *testing.T) {
	server := start(t, filepath.Join(t.TempDir(), "data"), "")
	began := time.Now()
	startClewAgent(t, server, t.TempDir(), "")
	want := []string{"system.cpu.time", "system.memory.usage", "system.disk.io", "system.network.io", "system.filesystem.usage", "system.cpu.load_average.1m", "process.cpu.time", "process.memory.usage"}
	eventually(t, 40*time.Second, "metrics of host and processes", func() bool {
		var answer struct {
			Names []struct {
				OTel   string
				Series int
			}
		}
		get(t, server, "/api/v1/metrics/names", nil, &answer)
		have := map[string]bool{}
		for _, n := range answer.Names {
			have[n.OTel] = n.Series > 0
		}
		return !slices.ContainsFunc(want, func(name string) bool { return !have[name] })
	})
	t.Logf("found %v after the agent's start", time.Since(began).Round(100*time.Millisecond))
}

// The journal of a real journald is found, and killing the agent brings no record twice.
func TestAgentJournal(t *testing.T) {
	dir, write := journaltest.Start(t)
	server := start(t, filepath.Join(t.TempDir(), "data"), "")
	startClewAgent(t, server, t.TempDir(), fmt.Sprintf("  journal: {directory: %q, start_at: beginning}\n", dir))
	for i := range 20 {
		write(fmt.Sprintf("MESSAGE=journalword number%d", i), "PRIORITY=3", "SYSLOG_IDENTIFIER=billing")
	}
	began := time.Now()
	eventually(t, 15*time.Second, "20 records of the journal", func() bool {
		return countLogs(t, server, "journalword severity:error service:billing") == 20
	})
	t.Logf("found after %v", time.Since(began).Round(10*time.Millisecond))
}

func gzipFile(t *testing.T, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(file + ".gz")
	if err != nil {
		t.Fatal(err)
	}
	w := gzip.NewWriter(f)
	_, err = w.Write(data)
	if err := errors.Join(err, w.Close(), f.Close(), os.Remove(file)); err != nil {
		t.Fatal(err)
	}
}
