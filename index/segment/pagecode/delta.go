package pagecode

import (
	"encoding/binary"
	"math/bits"
)

// Parquet's DELTA_BINARY_PACKED: blocks of 128 differences in four miniblocks of 32, each packed in as many bits as its largest
// difference above the block's smallest needs. Arithmetic wraps, so every int64 survives.
const (
	deltaBlock = 128
	deltaMini  = 32
	deltaMinis = deltaBlock / deltaMini
)

// AppendDelta appends values in DELTA_BINARY_PACKED.
func AppendDelta(dst []byte, values []int64) []byte {
	dst = binary.AppendUvarint(dst, deltaBlock)
	dst = binary.AppendUvarint(dst, deltaMinis)
	dst = binary.AppendUvarint(dst, uint64(len(values)))
	if len(values) == 0 {
		return append(dst, 0)
	}
	dst = binary.AppendVarint(dst, values[0])
	previous := values[0]
	values = values[1:]
	var deltas [deltaBlock]int64
	for len(values) > 0 {
		n := min(len(values), deltaBlock)
		smallest := int64(1<<63 - 1)
		for i, v := range values[:n] {
			d := v - previous
			previous = v
			deltas[i] = d
			smallest = min(smallest, d)
		}
		values = values[n:]
		dst = binary.AppendVarint(dst, smallest)
		widths := len(dst)
		dst = append(dst, 0, 0, 0, 0)
		for m := 0; m*deltaMini < n; m++ {
			mini := deltas[m*deltaMini : min(n, (m+1)*deltaMini)]
			var all uint64
			for i := range mini {
				mini[i] -= smallest
				all |= uint64(mini[i])
			}
			width := bits.Len64(all)
			dst[widths+m] = byte(width)
			dst = appendMini(dst, mini, width)
		}
	}
	return dst
}

// appendMini bit-packs a miniblock, padded with zeros to deltaMini values.
func appendMini(dst []byte, mini []int64, width int) []byte {
	end := len(dst) + deltaMini*width/8
	var acc uint64
	n := 0
	for _, v := range mini {
		acc |= uint64(v) << n
		if n+width < 64 {
			n += width
			continue
		}
		dst = binary.LittleEndian.AppendUint64(dst, acc)
		taken := 64 - n
		acc = uint64(v) >> taken // 0 if taken is 64: Go's shifts are not taken modulo
		n = width - taken
	}
	for ; n > 0; n -= 8 {
		dst = append(dst, byte(acc))
		acc >>= 8
	}
	for len(dst) < end {
		dst = append(dst, 0)
	}
	return dst
}

// ReadDelta reads exactly count values and returns what follows them. It reads any block shape that Parquet allows.
func ReadDelta(out []int64, src []byte) (rest []byte, err error) {
	block, src, ok1 := uvarint(src)
	minis, src, ok2 := uvarint(src)
	total, src, ok3 := uvarint(src)
	first, n := binary.Varint(src)
	if !ok1 || !ok2 || !ok3 || n <= 0 || total != uint64(len(out)) {
		return nil, Err
	}
	src = src[n:]
	if block == 0 || block > 1<<16 || minis == 0 || block%minis != 0 || (block/minis)%8 != 0 {
		return nil, Err
	}
	if len(out) == 0 {
		return src, nil
	}
	miniSize := int(block / minis)
	out[0] = first
	out = out[1:]
	previous := first
	for len(out) > 0 {
		smallest, n := binary.Varint(src)
		if n <= 0 || len(src)-n < int(minis) {
			return nil, Err
		}
		widths := src[n : n+int(minis)]
		src = src[n+int(minis):]
		for _, w := range widths {
			if len(out) == 0 {
				break
			}
			width := int(w)
			size := miniSize * width / 8
			if width > 64 || len(src) < size {
				return nil, Err
			}
			count := min(miniSize, len(out))
			previous = unpackDeltas(out[:count], src, size, width, smallest, previous)
			src, out = src[size:], out[count:]
		}
	}
	return src, nil
}

// unpackDeltas adds up a miniblock of size bytes at src and returns the last value. What lies behind the miniblock in src may be read, not used.
func unpackDeltas(out []int64, src []byte, size, width int, smallest, previous int64) int64 {
	if width == 0 {
		for i := range out {
			previous += smallest
			out[i] = previous
		}
		return previous
	}
	mask := ^uint64(0) >> (64 - width)
	if width <= 56 && len(src) >= size+8 {
		pos := uint(0)
		for i := range out {
			previous += smallest + int64(binary.LittleEndian.Uint64(src[pos>>3:])>>(pos&7)&mask)
			out[i] = previous
			pos += uint(width)
		}
		return previous
	}
	pos := 0
	for i := range out {
		var word [16]byte
		copy(word[:], src[pos>>3:min(len(src), pos>>3+9)])
		v := binary.LittleEndian.Uint64(word[:]) >> (pos & 7)
		v |= uint64(word[8]) << (64 - pos&7) // nothing if pos&7 is 0: the shift is 64
		previous += smallest + int64(v&mask)
		out[i] = previous
		pos += width
	}
	return previous
}

func uvarint(src []byte) (v uint64, rest []byte, ok bool) {
	v, n := binary.Uvarint(src)
	if n <= 0 {
		return 0, src, false
	}
	return v, src[n:], true
}
