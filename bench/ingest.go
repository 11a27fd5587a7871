package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"clew/internal/harness"
)

// readyWithin bounds a start.
const readyWithin = time.Minute

// ingested is what it took to take a corpus in, until everything was sealed, compacted and the server idle.
type ingested struct {
	sent
	signal     string
	cpu        time.Duration // user and system
	disk, peak int64         // bytes
	sealed     int64         // bytes of segments and of the catalog's commits
	reserve    int64         // bytes of disk that are kept whatever is stored
}

func (in *ingested) perSecond() float64 { return float64(in.records) / in.cpu.Seconds() }

func (in *ingested) String() string {
	return fmt.Sprintf("%s: %d records in %d requests, %.0f MB on the wire (%.0f bytes each), sent in %.1f s, %d refusals retried",
		in.signal, in.records, in.requests, float64(in.wire)/1e6, float64(in.wire)/float64(in.records), in.took.Seconds(), in.retries)
}

// ingest sends a corpus and waits until the server has nothing left to do.
func (o *options) ingest(p *harness.Process, c corpus) (*ingested, error) {
	return o.ingestUntil(p, c, func() {})
}

// ingestUntil is ingest that calls sent when all has been sent.
func (o *options) ingestUntil(p *harness.Process, c corpus, sent func()) (*ingested, error) {
	before, err := p.CPU()
	if err != nil {
		return nil, err
	}
	stop := o.startProfiles(p, c.signal())
	defer stop()
	in := &ingested{signal: c.signal()}
	in.sent, err = send(p, c, o.clients)
	sent()
	if err != nil {
		return nil, err
	}
	if err := p.Post(context.Background(), "/api/v1/admin/seal", nil); err != nil {
		return nil, err
	}
	stop()
	if err := waitIdle(p, o.idleFor); err != nil {
		return nil, err
	}
	after, err := p.CPU()
	if err != nil {
		return nil, err
	}
	in.cpu = after - before
	if in.disk, err = harness.DirBytes(p.Data); err != nil {
		return nil, err
	}
	for _, part := range []struct {
		to   *int64
		path []string
	}{
		{&in.sealed, []string{"segments"}}, {&in.sealed, []string{"log", "nats", "jetstream", "$G", "streams", "CLEW_COMMITS"}}, {&in.reserve, []string{"log", "RESERVE"}},
	} {
		bytes, err := harness.DirBytes(filepath.Join(p.Data, filepath.Join(part.path...)))
		if err != nil {
			return nil, err
		}
		*part.to += bytes
	}
	in.peak, err = p.PeakBytes()
	return in, err
}

const (
	profileSeconds = 30
	heapEvery      = 500 * time.Millisecond
)

// startProfiles collects profiles from the server until the returned function is called, which may be called again: CPU, for half a
// minute, and the heap whenever resident memory has grown by a twentieth.
func (o *options) startProfiles(p *harness.Process, signal string) (stop func()) {
	if o.profile == "" {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	base := "http://" + p.HTTP + "/debug/pprof/"
	wg.Go(func() {
		save(context.WithoutCancel(ctx), fmt.Sprintf("%sprofile?seconds=%d", base, profileSeconds), o.profile+signal+".cpu")
	})
	wg.Go(func() {
		largest := int64(0)
		for ctx.Err() == nil {
			if peak, err := p.PeakBytes(); err == nil && peak > largest+largest/20 {
				largest = peak
				save(ctx, base+"heap", o.profile+signal+".heap")
			}
			select {
			case <-ctx.Done():
			case <-time.After(heapEvery):
			}
		}
	})
	return sync.OnceFunc(func() {
		cancel()
		wg.Wait()
	})
}

func save(ctx context.Context, url, file string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		log.Print(err)
		return
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		if ctx.Err() == nil {
			log.Print(err)
		}
		return
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err == nil {
		err = os.WriteFile(file, data, 0o600)
	}
	if err != nil && ctx.Err() == nil {
		log.Printf("profile: %v", err)
	}
}

// firstTouches is how many restarts the first query after one is measured.
const firstTouches = 3

// firstTouch measures restarts, and the first query after each, with nothing of the data in memory.
func (o *options) firstTouch(t *table, c corpus, data string) error {
	questions := c.firstQueries()
	var restarts, touches times
	how, row := "", ""
	for i := range firstTouches {
		var err error
		if how, err = dropPageCache(data); err != nil {
			return fmt.Errorf("drop the page cache: %w", err)
		}
		started := time.Now()
		p, err := o.start(data)
		if err != nil {
			return fmt.Errorf("restart: %w", err)
		}
		restarts = append(restarts, time.Since(started))
		if len(questions) > 0 {
			q := questions[i%len(questions)]
			row = q.row
			body, took, err := newAsker(p).once(&q)
			if err == nil {
				_, err = q.check(body)
			}
			if err != nil {
				p.Kill()
				return fmt.Errorf("first %s: %w", q.row, err)
			}
			touches = append(touches, took)
		}
		p.Kill()
	}
	slices.Sort(restarts)
	slices.Sort(touches)
	if len(touches) > 0 {
		t.time(row, touches.median(), fmt.Sprintf("%.1f to %.1f; %s", ms(touches[0]), ms(touches[len(touches)-1]), how))
	}
	t.time("restart after kill -9, until ready", restarts.median(), how)
	return nil
}
