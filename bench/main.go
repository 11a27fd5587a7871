// Command bench measures a real clew: it starts one, makes realistic telemetry and sends it over OTLP/HTTP, waits until everything is sealed,
// compacted and the process idle, and prints CPU per record, bytes on disk, peak memory and the medians of queries whose answers it
// knows and checks, beside their targets and what others needed. The data is the same in every run, and made while it is sent: the
// bench is a process of its own, so what the kernel says of the server is the server's.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"clew/internal/harness"
)

// Counts at full scale.
const (
	logsFull    = 5_000_000
	spansFull   = 4_040_000
	hostsFull   = 200
	scrapesFull = 120
)

type options struct {
	binary, data string
	config       string
	scale        float64
	only         string
	clients      int
	runs         int
	profile      string
	keep         bool
	growth       bool
	worst        bool
	while        bool
	cluster      bool
	shards       int // of the cluster
	prometheus   string
	out          io.Writer
	idleFor      time.Duration // how long the server does nothing before it counts as done
}

func main() {
	o := options{out: os.Stdout, idleFor: idleForDefault}
	flag.StringVar(&o.binary, "clew", "bin/clew", "the binary to measure")
	flag.StringVar(&o.data, "data", "", "directory for data (default: a temporary one, removed)")
	flag.StringVar(&o.config, "config", "", "clew's configuration, a YAML file (default: its defaults)")
	flag.Float64Var(&o.scale, "scale", 1, "size of the data; targets are those of 1")
	flag.StringVar(&o.only, "only", "", "logs, spans or metrics alone; with -worst: one case")
	flag.IntVar(&o.clients, "clients", 8, "connections that send")
	flag.IntVar(&o.runs, "runs", 7, "runs of each query, after one to warm up")
	flag.StringVar(&o.profile, "profile", "", "write the server's CPU profile while it ingests, and its heap's at the largest, to files that begin so")
	flag.BoolVar(&o.keep, "keep", false, "keep the data directory")
	flag.BoolVar(&o.growth, "growth", false, "measure what ten times the log records change instead")
	flag.BoolVar(&o.worst, "worst", false, "measure data that is hard to take instead")
	flag.BoolVar(&o.while, "while", false, "measure taking in and asking at the same time instead")
	flag.BoolVar(&o.cluster, "cluster", false, "measure what a record costs by role in a cluster of processes, three NATS servers and an S3 server instead")
	flag.IntVar(&o.shards, "shards", 1, "of that cluster")
	flag.StringVar(&o.prometheus, "prometheus", "", "measure Prometheus beside it with the same metrics: its binary, or build (from tools/prometheus)")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), `Measures a real clew and prints a table of figures beside their targets.

  go run ./bench                         everything, at full size (make bench)
  go run ./bench -scale 0.1 -only spans  a tenth of the spans
  go run ./bench -only metrics -prometheus build   Prometheus beside it
  go run ./bench -growth                 50 million log records against 5 million
  go run ./bench -worst                  random lines, large lines, many attributes, many templates
  go run ./bench -while                  queries while log records come in, and the other way round
  go run ./bench -cluster -shards 2      CPU by role, bytes in NATS and S3, requests

`)
		flag.PrintDefaults()
	}
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
	fmt.Fprintf(o.out, "clew bench: scale %g, %d cores, %s, %d connections\n", o.scale, runtime.NumCPU(), runtime.Version(), o.clients)
	switch {
	case o.growth:
		return o.measureGrowth()
	case o.worst:
		return o.measureWorst()
	case o.while:
		return o.measureWhile()
	case o.cluster:
		return o.measureCluster()
	}
	t := &table{out: o.out}
	for _, c := range []corpus{newLogs(o.scaled(logsFull)), newSpans(o.scaled(spansFull)), newMetrics(o.scaled(hostsFull), scrapesFull)} {
		if o.only != "" && o.only != c.signal() {
			continue
		}
		if err := o.measure(t, c); err != nil {
			return fmt.Errorf("%s: %w", c.signal(), err)
		}
	}
	if o.scale == 1 {
		fmt.Fprintf(o.out, "\n%d targets missed\n", t.missed)
	}
	return nil
}

func (o *options) scaled(n int) int { return max(int(float64(n)*o.scale), 1) }

// start starts a clew on data and waits until it serves.
func (o *options) start(data string) (*harness.Process, error) {
	h := harness.Options{Binary: o.binary, Data: data}
	if o.config != "" {
		text, err := os.ReadFile(o.config)
		if err != nil {
			return nil, err
		}
		h.Config = string(text)
	}
	p, err := harness.Start(h)
	if err != nil {
		return nil, err
	}
	if err := p.WaitReady(readyWithin); err != nil {
		p.Kill()
		return nil, err
	}
	return p, nil
}

// measure runs one signal on a clew of its own.
func (o *options) measure(t *table, c corpus) error {
	data := filepath.Join(o.data, c.signal())
	p, err := o.start(data)
	if err != nil {
		return err
	}
	defer p.Kill()
	in, err := o.ingest(p, c)
	if err != nil {
		return err
	}
	var beside *peer
	if m, ok := c.(*metrics); ok && o.prometheus != "" {
		if beside, err = o.startPeer(); err != nil {
			return err
		}
		defer beside.process.Kill()
		if err := o.ingestPeer(beside, newMetrics(m.hosts, m.scrapes)); err != nil {
			return fmt.Errorf("prometheus: %w", err)
		}
	}
	t.head(c.signal(), in.String())
	t.ingested(in, beside)
	ask := newAsker(p)
	for _, q := range c.queries() {
		var took, theirs times
		var note string
		if beside != nil {
			took, theirs, note, err = beside.both(ask, &q, o.runs)
		} else {
			took, note, err = ask.measure(&q, o.runs)
		}
		if err != nil {
			return err
		}
		note = fmt.Sprintf("p95 %.2f; %s", ms(took.p95()), note)
		if theirs != nil {
			t.beside(q.row, ms(took.median()), ms(theirs.median()), "%.2f ms", note)
		} else {
			t.time(q.row, took.median(), note)
		}
	}
	peak, err := p.PeakBytes()
	if err != nil {
		return err
	}
	t.row("MB peak memory, queries included", float64(peak)/1e6, "%.1f", "")
	p.Kill()
	return o.firstTouch(t, c, data)
}
