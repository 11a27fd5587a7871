// Package engine answers queries over the parts of a view: sealed segments and the generations of heads.
//
// A query is lowered once to a plan, which is bound to every part that may match, and what is left of it then runs row group by row group: see
// package match. The index prunes, the text decides: answers are exact.
//
// A query waits for its turn (admission.go), takes a view, and works on row groups with as many goroutines as there are workers (engine.go).
// Operations (op_*.go) differ in what they do with the rows that match. Counting often reads none: histograms tell.
//
// Where several processes hold the records, each answers about its share, and operations put these answers together (cluster*.go).
//
// Every answer carries its [Stats]. A part that cannot be read is left out and named there; the answer is then partial, never
// silently smaller.
package engine
