package table

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// packed is unsigned numbers in 1, 2 or 4 bytes each, as the largest of them asks. Append-only: widening copies, so a copy of
// the struct is a snapshot.
type packed struct {
	buf   []byte
	width int // 0 while empty
}

func widthOf(largest uint32) int {
	switch {
	case largest < 1<<8:
		return 1
	case largest < 1<<16:
		return 2
	}
	return 4
}

func (p *packed) len() int {
	if p.width == 0 {
		return 0
	}
	return len(p.buf) / p.width
}

// reserve makes room for n more numbers up to largest.
func (p *packed) reserve(n int, largest uint32) {
	if w := widthOf(largest); w > p.width {
		p.widen(w)
	}
	p.buf = reserve(p.buf, n*p.width, groupRows*p.width)
}

func (p *packed) widen(width int) {
	old := *p
	p.width = width
	if old.width == 0 {
		return
	}
	p.buf = make([]byte, 0, min(cap(old.buf)/old.width, groupRows)*width)
	for i, n := 0, old.len(); i < n; i++ {
		p.put(old.at(i))
	}
}

// put adds a number that fits the width.
func (p *packed) put(v uint32) {
	switch p.width {
	case 1:
		p.buf = append(p.buf, byte(v))
	case 2:
		p.buf = binary.LittleEndian.AppendUint16(p.buf, uint16(v))
	default:
		p.buf = binary.LittleEndian.AppendUint32(p.buf, v)
	}
}

func (p *packed) append(v uint32) {
	if p.width == 0 || v>>(8*p.width) != 0 {
		p.reserve(1, v)
	}
	p.put(v)
}

// appendAll adds numbers that are all at most largest.
func (p *packed) appendAll(vals []uint32, largest uint32) {
	p.reserve(len(vals), largest)
	at := len(p.buf)
	p.buf = p.buf[:at+len(vals)*p.width]
	dst := p.buf[at:]
	switch p.width {
	case 1:
		for i, v := range vals {
			dst[i] = byte(v)
		}
	case 2:
		for i, v := range vals {
			binary.LittleEndian.PutUint16(dst[2*i:], uint16(v))
		}
	default:
		for i, v := range vals {
			binary.LittleEndian.PutUint32(dst[4*i:], v)
		}
	}
}

func (p *packed) at(i int) uint32 {
	switch p.width {
	case 1:
		return uint32(p.buf[i])
	case 2:
		return uint32(binary.LittleEndian.Uint16(p.buf[2*i:]))
	}
	return binary.LittleEndian.Uint32(p.buf[4*i:])
}

// expand writes all numbers to dst, which is at least as long.
func (p *packed) expand(dst []uint32) {
	switch p.width {
	case 1:
		for i, b := range p.buf {
			dst[i] = uint32(b)
		}
	case 2:
		for i := range len(p.buf) / 2 {
			dst[i] = uint32(binary.LittleEndian.Uint16(p.buf[2*i:]))
		}
	case 4:
		for i := range len(p.buf) / 4 {
			dst[i] = binary.LittleEndian.Uint32(p.buf[4*i:])
		}
	}
}

// frame is int64s as differences from the first of them, in 1, 2, 4 or 8 bytes each as the largest asks. Differences wrap around, so
// any two numbers have one. Append-only: widening copies.
type frame struct {
	buf   []byte
	base  int64
	width int // 0 while empty
}

func (f *frame) len() int {
	if f.width == 0 {
		return 0
	}
	return len(f.buf) / f.width
}

func (f *frame) appendAll(vals []int64) {
	if len(vals) == 0 {
		return
	}
	if f.width == 0 {
		f.base = vals[0]
	}
	var spread uint64
	for _, v := range vals {
		d := v - f.base
		spread |= uint64(d ^ d>>63)
	}
	w := 1
	for w < 8 && bits.Len64(spread) > 8*w-1 {
		w *= 2
	}
	if w > f.width {
		f.widen(w)
	}
	f.buf = reserve(f.buf, len(vals)*f.width, groupRows*f.width)
	at := len(f.buf)
	f.buf = f.buf[:at+len(vals)*f.width]
	f.store(f.buf[at:], vals)
}

func (f *frame) store(dst []byte, vals []int64) {
	base := f.base
	switch f.width {
	case 1:
		for i, v := range vals {
			dst[i] = byte(v - base)
		}
	case 2:
		for i, v := range vals {
			binary.LittleEndian.PutUint16(dst[2*i:], uint16(v-base))
		}
	case 4:
		for i, v := range vals {
			binary.LittleEndian.PutUint32(dst[4*i:], uint32(v-base))
		}
	default:
		for i, v := range vals {
			binary.LittleEndian.PutUint64(dst[8*i:], uint64(v-base))
		}
	}
}

func (f *frame) widen(width int) {
	if f.width == 0 {
		f.width = width
		return
	}
	vals := make([]int64, f.len())
	f.expand(vals)
	room := min(cap(f.buf)/f.width, groupRows) * width
	f.width = width
	f.buf = make([]byte, len(vals)*width, max(room, len(vals)*width))
	f.store(f.buf, vals)
}

// expand writes all numbers to dst, which is at least as long.
func (f *frame) expand(dst []int64) {
	base := f.base
	switch f.width {
	case 1:
		for i, b := range f.buf {
			dst[i] = base + int64(int8(b))
		}
	case 2:
		for i := range len(f.buf) / 2 {
			dst[i] = base + int64(int16(binary.LittleEndian.Uint16(f.buf[2*i:])))
		}
	case 4:
		for i := range len(f.buf) / 4 {
			dst[i] = base + int64(int32(binary.LittleEndian.Uint32(f.buf[4*i:])))
		}
	case 8:
		for i := range len(f.buf) / 8 {
			dst[i] = base + int64(binary.LittleEndian.Uint64(f.buf[8*i:]))
		}
	}
}

// reserve makes room for n more bytes: doubling, but never beyond most unless n asks for it.
func reserve(b []byte, n, most int) []byte {
	need := len(b) + n
	if need <= cap(b) {
		return b
	}
	grown := make([]byte, len(b), max(need, min(2*cap(b), most)))
	copy(grown, b)
	return grown
}

// clip returns b without spare room, if there is much of it.
func clip(b []byte) []byte {
	if cap(b)-len(b) > len(b)/8 {
		return slices.Clone(b)
	}
	return b
}
