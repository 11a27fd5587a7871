// Package parts says what there is to look at: a [View] is the parts that hold the records of a tenant, a signal and a time range, at one
// moment, no record in two of them.
//
// A [Source] gives views. [Segments] is the one over what a process has: the generations of its heads, taken first, and the catalog's segments
// after them (docs/decisions/0001). Segments are opened when a view first needs them and stay open while there is room; one that is damaged is
// set aside, so that views leave it out and say so, until it reads whole again. [Feeder] gives what segments hold to the vocabulary index.
package parts
