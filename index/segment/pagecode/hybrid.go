package pagecode

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// Err is wrapped by everything a page decoder complains of. Pages are only decoded after their checksum was right, so it means
// a file that was written wrong, or a checksum that was forged; never a panic.
var Err = errors.New("page does not follow its encoding")

// RunMin is how many equal values make a run worth its own header (3 bytes or so) instead of staying in a bit-packed piece.
const RunMin = 16

// AppendHybrid appends values in Parquet's RLE/bit-packing hybrid: pieces that are either a run (header = length<<1, value in whole
// bytes) or groups of eight bit-packed values (header = groups<<1 | 1). The last group is padded with zeros.
func AppendHybrid(dst []byte, values []uint32, width int) []byte {
	literal := 0 // start of the values that wait to be bit-packed; i-literal is always a multiple of 8
	for i := 0; i < len(values); {
		run := RunLength(values[i:])
		if run < RunMin {
			i += 8
			continue
		}
		if literal < i {
			dst = appendPacked(dst, values[literal:i], width)
		}
		dst = binary.AppendUvarint(dst, uint64(run)<<1)
		for b := 0; b < width; b += 8 {
			dst = append(dst, byte(values[i]>>b))
		}
		i += run
		literal = i
	}
	if literal < len(values) {
		dst = appendPacked(dst, values[literal:], width)
	}
	return dst
}

// RunLength counts how many values equal the first. The common answer "few" is found without a loop over many.
func RunLength(values []uint32) int {
	v := values[0]
	n := 1
	for n < len(values) && values[n] == v {
		n++
	}
	return n
}

// appendPacked appends values as one bit-packed piece.
func appendPacked(dst []byte, values []uint32, width int) []byte {
	groups := (len(values) + 7) / 8
	dst = binary.AppendUvarint(dst, uint64(groups)<<1|1)
	end := len(dst) + groups*width
	var acc uint64
	var n int
	for _, v := range values {
		acc |= uint64(v) << n
		n += width
		if n >= 32 {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(acc))
			acc >>= 32
			n -= 32
		}
	}
	for n > 0 {
		dst = append(dst, byte(acc))
		acc >>= 8
		n -= 8
	}
	for len(dst) < end {
		dst = append(dst, 0)
	}
	return dst
}

// ReadHybrid fills out from src. All of out must be there, and no value may be wider than width.
func ReadHybrid(out []uint32, src []byte, width int) error {
	if width > 32 {
		return Err
	}
	valueBytes := (width + 7) / 8
	for len(out) > 0 {
		header, n := binary.Uvarint(src)
		if n <= 0 {
			return Err
		}
		src = src[n:]
		if header&1 == 0 {
			run := header >> 1
			if run == 0 || run > uint64(len(out)) || len(src) < valueBytes {
				return Err
			}
			var v uint32
			for b := range valueBytes {
				v |= uint32(src[b]) << (8 * b)
			}
			if bits.Len32(v) > width {
				return Err
			}
			src = src[valueBytes:]
			piece := out[:run]
			for i := range piece {
				piece[i] = v
			}
			out = out[run:]
			continue
		}
		groups := header >> 1
		if groups == 0 || groups > uint64(len(out)+7)/8 || uint64(len(src)) < groups*uint64(width) {
			return Err
		}
		count := min(int(groups)*8, len(out))
		unpack32(out[:count], src[:int(groups)*width], width)
		src = src[int(groups)*width:]
		out = out[count:]
	}
	return nil
}

// unpack32 reads bit-packed values of up to 32 bits.
func unpack32(out []uint32, src []byte, width int) {
	mask := uint64(1)<<width - 1
	// A value spans at most 5 bytes, so an 8-byte load at its first byte always holds it; near the end the load would run over.
	fast := 0
	if width > 0 && len(src) >= 8 {
		fast = min(len(out), ((len(src)-8)*8+7)/width)
	}
	pos := uint(0)
	for i := range out[:fast] {
		out[i] = uint32(binary.LittleEndian.Uint64(src[pos>>3:]) >> (pos & 7) & mask)
		pos += uint(width)
	}
	var tail [8]byte
	for i := fast; i < len(out); i++ {
		n := copy(tail[:], src[min(int(pos>>3), len(src)):])
		clear(tail[n:])
		out[i] = uint32(binary.LittleEndian.Uint64(tail[:]) >> (pos & 7) & mask)
		pos += uint(width)
	}
}

// AppendLevels appends the definition levels of an optional leaf as data page V1 has them: length, then hybrid of width 1. A validity
// bitmap is, bit for bit, what Parquet calls bit-packed levels.
func AppendLevels(dst []byte, valid []uint64, rows, nulls int) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	switch nulls {
	case 0:
		dst = binary.AppendUvarint(dst, uint64(rows)<<1)
		dst = append(dst, 1)
	case rows:
		dst = binary.AppendUvarint(dst, uint64(rows)<<1)
		dst = append(dst, 0)
	default:
		groups := (rows + 7) / 8
		dst = binary.AppendUvarint(dst, uint64(groups)<<1|1)
		at := len(dst)
		for _, word := range valid {
			dst = binary.LittleEndian.AppendUint64(dst, word)
		}
		dst = dst[:at+groups]
	}
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return dst
}

// ReadLevels is AppendLevels' inverse: the validity (nil if all rows have a value), how many have none, and what follows.
// It reads the three forms that AppendLevels writes.
func ReadLevels(src []byte, rows int) (valid []uint64, nulls int, rest []byte, err error) {
	if len(src) < 4 {
		return nil, 0, nil, Err
	}
	size := binary.LittleEndian.Uint32(src)
	if uint64(size) > uint64(len(src)-4) {
		return nil, 0, nil, Err
	}
	levels, rest := src[4:4+size], src[4+size:]
	header, n := binary.Uvarint(levels)
	if n <= 0 {
		return nil, 0, nil, Err
	}
	levels = levels[n:]
	if header&1 == 0 {
		if header>>1 != uint64(rows) || len(levels) != 1 || levels[0] > 1 {
			return nil, 0, nil, Err
		}
		if levels[0] == 1 {
			return nil, 0, rest, nil
		}
		return make([]uint64, (rows+63)/64), rows, rest, nil
	}
	groups := (rows + 7) / 8
	if header>>1 != uint64(groups) || len(levels) != groups {
		return nil, 0, nil, Err
	}
	valid = make([]uint64, (rows+63)/64)
	for i := range valid {
		var word [8]byte
		copy(word[:], levels[i*8:])
		valid[i] = binary.LittleEndian.Uint64(word[:])
	}
	if tail := rows & 63; tail != 0 {
		valid[len(valid)-1] &= 1<<tail - 1
	}
	return valid, rows - OnesCount(valid), rest, nil
}

func OnesCount(valid []uint64) int {
	n := 0
	for _, word := range valid {
		n += bits.OnesCount64(word)
	}
	return n
}
