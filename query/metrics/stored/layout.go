package stored

import (
	"errors"
	"fmt"
)

// Prometheus' decoder of histograms believes what the beginning of a chunk says of its buckets: it makes room for them before it reads them. So that is read here first.
//
// After the header (samples, 2 bytes; flags, 1 byte) a chunk has, in bits: the zero threshold (a byte, and 8 more if it is 255), the schema, and the spans of positive and
// of negative buckets: how many spans, and of each its length and offset. Numbers are in Prometheus' varbit encoding: ones that say, up to a zero or eight of
// them, how many bits follow. Each bucket then takes a bit at the least.

const histogramHeader = 3

var errLayoutEnds = errors.New("histogram's layout ends early")

// checkLayout says what is wrong with the buckets that a chunk of histograms declares.
func checkLayout(chunk []byte) error {
	if len(chunk) < histogramHeader {
		return errLayoutEnds
	}
	r := bitReader{rest: chunk[histogramHeader:]}
	if threshold := r.take(8); threshold == 255 {
		r.take(64)
	}
	r.varbit() // the schema
	most := uint64(8 * len(chunk))
	buckets := uint64(0)
	for range 2 {
		spans := r.varbit()
		for i := uint64(0); i < spans && !r.ended; i++ {
			length := r.varbit()
			r.varbit() // the offset
			if buckets += length; length > most || buckets > most {
				return fmt.Errorf("histogram of more than %d buckets in a chunk of %d bytes", most, len(chunk))
			}
		}
	}
	if r.ended {
		return errLayoutEnds
	}
	return nil
}

// bitReader reads bits from the highest of each byte on. After the end it gives zeros.
type bitReader struct {
	rest  []byte
	used  int // bits of rest[0]
	ended bool
}

func (r *bitReader) take(n int) (v uint64) {
	for n > 0 {
		if len(r.rest) == 0 {
			r.ended = true
			return 0
		}
		k := min(n, 8-r.used)
		v = v<<k | uint64(r.rest[0]<<r.used>>(8-k))
		if r.used += k; r.used == 8 {
			r.rest, r.used = r.rest[1:], 0
		}
		n -= k
	}
	return v
}

// varbitSizes are how many bits follow so many ones.
var varbitSizes = [...]int{0, 3, 6, 9, 12, 18, 25, 56, 64}

func (r *bitReader) varbit() uint64 {
	ones := 0
	for ones < 8 && r.take(1) == 1 {
		ones++
	}
	return r.take(varbitSizes[ones])
}

// guard makes an error of a panic of Prometheus' decoders, which believe what they read. It is deferred.
func guard(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("chunk: %v", r)
	}
}
