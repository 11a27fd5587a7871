package format

import "unsafe"

// Int64Bits looks at numbers as their bits, without copying: the types have the same size and alignment.
func Int64Bits(v []int64) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(v))), len(v))
}

// Float64Bits is Int64Bits for doubles.
func Float64Bits(v []float64) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(v))), len(v))
}

// BitsInt64 is the inverse of Int64Bits.
func BitsInt64(v []uint64) []int64 {
	return unsafe.Slice((*int64)(unsafe.Pointer(unsafe.SliceData(v))), len(v))
}

// BitsFloat64 is the inverse of Float64Bits.
func BitsFloat64(v []uint64) []float64 {
	return unsafe.Slice((*float64)(unsafe.Pointer(unsafe.SliceData(v))), len(v))
}

// Bitmap grows a validity bitmap for rows, all zero, in b's memory if it fits.
func Bitmap(b []uint64, rows int) []uint64 {
	words := (rows + 63) / 64
	if cap(b) < words {
		return make([]uint64, words)
	}
	b = b[:words]
	clear(b)
	return b
}

// Resized returns a slice of n elements, in s's memory if they fit. Their values are arbitrary.
func Resized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
