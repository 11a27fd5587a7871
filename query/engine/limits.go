package engine

import (
	"errors"
	"runtime"
	"time"
)

// Limits bound what queries may take, so that one of them cannot starve the others or the process.
type Limits struct {
	// Workers is how many row groups are worked on at once, over all queries: the work is CPU-bound.
	Workers int
	// Queries is how many queries that read much run at once, half of them of one tenant at the most; further ones wait for their turn. Of
	// those that read little (LightBytes), lightShare times as many.
	Queries int
	// Memory is about how many bytes one query may take at once, for the columns it has decoded and the records it gathers, MemoryTotal how
	// many all may together. (What the cache keeps is not counted: it has a bound of its own.)
	Memory      int
	MemoryTotal int64
	// LightBytes is how many bytes of columns a query may look at and still be light: a tenth of a second's work.
	LightBytes int64
	// ScanBytes is how many bytes of decoded columns a query may have to look at, as far as its plan tells: what would not be done by its
	// deadline is refused at once.
	ScanBytes int64
	// Wait is how long a query waits for its turn before it gets ErrBusy.
	Wait time.Duration
	// Deadline is how long a query may take if its context says nothing shorter.
	Deadline time.Duration
	// Records is the most records one answer holds; a cursor gives the rest.
	Records int
	// RecordBytes is about how much memory one answer's records may take: an answer that reaches it ends early, with a cursor.
	RecordBytes int
	// Groups is how many distinct values may be counted. Beyond it a query fails: the counts of some values would be wrong.
	Groups int
	// Buckets is how many buckets a histogram may have, and Cells how many over all its groups.
	Buckets int
	Cells   int
	// TraceSpans is how many spans (and as many log records) a trace's answer holds.
	TraceSpans int
	// SkeletonSpans is how many spans (and Records how many log records) a trace's skeleton holds: 250,000 take about 30 MB.
	SkeletonSpans int
	// Traces is the most traces that one answer lists.
	Traces int
	// CacheBytes is for the answers of vocabularies that do not change.
	CacheBytes int
}

// DefaultLimits suit a process that shares its machine with ingest.
func DefaultLimits() Limits {
	return Limits{
		Workers:     runtime.GOMAXPROCS(0),
		Queries:     16,
		Memory:      512 << 20,
		MemoryTotal: 1 << 30,
		LightBytes:  128 << 20,
		ScanBytes:   64 << 30, // two cores look at about a gigabyte a second
		Wait:        10 * time.Second,
		Deadline:    60 * time.Second,
		Records:     10_000,
		RecordBytes: 64 << 20,
		Groups:      200_000,
		Buckets:     11_000, // as many as Prometheus gives points to a series
		Cells:       2_000_000,
		TraceSpans:  100_000,

		SkeletonSpans: 250_000,
		Traces:        1000,

		CacheBytes: 32 << 20, // fastcache's smallest
	}
}

// ErrBusy says that too many queries are running: try again.
var ErrBusy = errors.New("too many queries are running")

const (
	// acceleratedMin is how many entries a vocabulary must have for the index to be asked: below, trying all takes less than a millisecond.
	acceleratedMin = 20_000
	// nearWordsMax is how many words near another the vocabulary index is asked for, nearEntriesMax how many entries of vocabularies are compared without it, at about a
	// microsecond each.
	nearWordsMax   = 5
	nearEntriesMax = 200_000
	// usageRowsMax bounds the services, fields or templates that usage keeps apart, usageNameBytes what is shown of one.
	usageRowsMax   = 100_000
	usageNameBytes = 500
	// traceSlack is how many traces more than needed are looked for behind a cursor, where some may turn out to have been shown, traceRounds
	// how often more are looked for, and tracesAtOnce how many at once: each takes some 100 bytes and a look at a filter per row group.
	traceSlack   = 200
	traceRounds  = 8
	tracesAtOnce = 10_000
	// traceMargin is how far from its matching spans the spans of a trace are looked for when traces are listed.
	traceMargin = time.Hour
	// seenSpansMax is how many spans of listed traces are told apart, at about 20 bytes each; beyond, repetitions are counted.
	seenSpansMax = 2 << 20
	// spansOfIDMax is how many spans of one id are shown.
	spansOfIDMax = 100
	// lightShare is how many times as many light queries run at once as heavy ones: each takes a few milliseconds.
	lightShare = 4
	// explainedPartsMax is of how many parts Explain tells.
	explainedPartsMax = 1000
	// materializeRows is how many rows are made records at a time: it bounds what a choice among many rows of the same time takes.
	materializeRows = 2048
)

// orDefault fills what is zero.
func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	for _, x := range []struct{ have, want *int }{
		{&l.Workers, &d.Workers},
		{&l.Queries, &d.Queries},
		{&l.Memory, &d.Memory},
		{&l.Records, &d.Records},
		{&l.RecordBytes, &d.RecordBytes},
		{&l.Groups, &d.Groups},
		{&l.Buckets, &d.Buckets},
		{&l.Cells, &d.Cells},
		{&l.TraceSpans, &d.TraceSpans},
		{&l.SkeletonSpans, &d.SkeletonSpans},
		{&l.Traces, &d.Traces},
		{&l.CacheBytes, &d.CacheBytes},
	} {
		if *x.have == 0 {
			*x.have = *x.want
		}
	}
	if l.MemoryTotal == 0 {
		l.MemoryTotal = d.MemoryTotal
	}
	if l.LightBytes == 0 {
		l.LightBytes = d.LightBytes
	}
	if l.ScanBytes == 0 {
		l.ScanBytes = d.ScanBytes
	}
	if l.Wait == 0 {
		l.Wait = d.Wait
	}
	if l.Deadline == 0 {
		l.Deadline = d.Deadline
	}
	return l
}
