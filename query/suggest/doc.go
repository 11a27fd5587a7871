// Package suggest helps who writes queries: what may have been meant by one that finds nothing, and how a field or value that was begun goes on.
//
// Both are made of questions that an engine answers anyway (counts, values, fields, words near another), so that they hold over all processes that the engine asks.
package suggest
