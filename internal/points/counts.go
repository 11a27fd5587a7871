package points

import (
	"encoding/binary"
	"fmt"
	"math"
)

// ChunkCounts is a chunk of what clew counts itself (ingest/red): deltas of buckets of one width. Nearly all buckets hold few records, and Prometheus' encodings are made for
// points that come again and again. All numbers are varints:
//
//	width of the buckets, milliseconds; scale of the histograms, 0 if they are only counts, else 1 more than OTLP's scale
//	for each bucket, by time:
//	  number of buckets since the last one (the first: since 1970); records
//	  of histograms: records of value 0; sum, nanoseconds; how many histogram buckets there are, and for each its index since the last one's (the first: signed
//	  from 0), and records
const ChunkCounts = "counts"

// Count is one bucket.
type Count struct {
	End     int64 // milliseconds
	Count   uint64
	Zero    uint64
	Sum     int64 // nanoseconds
	Buckets []CountBucket
}

// CountBucket is a bucket of the histogram, by OTLP's index.
type CountBucket struct {
	Index int32
	Count uint64
}

// CountsHeader begins a chunk. width is in milliseconds; scale is ignored without histograms.
func CountsHeader(width int64, histograms bool, scale int) []byte {
	out := binary.AppendUvarint(nil, uint64(width))
	if !histograms {
		return append(out, 0)
	}
	return binary.AppendUvarint(out, uint64(scale+1))
}

// AppendCount adds a bucket; number is its end divided by the width, last that of the one before.
func AppendCount(dst []byte, c *Count, number, last int64, histograms bool) []byte {
	dst = binary.AppendUvarint(dst, uint64(number-last))
	dst = binary.AppendUvarint(dst, c.Count)
	if !histograms {
		return dst
	}
	dst = binary.AppendUvarint(dst, c.Zero)
	dst = binary.AppendUvarint(dst, uint64(c.Sum))
	dst = binary.AppendUvarint(dst, uint64(len(c.Buckets)))
	at := int32(0)
	for _, b := range c.Buckets {
		dst = binary.AppendVarint(dst, int64(b.Index-at))
		dst = binary.AppendUvarint(dst, b.Count)
		at = b.Index
	}
	return dst
}

// countBucketsMax bounds the buckets of a histogram that a damaged chunk may claim.
const countBucketsMax = 1 << 12

// ReadCounts calls f with each of samples buckets; what it is given is used again. histograms says whether they have more than counts, of what scale.
func ReadCounts(chunk []byte, samples int, f func(c *Count)) (histograms bool, scale int, err error) {
	r := Reader{Rest: chunk}
	width := int64(r.Uint())
	scale = int(r.Uint()) - 1
	histograms = scale >= 0
	if r.Err != nil || width < 1 || width > math.MaxInt32 || scale > 20 {
		return false, 0, fmt.Errorf("chunk of counts: width %d, scale %d", width, scale)
	}
	var c Count
	number := int64(0)
	for range samples {
		number += int64(r.Uint())
		if number < 0 || number > math.MaxInt64/width {
			return false, 0, fmt.Errorf("chunk of counts: bucket %d of %d ms", number, width)
		}
		c.End, c.Count = number*width, r.Uint()
		if histograms {
			c.Zero, c.Sum, c.Buckets = r.Uint(), int64(r.Uint()), c.Buckets[:0]
			n := r.Uint()
			if n > countBucketsMax {
				return false, 0, fmt.Errorf("chunk of counts: %d buckets", n)
			}
			at := int64(0)
			for range n {
				at += r.Int()
				if at != int64(int16(at)) {
					return false, 0, fmt.Errorf("chunk of counts: index %d", at)
				}
				c.Buckets = append(c.Buckets, CountBucket{int32(at), r.Uint()})
			}
		}
		if r.Err != nil {
			return false, 0, fmt.Errorf("chunk of counts: %w", r.Err)
		}
		f(&c)
	}
	if len(r.Rest) > 0 {
		return false, 0, fmt.Errorf("chunk of counts: %d bytes left", len(r.Rest))
	}
	return histograms, scale, nil
}
