// Package metrics reads the rows of metrics as Prometheus reads its own storage: a Queryable over a tenant's heads and segments.
//
// What is stored is OTLP without loss; what is asked is PromQL. Between the two is a translation of names and labels; what it makes of a part is
// package stored's. Here is what is asked: which parts a query reads, here or in other processes, which of their rows, and how these become one series each. A row's
// chunk is in one of Prometheus' encodings already and is given to the engine as it is; only what PromQL sees otherwise than OTLP (classic histograms, summaries,
// deltas, points without a value) is made anew.
package metrics
