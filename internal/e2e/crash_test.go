package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"clew/query/api"
)

// sealOften makes seals, commits and trims happen all the time, so that kills hit them.
const sealOften = "ingest: {seal_rows: 3000, seal_after: 1s}\n"

// Kill -9 at random moments under load: after each restart everything acknowledged is there, and nothing twice.
func TestKill9(t *testing.T) {
	kills := 20
	if testing.Short() {
		kills = 5
	}
	if soak {
		kills = 200
	}
	data, l := tempData(t), newLedger()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for i := range kills {
		p := start(t, data, sealOften)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { l.load(ctx, p, 4); close(done) }()
		time.Sleep(time.Duration(50+rng.IntN(1500)) * time.Millisecond)
		p.Kill()
		cancel()
		<-done
		if (i+1)%10 == 0 || i == kills-1 {
			p := start(t, data, sealOften)
			l.check(t, p)
			p.Kill()
		}
	}
}

// Power cut: an ext4 file system on a loop device with direct I/O; its image is copied while clew writes (what has not reached the
// device is not in the copy), mounted anew, and everything acknowledged before the copy began is in it.
func TestPowerCut(t *testing.T) {
	m := mountImage(t, 600<<20)
	config := sealOften + "log: {free_bytes_min: 40000000}\n"
	rounds := 3
	if soak {
		rounds = 20
	}
	l := newLedger()
	p := start(t, filepath.Join(m.dir, "data"), config)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan struct{})
	go func() { l.load(ctx, p, 4); close(done) }()
	for i := range rounds {
		time.Sleep(2 * time.Second)
		before := l.snapshot()
		image := filepath.Join(t.TempDir(), fmt.Sprintf("cut-%d.img", i))
		// Paused, so that the copy is of one moment: power goes for all blocks at once.
		if err := p.Pause(); err != nil {
			t.Fatal(err)
		}
		after := l.snapshot()
		copyImage(t, m.image, image)
		if err := p.Resume(); err != nil {
			t.Fatal(err)
		}
		cut := mountCopy(t, image)
		q := start(t, filepath.Join(cut.dir, "data"), config)
		before.checkWithin(t, q, after, l)
		q.Kill()
		cut.unmount(t)
		os.Remove(image)
	}
	cancel()
	<-done
	l.check(t, p)
}

// A full disk: clew refuses with 429 before anything breaks, says so, and takes records again by itself once there is room.
func TestDiskFull(t *testing.T) {
	m := mountImage(t, 160<<20)
	config := sealOften + "log: {free_bytes_min: 40000000}\n"
	l := newLedger()
	p := start(t, filepath.Join(m.dir, "data"), config)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	l.load(ctx, p, 2)
	cancel()
	acked, _ := l.count("logs")
	if acked == 0 {
		t.Fatal("nothing acknowledged before the disk was full")
	}

	ballast := filepath.Join(m.dir, "ballast")
	if out, err := exec.Command("sh", "-c", fmt.Sprintf("dd if=/dev/zero of=%s bs=1M 2>/dev/null; sync", ballast)).CombinedOutput(); err != nil {
		t.Logf("dd: %v %s", err, out) // it ends when the disk is full
	}
	refusedBefore := l.refused.Load()
	ctx, cancel = context.WithTimeout(context.Background(), 3*time.Second)
	l.load(ctx, p, 2)
	cancel()
	if l.refused.Load() == refusedBefore {
		t.Errorf("no request was refused while the disk was full\n%s", p.Output())
	}
	status, text := postJSON(t, p.OTLP, "/v1/logs", `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"}}]}]}]}`)
	if status != 429 || !strings.Contains(text, "disk") {
		t.Errorf("full disk: status %d: %s; want 429 that says disk", status, text)
	}

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	ackedFull, _ := l.count("logs")
	eventually(t, 30*time.Second, "records are taken again", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		defer cancel()
		l.load(ctx, p, 2)
		acked, _ := l.count("logs")
		return acked > ackedFull+10*int(l.logs)
	})
	l.check(t, p)
	p.Kill()
	q := start(t, filepath.Join(m.dir, "data"), config)
	l.check(t, q)
}

// A counter asks all the while: counts never go back, never exceed what was sent, and are exact whenever sending pauses, while heads are
// sealed underneath, when all is sealed, and after kill -9.
func TestCountsWhileSealing(t *testing.T) {
	target := int64(400_000)
	config := "ingest: {seal_rows: 50000, seal_after: 2s}\n"
	if soak {
		target, config = 7_000_000, "" // the defaults
	}
	data, l := tempData(t), newLedger()
	l.logs, l.spans = 1000, 400
	p := start(t, data, config)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var asked, partial atomic.Int64
	rest := sync.OnceFunc(func() {
		close(stop)
		wg.Wait()
	})
	defer rest()
	for _, signal := range []string{"logs", "spans"} {
		wg.Go(func() {
			var last uint64
			for {
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
				}
				var c api.Count
				if err := p.Get(context.Background(), "/api/v1/count", url.Values{"signal": {signal}}, &c); err != nil {
					t.Errorf("count %s: %v", signal, err)
					return
				}
				if c.Stats.Partial { // on a busy machine records may wait to be read
					partial.Add(1)
					continue
				}
				if c.Count < last || c.Count > uint64(l.next.Load()) {
					t.Errorf("count of %s went from %d to %d, %d ids given out", signal, last, c.Count, l.next.Load())
					return
				}
				last = c.Count
				asked.Add(1)
			}
		})
	}
	for l.next.Load() < target {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		l.load(ctx, p, 4)
		cancel()
		l.exactly(t, p, "while sealing")
	}
	if err := p.Post(t.Context(), "/api/v1/admin/seal", nil); err != nil {
		t.Fatal(err)
	}
	l.exactly(t, p, "sealed")
	rest()
	t.Logf("%d counts while records moved, and %d partial ones", asked.Load(), partial.Load())
	p.Kill()
	restarted := time.Now()
	p = start(t, data, config)
	t.Logf("ready %v after kill -9, %d ids given out", time.Since(restarted).Round(time.Millisecond), l.next.Load())
	l.exactly(t, p, "after kill -9")
	if !soak { // reading millions of records back is for the counts to save us from
		l.check(t, p)
	}
}

// Killed in the middle of a lot of telemetry, with full heads and the log of all that is not sealed yet, clew is ready again within five seconds and
// has everything.
func TestRestartUnderLoad(t *testing.T) {
	target := int64(1_000_000)
	if soak {
		target = 8_000_000 // a gigabyte on the wire
	}
	data, l := tempData(t), newLedger()
	l.logs, l.spans = 1000, 400
	p := start(t, data, "")
	for l.next.Load() < target {
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		l.load(ctx, p, 4)
		cancel()
	}
	p.Kill()
	restarted := time.Now()
	q := start(t, data, "")
	took := time.Since(restarted)
	t.Logf("ready %v after kill -9, %d ids given out", took.Round(time.Millisecond), l.next.Load())
	used, err := q.CPU()
	if err != nil {
		t.Fatal(err)
	}
	if took > 5*time.Second && used > 5*time.Second { // others may have the machine
		t.Errorf("ready after %v and %v of CPU, want at most 5s", took, used)
	}
	for _, signal := range []string{"logs", "spans"} {
		acked, unknown := l.count(signal)
		var c api.Count
		get(t, q, "/api/v1/count", url.Values{"signal": {signal}}, &c)
		if int(c.Count) < acked || int(c.Count) > acked+unknown {
			t.Errorf("%d %s, want the %d acknowledged and at most %d more", c.Count, signal, acked, unknown)
		}
	}
}
