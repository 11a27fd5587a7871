package format

// Times are kept in the coarsest of nanoseconds, microseconds and milliseconds that loses nothing in the whole segment. Many senders
// know no better than milliseconds; the 20 bits of zeros that nanoseconds add to each are no pattern that a compressor finds.

// ExponentMax is for milliseconds: 10^6 nanoseconds.
const ExponentMax = 6

// UnitOf is how many nanoseconds 10^exponent are.
func UnitOf(exponent uint8) int64 {
	switch exponent {
	case ExponentMax:
		return 1_000_000
	case 3:
		return 1_000
	}
	return 1
}

// ScaleDown divides times by a unit that divides them all; ScaleUp is its inverse.
func ScaleDown(times []int64, unit int64) {
	for i := range times {
		times[i] /= unit
	}
}

// ScaleUp multiplies times by a unit.
func ScaleUp(times []int64, unit int64) {
	for i := range times {
		times[i] *= unit
	}
}
