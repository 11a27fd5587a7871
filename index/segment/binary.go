package segment

import "encoding/binary"

// decoder reads what encoder functions of this package appended. After the first thing that does not fit, everything it
// returns is zero and failed is true: callers check once at the end, and before they allocate by a count that was read.
type decoder struct {
	b      []byte
	failed bool
}

func (d *decoder) fail() { d.b, d.failed = nil, true }

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail()
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

func (d *decoder) uint32() uint32 {
	if len(d.b) < 4 {
		d.fail()
		return 0
	}
	v := binary.LittleEndian.Uint32(d.b)
	d.b = d.b[4:]
	return v
}

// upTo reads a number that must not exceed limit.
func (d *decoder) upTo(limit uint64) int {
	v := d.uvarint()
	if v > limit {
		d.fail()
		return 0
	}
	return int(v)
}

// count reads the length of a list whose entries take at least entryBytes each, so that no more is allocated than could be there.
func (d *decoder) count(entryBytes int) int {
	v := d.uvarint()
	if v > uint64(len(d.b)/entryBytes) { // of what follows the number
		d.fail()
		return 0
	}
	return int(v)
}

func (d *decoder) string() string {
	n := d.count(1)
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}
