// Package engine answers queries over the parts of a view: sealed segments and the generations of heads.
//
// A query is lowered once to a plan: which columns each leaf of it asks, and what. For each part the plan is rewritten by what the
// part knows (bind.go): a column it lacks, a value its vocabulary lacks, an id its filter lacks make a leaf "never", constants
// fold upwards, and what folds to "never" is not looked at any further. What is left runs row group by row group (scan.go), cheap things
// first: histograms, codes, numbers, raw values; only texts that may match are rebuilt and tested. The index prunes, the text
// decides: answers are exact.
//
// Operations (op_*.go) differ in what they do with the rows that match. Counting often reads none: histograms tell.
//
// Every answer carries its [Stats]. A part that cannot be read is left out and named there; the answer is then partial, never
// silently smaller.
package engine
