// Package counts counts matching rows: by a field's values, by time, and by time and duration.
//
// Each goroutine that visits row groups counts on its own, and what they counted is added up at the end. Row groups all of whose rows match are often counted from the
// histograms of their codes, without reading a row. What several processes counted is put together in the same terms.
package counts
