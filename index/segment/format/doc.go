// Package format is what is in a segment's two objects beside the pages (pagecode has those): the header, metadata and sections of the
// .index, the leaves and chunks of the .parquet, the texts of numbers, and the JSON objects of overflow columns. The writer appends them and the reader parses
// them, both here, so that each form stands in one place. docs/format/segment.md has the tables.
//
// Nothing here trusts what it reads: counts are checked against the bytes there are before anything is allocated by them.
package format
