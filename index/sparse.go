package index

import "context"

// SparseReader is a Part that can go through the values of a column that few rows have without making a place for every row.
type SparseReader interface {
	// EachText calls f with each row of row group rg that has a value in col, ascending, and the value's text (see KindValue), which is good until
	// f returns. ok is false, and f was not called, for columns that are kept otherwise.
	EachText(ctx context.Context, col, rg int, f func(row int, text []byte)) (ok bool, err error)
}
