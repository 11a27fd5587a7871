// Package match finds the rows of a part that match a query, and reads what is asked of them.
//
// A [Plan] is a query with its meaning settled: which columns each leaf of it asks, and what. For each part it is rewritten by what the part
// knows ([Bind]): a column it lacks, a value its vocabulary lacks, an id its filter lacks make a leaf "never", constants fold upwards, and what
// folds to "never" is not looked at any further. What is left runs row group by row group ([Scan]), cheap things first: histograms, codes,
// numbers, raw values; only texts that may match are rebuilt and tested. The index prunes, the text decides: answers are exact.
//
// Rows that match become whole records ([Bound.Materialize]), or single columns of them are read ([ColumnReader]), or they are numbered by the
// value of a field ([Keyer]). A few rows are read by pages, more of them by whole row groups.
//
// It knows one part at a time. Which parts there are, what may be spent on them and what becomes of the rows is the engine's.
package match
