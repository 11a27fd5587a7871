package writer

import (
	"context"

	"clew/index"
	"clew/index/segment/format"
)

// timeExponent finds the coarsest unit in which all of a column's times are whole numbers.
func (w *Writer) timeExponent(ctx context.Context, c *column) (uint8, error) {
	exponent := uint8(format.ExponentMax)
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
				for int64(bits)%format.UnitOf(exponent) != 0 && index.IsValid(numbers.valid, row) {
					if exponent -= 3; exponent == 0 {
						return 0, nil
					}
				}
			}
		}
	}
	return exponent, nil
}
