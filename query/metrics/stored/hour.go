package stored

import (
	"math"
	"time"
)

// Hour is one in milliseconds.
const Hour = int64(time.Hour / time.Millisecond)

// HourOf is the beginning of the hour that a moment is of, in milliseconds: hours are after their beginning and up to their end.
func HourOf(t int64) int64 {
	if t <= math.MinInt64/2 {
		return t
	}
	t--
	if t < 0 {
		t -= Hour - 1
	}
	return t / Hour * Hour
}
