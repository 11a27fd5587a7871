// Command bench measures a real clew: it starts one, sends OTLP/HTTP protobuf bodies that lie ready in memory, waits until everything is
// sealed and the process idle, and prints CPU per record, bytes on disk, peak memory and the medians of queries whose answers it checks.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"clew/internal/harness"
)

type options struct {
	binary, data string
	logs, spans  int
	clients      int
	runs         int
	profile      string
	keep         bool
}

func main() {
	var o options
	flag.StringVar(&o.binary, "clew", "bin/clew", "the binary to measure")
	flag.StringVar(&o.data, "data", "", "directory for data (default: a temporary one, removed)")
	flag.IntVar(&o.logs, "logs", 5_000_000, "log records; 0: none")
	flag.IntVar(&o.spans, "spans", 2_000_000, "spans; 0: none")
	flag.IntVar(&o.clients, "clients", 8, "connections that send")
	flag.IntVar(&o.runs, "runs", 7, "runs of each query, after one to warm up")
	flag.StringVar(&o.profile, "profile", "", "write a CPU profile of the server while it ingests to this file")
	flag.BoolVar(&o.keep, "keep", false, "keep the data directory")
	flag.Parse()
	if err := o.run(); err != nil {
		log.Fatal(err)
	}
}

func (o *options) run() error {
	if o.data == "" {
		dir, err := os.MkdirTemp("", "clew-bench-")
		if err != nil {
			return err
		}
		o.data = dir
	}
	if !o.keep {
		defer func() {
			if err := os.RemoveAll(o.data); err != nil {
				log.Print(err)
			}
		}()
	}
	g := newGenerator(1)
	if o.logs > 0 {
		bodies := g.logs(o.logs, 1000, 45*time.Minute)
		err := o.measure("logs", o.logs, bodies, logQueries(o.logs, g))
		if err != nil {
			return fmt.Errorf("logs: %w", err)
		}
	}
	if o.spans > 0 {
		bodies, traces := g.spans(o.spans, 50, 45*time.Minute)
		if err := o.measure("spans", o.spans, bodies, spanQueries(o.spans, traces)); err != nil {
			return fmt.Errorf("spans: %w", err)
		}
	}
	return nil
}

// measure runs one signal on a clew of its own.
func (o *options) measure(signal string, records int, bodies [][]byte, queries []query) error {
	var wire int64
	for _, b := range bodies {
		wire += int64(len(b))
	}
	data := o.data + "/" + signal
	p, err := harness.Start(harness.Options{Binary: o.binary, Data: data})
	if err != nil {
		return err
	}
	defer p.Kill()
	if err := p.WaitReady(30 * time.Second); err != nil {
		return err
	}
	before, err := p.CPU()
	if err != nil {
		return err
	}
	stopProfile := o.startProfile(p)
	started := time.Now()
	retries, err := send(p, "/v1/"+map[string]string{"logs": "logs", "spans": "traces"}[signal], bodies, o.clients)
	if err != nil {
		return err
	}
	sent := time.Since(started)
	if err := p.Post(context.Background(), "/api/v1/admin/seal", nil); err != nil {
		return err
	}
	if err := waitIdle(p); err != nil {
		return err
	}
	stopProfile()
	after, err := p.CPU()
	if err != nil {
		return err
	}
	cpu := after - before
	size, err := harness.DirBytes(data)
	if err != nil {
		return err
	}
	peak, err := p.PeakBytes()
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d records, %.0f MB on the wire, sent in %.1f s (%d refusals retried)\n", signal, records, float64(wire)/1e6, sent.Seconds(), retries)
	fmt.Printf("  %-40s %12.0f\n", "records per CPU-second", float64(records)/cpu.Seconds())
	fmt.Printf("  %-40s %12.2f\n", "CPU microseconds a record", cpu.Seconds()*1e6/float64(records))
	fmt.Printf("  %-40s %12.1f\n", "MB on disk", float64(size)/1e6)
	fmt.Printf("  %-40s %12.1f\n", "MB peak resident", float64(peak)/1e6)
	for _, q := range queries {
		if err := q.measure(p, o.runs); err != nil {
			return err
		}
	}
	p.Kill()
	restarted := time.Now()
	again, err := harness.Start(harness.Options{Binary: o.binary, Data: data})
	if err != nil {
		return err
	}
	defer again.Kill()
	if err := again.WaitReady(time.Minute); err != nil {
		return err
	}
	fmt.Printf("  %-40s %9.2f ms\n", "restart after kill -9, until ready", ms(time.Since(restarted)))
	return nil
}

