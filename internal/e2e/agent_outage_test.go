package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"clew/agents/diskqueue"
	"clew/internal/harness"
	"clew/query/api"
)

// Collectors are lost one by one and all together, killed while they receive; the agent is killed in the middle, and its files are rotated: every line that
// was written is stored once.
func TestAgentOutage(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	step := 2 * time.Second
	if soak {
		step = time.Minute // ten minutes without a collector
	}
	dir := t.TempDir()
	logs, data := filepath.Join(dir, "logs"), filepath.Join(dir, "agent")
	if err := os.Mkdir(logs, 0o700); err != nil {
		t.Fatal(err)
	}
	server := filepath.Join(dir, "data")
	p := start(t, server, "")
	grpc, otlp := p.GRPC, p.OTLP
	var relays []*relay
	var collectors, heartbeats []string
	beats := startRelay(t, func() string { return otlp })
	for range 3 {
		r := startRelay(t, func() string { return grpc })
		relays = append(relays, r)
		collectors = append(collectors, r.address)
		heartbeats = append(heartbeats, beats.address)
	}
	w := &lineWriter{dir: logs}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	written := make(chan error, 1)
	go func() { written <- w.run(ctx, step+step/3) }()
	a := startAgent(t, data, logs, collectors, heartbeats)
	restart := func() {
		a.kill()
		a = startAgent(t, data, logs, collectors, heartbeats)
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
	grpc, otlp = "127.0.0.1:1", "127.0.0.1:1" // nobody
	outage := time.Now()
	time.Sleep(2 * step)
	restart()
	time.Sleep(2 * step)
	restart()
	time.Sleep(step)
	p = start(t, server, "")
	t.Logf("an outage of %v", time.Since(outage).Round(time.Second))
	grpc, otlp = p.GRPC, p.OTLP
	time.Sleep(step)
	p.Kill() // while it takes what has waited
	p = start(t, server, "")
	grpc, otlp = p.GRPC, p.OTLP
	time.Sleep(step / 2)
	restart()
	time.Sleep(step / 2)
	stop()
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
	checkLines(t, p, a, data, w.count(), w.rotated, numbersAreKnown(t, p))
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
	grpc, otlp := "127.0.0.1:1", "127.0.0.1:1" // nobody
	r, beats := startRelay(t, func() string { return grpc }), startRelay(t, func() string { return otlp })
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
	grpc, otlp = p.GRPC, p.OTLP
	checkLines(t, p, a, data, w.count(), w.rotated, true)
	// Whether a kill falls between the queue's fsync and the checkpoint is chance; agents/replay's own tests put it there.
	t.Logf("%d lines were read a second time", ledgerOf(t, data).Replayed)
}

// numbersAreKnown says whether this collector accounts for numbered batches at all.
func numbersAreKnown(t *testing.T, p *harness.Process) bool {
	t.Helper()
	res, err := http.Post("http://"+p.OTLP+"/api/v1/agents/heartbeat", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode != http.StatusNotFound
}

// checkLines holds what is stored and what the agent's ledger says to what was written.
func checkLines(t *testing.T, p *harness.Process, a *agentProcess, data string, n, rotated int, exact bool) {
	t.Helper()
	text := func() string {
		b, _ := os.ReadFile(filepath.Join(filepath.Dir(data), "agent.txt"))
		return string(b[max(0, len(b)-4000):])
	}
	t.Logf("%d lines written, %d rotations", n, rotated)
	var c api.Count
	eventually(t, time.Minute, "as many records as lines", func() bool {
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
	if lost > 0 || (twice > 0 && exact) {
		t.Errorf("%d lines lost, %d found twice\n%s", lost, twice, text())
	} else if twice > 0 {
		t.Logf("%d lines twice: this collector does not account for numbered batches", twice)
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

// ledgerOf adds up the counts in an agent's state.
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
