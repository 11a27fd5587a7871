// Package hits gathers the first of what matches, in the order of an answer, on several goroutines: rows and records by time, traces by their newest span that matches. A
// cursor is a place in such an order, where an answer ended and the next one begins.
//
// No more is held than the answer may need: what cannot be among the first any more is dropped, and row groups that are beyond the last of them need not be looked at.
package hits
