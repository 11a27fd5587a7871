// Package points is the format of the extra column: what a chunk can't say of the points in a row of metrics.
//
// A row is a series in a time range. Its chunk, in one of Prometheus' encodings, has the points' milliseconds and doubles; OTLP says more, and
// clew gives back what it was given. The head (ingest/series) writes both, queries (query/metrics) read both; what they have in common is here, and
// knows nothing of chunks.
package points

import (
	"encoding/binary"
	"fmt"
)

// Values of the chunk_kind column; ChunkCounts is the fourth.
const (
	// ChunkXOR2: Prometheus' XOR2 encoding of doubles, with start times (gauges and sums).
	ChunkXOR2 = "xor2"
	// ChunkHistogram: Prometheus' histogram encoding; explicit bounds are custom buckets.
	ChunkHistogram = "histogram"
	// ChunkOTLP: the points as an OTLP protobuf message: summaries, and what the others would not give back exactly.
	ChunkOTLP = "otlp"
)

// The extra column holds sections: a tag byte, the payload's length as uvarint, the payload. A
// section whose content is the default for all points is left out. Points are counted from 0 in the row's order.
//
//	tag             payload                                                              default
//	1 nanoseconds   for each point: uvarint, its time's nanoseconds below the            all 0
//	                millisecond that the chunk has
//	2 starts        mode byte, then runs of varints: each start time minus the           all 0 (none)
//	                previous point's start (mode 0; the first: minus its own time)
//	                or minus the previous point's time (mode 1), in nanoseconds
//	3 types         runs of uvarints: the value's type: 0 none, 1 int, 2 double          all 2
//	4 integers      pairs: uvarint points since the last pair, varint value: ints that   none
//	                a double can't hold
//	5 flags         runs of uvarints                                                     all 0
//	6 exemplars     uvarint points since the last entry, uvarint length, exemplars       none
//	                (exemplar.go)
//	7 has           runs of uvarints: 1 sum, 2 minimum, 4 maximum are present            all 1
//	8 minima        for each point that has one: uvarint of the value's bits xor the     none
//	                previous one's, bytes reversed
//	9 maxima        likewise                                                             none
//	10 buckets      four runs of varints: offsets and numbers of positive, then of       (histograms: always there)
//	                negative buckets
//	11 metadata     telemetry.AppendMap's text of the metric's metadata                  none
//	12 windows      of down-sampled points, what there was in each window (windows.go)   none
//
// Runs are pairs: uvarint length, value; until all points are covered.
const (
	SectionNanos     = 1
	SectionStarts    = 2
	SectionTypes     = 3
	SectionIntegers  = 4
	SectionFlags     = 5
	SectionExemplars = 6
	SectionHas       = 7
	SectionMinima    = 8
	SectionMaxima    = 9
	SectionBuckets   = 10
	SectionMetadata  = 11
	SectionWindows   = 12
)

// Bits of a histogram's point in SectionHas.
const (
	HasSum = 1 << iota
	HasMin
	HasMax
)

// Found are the payloads of a row's sections by their tags; nil where there is none.
type Found [SectionWindows + 1][]byte

// Sections finds the payload of each section. They alias extra.
func Sections(extra []byte) (found Found, err error) {
	r := Reader{Rest: extra}
	for len(r.Rest) > 0 && r.Err == nil {
		tag := r.Byte()
		payload := r.Take(r.Uint())
		if r.Err != nil {
			return found, fmt.Errorf("extra section %d: %w", tag, r.Err)
		}
		if tag == 0 || int(tag) >= len(found) {
			return found, fmt.Errorf("extra section %d is not known", tag)
		}
		found[tag] = payload
	}
	return found, r.Err
}

// AppendSection adds a section with this payload.
func AppendSection(dst []byte, tag byte, payload []byte) []byte {
	dst = binary.AppendUvarint(append(dst, tag), uint64(len(payload)))
	return append(dst, payload...)
}

// AppendRuns adds n values as runs.
func AppendRuns(dst []byte, n int, at func(i int) uint64) []byte {
	for i := 0; i < n; {
		v, j := at(i), i+1
		for j < n && at(j) == v {
			j++
		}
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, uint64(j-i)), v)
		i = j
	}
	return dst
}

// EachExemplars calls f with each of samples points that has exemplars, and those (ReadExemplars).
func (found *Found) EachExemplars(samples int, f func(point int, data []byte)) error {
	point := uint64(0)
	r := Reader{Rest: found[SectionExemplars]}
	for len(r.Rest) > 0 {
		point += r.Uint()
		data := r.Take(r.Uint())
		if r.Err == nil && point >= uint64(samples) {
			r.Err = fmt.Errorf("point %d of %d", point, samples)
		}
		if r.Err != nil {
			return fmt.Errorf("extra section %d: %w", SectionExemplars, r.Err)
		}
		f(int(point), data)
	}
	return nil
}
