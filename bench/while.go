package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"clew/internal/harness"
)

const (
	// whileRecords are sent in each of the three steps.
	whileRecords = 1_000_000
	// whileShare is the part of the full rate that is sent while queries are timed.
	whileShare = 0.3
	// whileEvery paces the steady load of queries: a few people at dashboards.
	whileEvery = 100 * time.Millisecond
)

// measureWhile prints what taking in and asking do to each other: queries' times while a share of the rate that the machine can take comes in, and what a
// record costs while queries are asked all the time.
func (o *options) measureWhile() error {
	n := o.scaled(whileRecords)
	p, err := o.start(filepath.Join(o.data, "while"))
	if err != nil {
		return err
	}
	defer p.Kill()
	first := newLogs(n)
	alone, err := o.ingest(p, first)
	if err != nil {
		return err
	}
	rate := float64(alone.records) / alone.took.Seconds()
	ask, queries := newAsker(p), first.queries()
	quiet := make([]times, len(queries))
	for i, q := range queries {
		if quiet[i], _, err = ask.measure(&q, o.runs); err != nil {
			return err
		}
	}
	during, shared, err := o.askWhile(p, &paced{corpus: newLogs(n), rate: whileShare * rate}, queries, 0)
	if err != nil {
		return err
	}
	_, loaded, err := o.askWhile(p, newLogs(n), queries, whileEvery)
	if err != nil {
		return err
	}
	fmt.Fprintf(o.out, "\n%d log records three times: alone (%.0f a second), at %.0f a second while one client asks without a pause, and as fast as it goes with %.0f queries a second\n\n",
		n, rate, float64(shared.records)/shared.took.Seconds(), float64(time.Second/whileEvery))
	const format = "| %-44s | %12s | %12s | %12s | %6s |\n"
	fmt.Fprintf(o.out, format, "query", "quiet, ms", "during, ms", "p95", "ratio")
	fmt.Fprintf(o.out, format, "---", "---:", "---:", "---:", "---:")
	for i, q := range queries {
		slices.Sort(during[i])
		if len(during[i]) == 0 {
			continue
		}
		a, b := ms(quiet[i].median()), ms(during[i].median())
		fmt.Fprintf(o.out, format, q.row, fmt.Sprintf("%.2f", a), fmt.Sprintf("%.2f", b), fmt.Sprintf("%.2f", ms(during[i].p95())), fmt.Sprintf("%.2f", b/a))
	}
	fmt.Fprintf(o.out, "\nrecords per CPU-second, queries' CPU included: %.0f alone, %.0f with the steady load (%.2f)\n", alone.perSecond(), loaded.perSecond(), loaded.perSecond()/alone.perSecond())
	return nil
}

// askWhile takes a corpus in while queries are asked by turns, one every so often (0: without a pause), until all is sent. Their answers grow meanwhile, so only
// that they come is checked.
func (o *options) askWhile(p *harness.Process, c corpus, queries []query, every time.Duration) (took []times, in *ingested, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	took = make([]times, len(queries))
	ask := newAsker(p)
	var failed error
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ctx.Err() == nil; i = (i + 1) % len(queries) {
			_, t, err := ask.once(&queries[i])
			if err != nil {
				failed = fmt.Errorf("%s: %w", queries[i].row, err)
				return
			}
			took[i] = append(took[i], t)
			select {
			case <-ctx.Done():
			case <-time.After(max(0, every-t)):
			}
		}
	})
	in, err = o.ingestUntil(p, c, func() {
		cancel()
		wg.Wait()
	})
	if err == nil {
		err = failed
	}
	return took, in, err
}

// paced is a corpus that comes at a rate, in records a second.
type paced struct {
	corpus
	rate    float64
	started time.Time
	sent    int
}

func (c *paced) next(buf []byte) (request []byte, records int) {
	if c.started.IsZero() {
		c.started = time.Now()
	}
	time.Sleep(time.Until(c.started.Add(time.Duration(float64(c.sent) / c.rate * float64(time.Second)))))
	request, records = c.corpus.next(buf)
	c.sent += records
	return request, records
}
