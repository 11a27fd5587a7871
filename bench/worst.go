package main

import (
	"fmt"
	"os"
	"path/filepath"
)

const (
	// worstShare is what hard data may lose against normal data, in records per CPU-second, or in bytes where lines are large.
	worstShare = 1.0 / 3
	// worstMB bounds memory under hard data, as under normal data.
	worstMB = 700
	// normalRecords are compared with; as many as the cases have.
	normalRecords = 500_000
)

// measureWorst prints a row for each case that the flag -only selects.
func (o *options) measureWorst() error {
	normal, err := o.worstStep("normal", newLogs(o.scaled(normalRecords)))
	if err != nil {
		return err
	}
	const format = "| %-40s | %-32s | %10s | %10s | %8s | %-4s | %8s | %8s | %8s | %s |\n"
	fmt.Fprintf(o.out, format, "data", "", "per CPU-s", "MB/CPU-s", "share", "", "MB disk", "MB peak", "asked", "queries, slowest median")
	fmt.Fprintf(o.out, format, "---", "---", "---:", "---:", "---:", "---", "---:", "---:", "---:", "---")
	print := func(name, note string, in *measured, share float64) {
		verdict := "met"
		if share < worstShare || float64(in.peak)/1e6 > worstMB {
			verdict = "MISS"
		}
		fmt.Fprintf(o.out, format, name, note, fmt.Sprintf("%.0f", in.perSecond()), fmt.Sprintf("%.1f", in.bytesPerSecond()/1e6),
			fmt.Sprintf("%.2f", share), verdict, fmt.Sprintf("%.1f", float64(in.disk)/1e6), fmt.Sprintf("%.1f", float64(in.peak)/1e6), fmt.Sprintf("%.1f", float64(in.asked)/1e6),
			fmt.Sprintf("%d right, %s %.1f ms", in.queries, in.slowest, in.slowestMs))
	}
	print("normal", "", normal, 1)
	for _, c := range worstCases {
		if o.only != "" && o.only != c.name {
			continue
		}
		in, err := o.worstStep(c.name, newWorst(c, o.scaled(c.records)))
		if err != nil {
			return err
		}
		share := in.perSecond() / normal.perSecond()
		if c.perByte {
			share = in.bytesPerSecond() / normal.bytesPerSecond()
		}
		print(c.name, c.note, in, share)
	}
	return nil
}

// measured is a corpus taken in and asked.
type measured struct {
	ingested
	queries   int
	slowest   string
	slowestMs float64
	asked     int64 // peak memory, queries included
}

func (in *ingested) bytesPerSecond() float64 { return float64(in.wire) / in.cpu.Seconds() }

// worstStep takes a corpus in and checks its queries' answers.
func (o *options) worstStep(name string, c corpus) (*measured, error) {
	data := filepath.Join(o.data, "worst")
	defer os.RemoveAll(data) //nolint:errcheck // the directory above goes as well, and says why it cannot
	p, err := o.start(data)
	if err != nil {
		return nil, err
	}
	defer p.Kill()
	in, err := o.ingest(p, c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	out := &measured{ingested: *in}
	ask := newAsker(p)
	for _, q := range c.queries() {
		t, _, err := ask.measure(&q, o.runs)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out.queries++
		if m := ms(t.median()); m > out.slowestMs {
			out.slowest, out.slowestMs = q.row, m
		}
	}
	out.asked, err = p.PeakBytes()
	return out, err
}
