// Package segment writes and reads sealed parts. A segment is two objects with a common name: <id>.parquet holds the rows and stands alone
// for any Parquet reader; <id>.index holds what makes it searchable.
//
//	.parquet   PAR1 | row group 0: leaf 0, leaf 1, ... | row group 1 ... | footer
//	           a value column is one leaf (dictionary), a text column several: templates (dictionary), and one leaf per hole position
//	.index     header | metadata: columns, leaves, row groups, where each chunk is and its CRC32C, where each section is and its CRC32C
//	           | vocabularies | histograms | filters
//
// Write takes parts (heads, or segments when compacting) and goes over their rows once: it merges vocabularies, orders the rows, decides
// what kind each column is by counting, and writes row group after row group, column after column. A row group's dictionary
// has its entries in the order of the histogram's codes. So a reader gets codes from the indices and the histogram alone, and
// of the column by which the rows are sorted, from the histogram without any page.
//
// Segment is the reader. It checks the CRC32C of all bytes before any decoder sees them, decodes on the caller's goroutine, and answers what
// is not as it was written with *index.DamageError. docs/format/segment.md describes every byte.
package segment
