package segment

import (
	"context"

	"clew/index"
)

// Times are kept in the coarsest of nanoseconds, microseconds and milliseconds that loses nothing in the whole segment. Many senders
// know no better than milliseconds; the 20 bits of zeros that nanoseconds add to each are no pattern that a compressor finds.

// exponentMax is for milliseconds: 10^6 nanoseconds.
const exponentMax = 6

func unitOf(exponent uint8) int64 {
	switch exponent {
	case exponentMax:
		return 1_000_000
	case 3:
		return 1_000
	}
	return 1
}

// timeExponent finds the coarsest unit in which all of a column's times are whole numbers.
func (w *writer) timeExponent(ctx context.Context, c *column) (uint8, error) {
	exponent := uint8(exponentMax)
	for i := range w.inputs {
		in, col := &w.inputs[i], c.from[i]
		if col < 0 {
			continue
		}
		for rg := range in.groups {
			numbers, err := in.numbers(ctx, c.Type, col, rg)
			if err != nil {
				return 0, err
			}
			for row, bits := range numbers.bits {
				for int64(bits)%unitOf(exponent) != 0 && index.IsValid(numbers.valid, row) {
					if exponent -= 3; exponent == 0 {
						return 0, nil
					}
				}
			}
		}
	}
	return exponent, nil
}

// scaleDown divides times by a unit that divides them all; scaleUp is its inverse.
func scaleDown(times []int64, unit int64) {
	for i := range times {
		times[i] /= unit
	}
}

func scaleUp(times []int64, unit int64) {
	for i := range times {
		times[i] *= unit
	}
}
