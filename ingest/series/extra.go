package series

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"clew/internal/points"
)

func zigzag(v int64) uint64   { return uint64(v<<1 ^ v>>63) }
func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

// appendXORs adds doubles' bits, each as the difference from the one before.
func appendXORs(dst []byte, bitsOf []uint64) []byte {
	last := uint64(0)
	for _, b := range bitsOf {
		dst = binary.AppendUvarint(dst, bits.ReverseBytes64(b^last))
		last = b
	}
	return dst
}

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
		dst = points.AppendSection(dst, points.SectionNanos, buf)
	}
	if !c.starts.is(0) {
		buf = points.AppendRuns(append(buf[:0], 0), n, func(i int) uint64 {
			if i == 0 {
				return zigzag(c.starts.at(0) - c.times[0])
			}
			return zigzag(c.starts.at(i) - c.starts.at(i-1))
		})
		if c.starts.all != nil {
			byTime := points.AppendRuns([]byte{1}, n, func(i int) uint64 { return zigzag(c.starts.at(i) - c.times[max(i-1, 0)]) })
			if len(byTime) < len(buf) {
				buf = append(buf[:0], byTime...)
			}
		}
		dst = points.AppendSection(dst, points.SectionStarts, buf)
	}
	if !c.flags.is(0) {
		buf = points.AppendRuns(buf[:0], n, func(i int) uint64 { return uint64(c.flags.at(i)) })
		dst = points.AppendSection(dst, points.SectionFlags, buf)
	}
	if len(c.exemplars) > 0 {
		buf = buf[:0]
		last := 0
		for _, e := range c.exemplars {
			buf = binary.AppendUvarint(buf, uint64(e.point-last))
			buf = append(binary.AppendUvarint(buf, uint64(len(e.data))), e.data...)
			last = e.point
		}
		dst = points.AppendSection(dst, points.SectionExemplars, buf)
	}
	return dst, buf
}

// readExtra reads them back; millis are the times that the chunk has.
func (c *common) readExtra(found *points.Found, millis []int64) error {
	n := len(millis)
	c.times = make([]int64, n)
	nanos := points.Reader{Rest: found[points.SectionNanos]}
	for i, ms := range millis {
		c.times[i] = ms * nanosPerMilli
		if found[points.SectionNanos] != nil {
			c.times[i] += int64(nanos.Uint())
		}
	}
	if nanos.Err != nil {
		return fmt.Errorf("extra section %d: %w", points.SectionNanos, nanos.Err)
	}
	if b := found[points.SectionStarts]; b != nil {
		r := points.Reader{Rest: b}
		byTime := r.Byte() == 1
		last := int64(0)
		r.Runs(n, func(i int, v uint64) {
			switch {
			case i == 0 || byTime:
				last = c.times[max(i-1, 0)]
			}
			last += unzigzag(v)
			c.starts.add(i, last)
		})
		if r.Err != nil {
			return fmt.Errorf("extra section %d: %w", points.SectionStarts, r.Err)
		}
	}
	if b := found[points.SectionFlags]; b != nil {
		r := points.Reader{Rest: b}
		r.Runs(n, func(i int, v uint64) { c.flags.add(i, uint32(v)) })
		if r.Err != nil {
			return fmt.Errorf("extra section %d: %w", points.SectionFlags, r.Err)
		}
	}
	return found.EachExemplars(n, func(point int, data []byte) {
		c.exemplars = append(c.exemplars, pointExemplars{point, data})
	})
}
