package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"clew/agents/diskqueue"
	"clew/internal/harness"
	"clew/query/api"
)

// Collectors are lost one by one and then all together, killed while they receive; the agent is killed in the middle and once loses power, and its files are
// rotated: every line that was written is stored once, and every span that the agent took.
func TestAgentOutage(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	step, outage := 2*time.Second, 9*time.Second
	if soak {
		step, outage = 20*time.Second, 10*time.Minute
	}
	dir := t.TempDir()
	logs, disk := filepath.Join(dir, "logs"), mountImage(t, 700<<20)
	data := filepath.Join(disk.dir, "agent")
	if err := os.Mkdir(logs, 0o700); err != nil {
		t.Fatal(err)
	}
	server := filepath.Join(dir, "data")
	p := start(t, server, "")
	var grpc, otlp atomic.Pointer[string]
	listens := func(p *harness.Process) { grpc.Store(&p.GRPC); otlp.Store(&p.OTLP) }
	listens(p)
	var relays []*relay
	var collectors, heartbeats []string
	beats := startRelay(t, func() string { return *otlp.Load() })
	for range 3 {
		r := startRelay(t, func() string { return *grpc.Load() })
		relays = append(relays, r)
		collectors = append(collectors, r.address)
		heartbeats = append(heartbeats, beats.address)
	}
	w, spans := &lineWriter{dir: logs}, &spanSender{}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	written := make(chan error, 1)
	go func() { written <- w.run(ctx, max(step+step/3, outage/8)) }()
	a := startAgent(t, data, logs, collectors, heartbeats)
	spans.to.Store(&a.otlp)
	var sending sync.WaitGroup
	sending.Go(func() { spans.run(ctx) })
	restart := func() {
		a.kill()
		a = startAgent(t, data, logs, collectors, heartbeats)
		spans.to.Store(&a.otlp)
	}

	time.Sleep(step)
	for _, r := range relays { // each in turn; whichever it uses is among them
		r.set(true)
		time.Sleep(step / 2)
		r.set(false)
	}
	restart()
	time.Sleep(step / 2)

	p.Kill()
	nobody := "127.0.0.1:1"
	grpc.Store(&nobody)
	otlp.Store(&nobody)
	began := time.Now()
	time.Sleep(outage * 2 / 5)
	restart()
	time.Sleep(outage * 2 / 5)
	data = cutPower(t, a, disk)
	restart()
	time.Sleep(outage / 5)
	p = start(t, server, "")
	t.Logf("an outage of %v", time.Since(began).Round(time.Second))
	listens(p)
	time.Sleep(step)
	p.Kill() // while it takes what has waited
	p = start(t, server, "")
	listens(p)
	time.Sleep(step / 2)
	restart()
	time.Sleep(step / 2)
	stop()
	sending.Wait()
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	used := 0
	for _, r := range relays {
		if r.usedBy() > 0 {
			used++
		}
	}
	if used < 2 {
		t.Errorf("%d of 3 collectors were used", used)
	}
	checkLines(t, p, a, data, filepath.Dir(logs), w.count(), w.rotated)
	checkSpans(t, p, spans)
}

// cutPower stops the agent and copies what has reached the disk; the agent's directory is then on the copy. The agent is paused for that, because power
// goes for all blocks at once.
func cutPower(t *testing.T, a *agentProcess, disk *mount) (data string) {
	t.Helper()
	if err := a.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	image := filepath.Join(t.TempDir(), "cut.img")
	copyImage(t, disk.image, image)
	a.kill()
	disk.unmount(t)
	return filepath.Join(mountCopy(t, image).dir, "agent")
}

func checkSpans(t *testing.T, p *harness.Process, s *spanSender) {
	t.Helper()
	var c api.Count
	get(t, p, "/api/v1/count", url.Values{"signal": {"spans"}, "query": {"service:outage"}}, &c)
	taken, unknown := s.taken.Load(), s.unknown.Load()
	t.Logf("%d spans taken by the agent, %d more sent without an answer, %d stored", taken, unknown, c.Count)
	if n := int64(c.Count); n < taken || n > taken+unknown {
		t.Errorf("%d spans stored; %d were taken, and %d may have been", n, taken, unknown)
	}
}