// startProfile collects a CPU profile from the server until the returned function is called.
func (o *options) startProfile(p *harness.Process) func() {
	if o.profile == "" {
		return func() {}
	}
	done := make(chan struct{})
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	go func() {
		defer close(done)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.HTTP+"/debug/pprof/profile?seconds=30", nil)
		if err != nil {
			log.Print(err)
			return
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			log.Printf("profile: %v", err)
			return
		}
		defer res.Body.Close()
		data, err := io.ReadAll(res.Body)
		if err == nil {
			err = os.WriteFile(o.profile, data, 0o600)
		}
		if err != nil {
			log.Printf("profile: %v", err)
		}
	}()
	return func() { <-done; cancel() }
}

// send posts the bodies from several connections; a refusal (429, 503) is repeated after a while, as SDKs do.
func send(p *harness.Process, path string, bodies [][]byte, clients int) (retries int64, err error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	var next, refused atomic.Int64
	var wg sync.WaitGroup
	errs := make(chan error, clients)
	for range clients {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(bodies) {
					return
				}
				for {
					status, err := post(client, "http://"+p.OTLP+path, bodies[i])
					if err != nil {
						errs <- err
						return
					}
					if status == http.StatusOK {
						break
					}
					if status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
						errs <- fmt.Errorf("%s: status %d", path, status)
						return
					}
					refused.Add(1)
					time.Sleep(time.Second)
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	return refused.Load(), <-errs
}

func post(client *http.Client, url string, body []byte) (int, error) {
	res, err := client.Post(url, "application/x-protobuf", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}

// waitIdle waits until the process uses less than 2 % of a core for a second.
func waitIdle(p *harness.Process) error {
	deadline := time.Now().Add(5 * time.Minute)
	for time.Now().Before(deadline) {
		a, err := p.CPU()
		if err != nil {
			return err
		}
		time.Sleep(time.Second)
		b, err := p.CPU()
		if err != nil {
			return err
		}
		if b-a <= 20*time.Millisecond {
			return nil
		}
	}
	return errors.New("the process is not idle after 5 minutes")
}

// query is a question with a known answer.
type query struct {
	name   string
	path   string
	params url.Values
	want   uint64 // of "count"; 0: not checked
}

func count(name, signal, text string, want uint64) query {
	return query{name, "/api/v1/count", url.Values{"signal": {signal}, "query": {text}}, want}
}

func logQueries(n int, g *generator) []query {
	return []query{
		count("count of all", "logs", "", uint64(n)),
		count("count of a rare word", "logs", "zanzibar", g.rare),
		count("count of a common word", "logs", "timeout", 0),
		count("count of a phrase", "logs", `"circuit breaker opened"`, g.phrase),
		count("count of a regex (words and numbers)", "logs", `/retry [0-9]+ of 5 failed/`, g.retry),
		count("count of a regex (short literal)", "logs", `/m[a-z]ss for key cart:99[0-9]{3}/`, 0),
		count("count of a substring inside words", "logs", `/nnectionRese/`, g.reset),
		{"count by service", "/api/v1/count", url.Values{"signal": {"logs"}, "by": {"service"}}, uint64(n)},
		{"severity histogram, 5 minutes", "/api/v1/histogram", url.Values{"signal": {"logs"}, "by": {"severity"}, "step": {"5m"}}, 0},
		{"last 100 errors of a service", "/api/v1/search", url.Values{"signal": {"logs"}, "query": {"service:cart severity:error"}, "limit": {"100"}}, 0},
	}
}

func spanQueries(n int, traces []string) []query {
	qs := []query{
		count("count of all", "spans", "", uint64(n/spansPerTrace*spansPerTrace)),
		count("spans of a service over a duration", "spans", "service:cart duration>500ms", 0),
		{"count by service", "/api/v1/count", url.Values{"signal": {"spans"}, "by": {"service"}}, 0},
		{"20 newest errors of a service", "/api/v1/search", url.Values{"signal": {"spans"}, "query": {"service:cart status:error"}, "limit": {"20"}}, 0},
	}
	if len(traces) > 0 {
		qs = append(qs, query{"trace by id", "/api/v1/traces/" + traces[len(traces)/2], url.Values{}, 0})
	}
	return qs
}

func (q *query) measure(p *harness.Process, runs int) error {
	var times []time.Duration
	var answer struct {
		Count *uint64 `json:"count"`
	}
	for i := range runs + 1 {
		started := time.Now()
		if err := p.Get(context.Background(), q.path, q.params, &answer); err != nil {
			return fmt.Errorf("%s: %w", q.name, err)
		}
		if i > 0 {
			times = append(times, time.Since(started))
		}
	}
	slices.Sort(times)
	note := ""
	if answer.Count != nil {
		note = strconv.FormatUint(*answer.Count, 10)
		if q.want > 0 && *answer.Count != q.want {
			return fmt.Errorf("%s: counted %d, want %d", q.name, *answer.Count, q.want)
		}
	}
	fmt.Printf("  %-40s %9.2f ms   (p95 %.2f) %s\n", q.name, ms(times[len(times)/2]), ms(times[len(times)*95/100]), note)
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
