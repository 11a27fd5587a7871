package series

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// The extra column holds what a chunk can't say of a row's points, as sections: a tag byte, the payload's length as uvarint, the payload. A
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
//
// Runs are pairs: uvarint length, value; until all points are covered.
const (
	sectionNanos     = 1
	sectionStarts    = 2
	sectionTypes     = 3
	sectionIntegers  = 4
	sectionFlags     = 5
	sectionExemplars = 6
	sectionHas       = 7
	sectionMinima    = 8
	sectionMaxima    = 9
	sectionBuckets   = 10
	sectionMetadata  = 11
)

// appendSection adds a section with this payload.
func appendSection(dst []byte, tag byte, payload []byte) []byte {
	dst = binary.AppendUvarint(append(dst, tag), uint64(len(payload)))
	return append(dst, payload...)
}

// sections finds the payload of each section by its tag.
func sections(extra []byte) (found [sectionMetadata + 1][]byte, err error) {
	r := reader{b: extra}
	for len(r.b) > 0 && r.err == nil {
		tag := r.byte()
		payload := r.take(r.uint())
		if r.err != nil {
			return found, fmt.Errorf("extra section %d: %w", tag, r.err)
		}
		if tag == 0 || int(tag) >= len(found) {
			return found, fmt.Errorf("extra section %d is not known", tag)
		}
		found[tag] = payload
	}
	return found, r.err
}

func zigzag(v int64) uint64   { return uint64(v<<1 ^ v>>63) }
func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

// appendRuns adds n values as runs.
func appendRuns(dst []byte, n int, at func(i int) uint64) []byte {
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

// runs reads n values; set is called with each.
func (r *reader) runs(n int, set func(i int, v uint64)) {
	for i := 0; i < n; {
		length, v := r.uint(), r.uint()
		if r.err == nil && (length == 0 || length > uint64(n-i)) {
			r.err = fmt.Errorf("a run of %d values, %d are left", length, n-i)
		}
		if r.err != nil {
			return
		}
		for range length {
			set(i, v)
			i++
		}
	}
}

// appendXORs adds doubles' bits, each as the difference from the one before.
func appendXORs(dst []byte, bitsOf []uint64) []byte {
	last := uint64(0)
	for _, b := range bitsOf {
		dst = binary.AppendUvarint(dst, bits.ReverseBytes64(b^last))
		last = b
	}
	return dst
}

func (r *reader) xor(last uint64) uint64 { return bits.ReverseBytes64(r.uint()) ^ last }

// uniform is a value for each point that is nearly always the same: one value until they differ.
type uniform[T comparable] struct {
	first T
	all   []T
}

// add sets the value of point i, the next.
func (u *uniform[T]) add(i int, v T) {
	switch {
	case u.all != nil:
		u.all = append(u.all, v)
	case i == 0:
		u.first = v
	case v != u.first:
		u.all = make([]T, i, 2*i+2)
		for k := range u.all {
			u.all[k] = u.first
		}
		u.all = append(u.all, v)
	}
}

func (u *uniform[T]) at(i int) T {
	if u.all == nil {
		return u.first
	}
	return u.all[i]
}

// is says whether all values are v.
func (u *uniform[T]) is(v T) bool { return u.all == nil && u.first == v }

// common is what points of all kinds have beside their values.
type common struct {
	times     []int64 // nanoseconds
	starts    uniform[int64]
	flags     uniform[uint32]
	exemplars []pointExemplars
}

// pointExemplars are the exemplars of a point, encoded (exemplar.go).
type pointExemplars struct {
	point int
	data  []byte
}

const nanosPerMilli = 1_000_000

// floorMillis is the millisecond of a time, and the nanoseconds above it.
func floorMillis(t int64) (ms int64, nanos int64) {
	ms, nanos = t/nanosPerMilli, t%nanosPerMilli
	if nanos < 0 {
		ms, nanos = ms-1, nanos+nanosPerMilli
	}
	return ms, nanos
}

// appendExtra adds the sections that all kinds of points have.
func (c *common) appendExtra(dst, scratch []byte) (extra, buf []byte) {
	n := len(c.times)
	zeros := true
	buf = scratch[:0]
	for _, t := range c.times {
		_, nanos := floorMillis(t)
		zeros = zeros && nanos == 0
		buf = binary.AppendUvarint(buf, uint64(nanos))
	}
	if !zeros {
		dst = appendSection(dst, sectionNanos, buf)
	}
	if !c.starts.is(0) {
		buf = appendRuns(append(buf[:0], 0), n, func(i int) uint64 {
			if i == 0 {
				return zigzag(c.starts.at(0) - c.times[0])
			}
			return zigzag(c.starts.at(i) - c.starts.at(i-1))
		})
		if c.starts.all != nil {
			byTime := appendRuns([]byte{1}, n, func(i int) uint64 { return zigzag(c.starts.at(i) - c.times[max(i-1, 0)]) })
			if len(byTime) < len(buf) {
				buf = append(buf[:0], byTime...)
			}
		}
		dst = appendSection(dst, sectionStarts, buf)
	}
	if !c.flags.is(0) {
		buf = appendRuns(buf[:0], n, func(i int) uint64 { return uint64(c.flags.at(i)) })
		dst = appendSection(dst, sectionFlags, buf)
	}
	if len(c.exemplars) > 0 {
		buf = buf[:0]
		last := 0
		for _, e := range c.exemplars {
			buf = binary.AppendUvarint(buf, uint64(e.point-last))
			buf = append(binary.AppendUvarint(buf, uint64(len(e.data))), e.data...)
			last = e.point
		}
		dst = appendSection(dst, sectionExemplars, buf)
	}
	return dst, buf
}

// readExtra reads them back; millis are the times that the chunk has.
func (c *common) readExtra(found *[sectionMetadata + 1][]byte, millis []int64) error {
	n := len(millis)
	c.times = make([]int64, n)
	nanos := reader{b: found[sectionNanos]}
	for i, ms := range millis {
		c.times[i] = ms * nanosPerMilli
		if found[sectionNanos] != nil {
			c.times[i] += int64(nanos.uint())
		}
	}
	if nanos.err != nil {
		return fmt.Errorf("extra section %d: %w", sectionNanos, nanos.err)
	}
	if b := found[sectionStarts]; b != nil {
		r := reader{b: b}
		byTime := r.byte() == 1
		last := int64(0)
		r.runs(n, func(i int, v uint64) {
			switch {
			case i == 0 || byTime:
				last = c.times[max(i-1, 0)]
			}
			last += unzigzag(v)
			c.starts.add(i, last)
		})
		if r.err != nil {
			return fmt.Errorf("extra section %d: %w", sectionStarts, r.err)
		}
	}
	if b := found[sectionFlags]; b != nil {
		r := reader{b: b}
		r.runs(n, func(i int, v uint64) { c.flags.add(i, uint32(v)) })
		if r.err != nil {
			return fmt.Errorf("extra section %d: %w", sectionFlags, r.err)
		}
	}
	point := uint64(0)
	r := reader{b: found[sectionExemplars]}
	for len(r.b) > 0 {
		point += r.uint()
		data := r.take(r.uint())
		if r.err == nil && point >= uint64(n) {
			r.err = fmt.Errorf("point %d of %d", point, n)
		}
		if r.err != nil {
			return fmt.Errorf("extra section %d: %w", sectionExemplars, r.err)
		}
		c.exemplars = append(c.exemplars, pointExemplars{int(point), data})
	}
	return nil
}
