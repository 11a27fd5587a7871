// Package red counts spans and log records while they are in a head: calls, errors and durations (RED) by service and operation, and log records by service,
// severity and template. What it counts are metrics like any others: rows of the metrics signal.
//
// A Tally belongs to one generation of a head. It reads the generation's rows, each once, and counts them in buckets of ten seconds of the records' own time.
// Its Part is sealed beside the generation's rows and committed with them, in one step: so whatever a crash cuts, a record is counted if it is
// stored, and once if it is stored once. A late record is counted in its own bucket, by the generation that it came in: buckets are deltas, and what
// several parts say of one bucket is summed when it is read (query/metrics), as a counter.
//
//	spans  traces.span.metrics.duration  exponential histogram, s, delta   service.name; span.name, span.kind, status.code
//	logs   clew.log.records              monotonic sum, delta              service.name; severity, template
//
// The calls are the histogram's count; they are kept nowhere else.
package red
