package format

import "encoding/binary"

// Decoder reads what encoder functions of this package appended. After the first thing that does not fit, everything it
// returns is zero and Failed is true: callers check once at the end, and before they allocate by a count that was read.
type Decoder struct {
	Rest   []byte
	Failed bool
}

func (d *Decoder) fail() { d.Rest, d.Failed = nil, true }

// Uvarint reads a varint.
func (d *Decoder) Uvarint() uint64 {
	v, n := binary.Uvarint(d.Rest)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.Rest = d.Rest[n:]
	return v
}

func (d *Decoder) varint() int64 {
	v, n := binary.Varint(d.Rest)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.Rest = d.Rest[n:]
	return v
}

func (d *Decoder) byte() byte {
	if len(d.Rest) == 0 {
		d.fail()
		return 0
	}
	v := d.Rest[0]
	d.Rest = d.Rest[1:]
	return v
}

func (d *Decoder) uint32() uint32 {
	if len(d.Rest) < 4 {
		d.fail()
		return 0
	}
	v := binary.LittleEndian.Uint32(d.Rest)
	d.Rest = d.Rest[4:]
	return v
}

// UpTo reads a number that must not exceed limit.
func (d *Decoder) UpTo(limit uint64) int {
	v := d.Uvarint()
	if v > limit {
		d.fail()
		return 0
	}
	return int(v)
}

// Count reads the length of a list whose entries take at least entryBytes each, so that no more is allocated than could be there.
func (d *Decoder) Count(entryBytes int) int {
	v := d.Uvarint()
	if v > uint64(len(d.Rest)/entryBytes) { // of what follows the number
		d.fail()
		return 0
	}
	return int(v)
}

func (d *Decoder) string() string {
	n := d.Count(1)
	s := string(d.Rest[:n])
	d.Rest = d.Rest[n:]
	return s
}

func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}
