// Package metrics reads the rows of metrics as Prometheus reads its own storage: a Queryable over a tenant's heads and segments.
//
// What is stored is OTLP without loss; what is asked is PromQL. Between the two is a translation of names and labels, which is made when a part is read and
// kept for as long as there is room (index.go, translate.go): the vocabulary of a part is translated once, not each of its rows. A row's chunk is in one
// of Prometheus' encodings already and is lent to the engine as it is; only what PromQL sees otherwise than OTLP (classic histograms, summaries, deltas, points
// without a value) is made anew (decode.go).
package metrics
