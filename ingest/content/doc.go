// Package content is what a generation of a head holds: rows in a table (spans, logs), metric points by series, or a sealed segment that has taken the
// place of either. A head asks all of them in the same way, and so does who seals it.
package content