// An agent that no collector listens to is killed again and again, while its files grow and are rotated: what it had read and not checkpointed it reads twice,
// and knows it. (No batch is ever sent twice here: the agent alone is held to account.)
func TestAgentKilled(t *testing.T) {
	kills := 10
	if testing.Short() {
		kills = 3
	}
	if soak {
		kills = 200
	}
	dir := t.TempDir()
	logs, data := filepath.Join(dir, "logs"), filepath.Join(dir, "agent")
	if err := os.Mkdir(logs, 0o700); err != nil {
		t.Fatal(err)
	}
	var grpc, otlp atomic.Pointer[string]
	nobody := "127.0.0.1:1"
	grpc.Store(&nobody)
	otlp.Store(&nobody)
	r, beats := startRelay(t, func() string { return *grpc.Load() }), startRelay(t, func() string { return *otlp.Load() })
	// The file consumer writes its checkpoint once it has read all there is: with this much to read, the first kills come before.
	w := &lineWriter{dir: logs, backlog: 150_000}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	written := make(chan error, 1)
	go func() { written <- w.run(ctx, 700*time.Millisecond) }()
	a := startAgent(t, data, logs, []string{r.address}, []string{beats.address})
	for range kills {
		time.Sleep(600*time.Millisecond + time.Duration(rand.IntN(500))*time.Millisecond)
		a.kill()
		a = startAgent(t, data, logs, []string{r.address}, []string{beats.address})
	}
	time.Sleep(300 * time.Millisecond)
	stop()
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	p := start(t, filepath.Join(dir, "data"), "")
	grpc.Store(&p.GRPC)
	otlp.Store(&p.OTLP)
	checkLines(t, p, a, data, filepath.Dir(logs), w.count(), w.rotated)
	// Whether a kill falls between the queue's fsync and the checkpoint is chance; agents/replay's own tests put it there.
	t.Logf("%d lines were read a second time", ledgerOf(t, data).Replayed)
}

// checkLines holds what is stored and what the agent's ledger says to what was written.
func checkLines(t *testing.T, p *harness.Process, a *agentProcess, data, dir string, n, rotated int) {
	t.Helper()
	text := func() string {
		b, _ := os.ReadFile(filepath.Join(dir, "agent.txt"))
		return string(b[max(0, len(b)-4000):])
	}
	t.Logf("%d lines written, %d rotations", n, rotated)
	var c api.Count
	within := time.Minute
	if soak {
		within = 5 * time.Minute
	}
	eventually(t, within, "as many records as lines", func() bool {
		get(t, p, "/api/v1/count", url.Values{"signal": {"logs"}, "query": {"service:outage"}}, &c)
		return int(c.Count) >= n
	})
	time.Sleep(time.Second) // for what might come a second time
	found := make([]int, n)
	line := regexp.MustCompile(`request (\d+) of user`)
	params := url.Values{"signal": {"logs"}, "query": {"service:outage"}, "order": {"asc"}, "limit": {"5000"}}
	for {
		var page api.Search
		get(t, p, "/api/v1/search", params, &page)
		for i := range page.Logs {
			m := line.FindStringSubmatch(page.Logs[i].Body)
			if m == nil {
				t.Fatalf("a record that was not written: %q", page.Logs[i].Body)
			}
			id, err := strconv.Atoi(m[1])
			if err != nil || id >= n {
				t.Fatalf("a record that was not written: %q", page.Logs[i].Body)
			}
			found[id]++
		}
		if page.Cursor == "" {
			break
		}
		params.Set("cursor", page.Cursor)
	}
	lost, twice := 0, 0
	for _, k := range found {
		if k == 0 {
			lost++
		} else if k > 1 {
			twice++
		}
	}
	if lost > 0 || twice > 0 {
		t.Errorf("%d lines lost, %d found twice\n%s", lost, twice, text())
	}
	// The agent's own counts, as they are on disk a moment later, say the same.
	eventually(t, 15*time.Second, "the agent has written down that all is acknowledged", func() bool {
		sum := ledgerOf(t, data)
		return sum.Read == uint64(n) && sum.Acked == uint64(n) && sum.Refused == nil && sum.Dropped == nil
	})
	t.Logf("ledger: %+v", ledgerOf(t, data))
	cpu, peak := usage(a.cmd.Process.Pid)
	t.Logf("agent, its last life: %v CPU, %d MB at most", cpu, peak>>20)
}

// ledgerOf adds up the counts of files in an agent's state.
func ledgerOf(t *testing.T, data string) diskqueue.Counts {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(data, "queue", "state.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		State struct{ Sources []diskqueue.Source }
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	var sum diskqueue.Counts
	for _, s := range file.State.Sources {
		if s.Kind != "file" {
			continue
		}
		sum.Read += s.Read
		sum.Queued += s.Queued
		sum.Acked += s.Acked
		sum.Replayed += s.Replayed
		for reason, n := range s.Refused {
			sum.Refused = map[string]uint64{reason: sum.Refused[reason] + n}
		}
		for reason, n := range s.Dropped {
			sum.Dropped = map[string]uint64{reason: sum.Dropped[reason] + n}
		}
	}
	return sum
}

// usage is a process's CPU time and largest resident memory.
func usage(pid int) (cpu time.Duration, peak int64) {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)) // it is only told
	if _, rest, ok := strings.Cut(string(stat), ") "); ok {
		f := strings.Fields(rest)
		user, _ := strconv.Atoi(f[11])
		system, _ := strconv.Atoi(f[12])
		cpu = time.Duration(user+system) * 10 * time.Millisecond
	}
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for l := range strings.Lines(string(status)) {
		if v, ok := strings.CutPrefix(l, "VmHWM:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(v)[0], 10, 64)
			peak = kb << 10
		}
	}
	return cpu, peak
}
