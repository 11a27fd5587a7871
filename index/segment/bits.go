package segment

import "unsafe"

// int64Bits and float64Bits look at numbers as their bits, without copying: the types have the same size and alignment.
func int64Bits(v []int64) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(v))), len(v))
}

func float64Bits(v []float64) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(v))), len(v))
}

// bitsInt64 and bitsFloat64 are their inverses.
func bitsInt64(v []uint64) []int64 {
	return unsafe.Slice((*int64)(unsafe.Pointer(unsafe.SliceData(v))), len(v))
}

func bitsFloat64(v []uint64) []float64 {
	return unsafe.Slice((*float64)(unsafe.Pointer(unsafe.SliceData(v))), len(v))
}

// bitmap grows a validity bitmap for rows, all zero, in b's memory if it fits.
func bitmap(b []uint64, rows int) []uint64 {
	words := (rows + 63) / 64
	if cap(b) < words {
		return make([]uint64, words)
	}
	b = b[:words]
	clear(b)
	return b
}

// resized returns a slice of n elements, in s's memory if they fit. Their values are arbitrary.
func resized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
