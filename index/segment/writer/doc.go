// Package writer makes the two objects of a segment out of parts.
//
// What the columns are is decided first, by counting: their kinds, their leaves in the Parquet file, and the order of the rows, which are numbered over
// all parts. Then the row groups are written one after the other, and in each the leaves: the rows of a leaf are gathered from where they are, and become pages
// at once. So memory holds the order, the merged vocabularies, and one column of one row group.
package writer
