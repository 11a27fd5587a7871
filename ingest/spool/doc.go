// Package spool keeps segments on the local disk that wait for their upload to a store that is not here.
//
// Sealing is local then: it goes on while the store is away, frees the heads' memory, and what waits stays searchable. A local segment is uncommitted,
// and the log keeps its records: the spool may be lost at any time, and what a crash leaves in it is removed at the next start.
package spool
