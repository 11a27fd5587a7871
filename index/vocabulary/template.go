package vocabulary

import (
	"strconv"

	"github.com/cespare/xxhash/v2"
)

// A template is a text whose variable pieces are replaced by one byte each, a hole. The other bytes are the text's own. A text
// that contains one of the hole bytes itself (before a raw tail), or that does not fit, is stored under the template that is
// HoleRaw alone.
const (
	// HoleInt stands for one digit run, 1 to 17 digits long. Its value is EncodeInt of the digits.
	HoleInt byte = 0x01
	// HoleID stands for an identifier: one whole word with a digit in it, or a UUID (five words with '-' between them; at least one
	// digit among them; each hex digits, of which the first and last may have more, set off by '_'). ASCII only, and more than three
	// letters side by side are hex digits or x: no other word can hide in it. It begins and ends where words do.
	HoleID byte = 0x02
	// HoleWord stands for one whole word: in a place where words vary a lot, or one that looks random. It begins and ends where words
	// do.
	HoleWord byte = 0x03
	// HoleRaw stands for any bytes; it begins where a character does.
	HoleRaw byte = 0x04
)

// IsHole says whether c is a hole.
func IsHole(c byte) bool { return c >= HoleInt && c <= HoleRaw }

// RawTemplate is the template that any text fits.
var RawTemplate = []byte{HoleRaw}

// Holes appends the kinds of t's holes, in order, to dst.
func Holes(dst, t []byte) []byte {
	for _, c := range t {
		if IsHole(c) {
			dst = append(dst, c)
		}
	}
	return dst
}

func countHoles(t []byte) (n int) {
	for _, c := range t {
		if IsHole(c) {
			n++
		}
	}
	return n
}

// Append appends the text of template t to dst; hole gives the k-th hole's bytes as they stand in the text (AppendInt for HoleInt).
func Append(dst, t []byte, hole func(k int) []byte) []byte {
	k, from := 0, 0
	for i, c := range t {
		if IsHole(c) {
			dst = append(dst, t[from:i]...)
			dst = append(dst, hole(k)...)
			k++
			from = i + 1
		}
	}
	return append(dst, t[from:]...)
}

// EncodeInt gives the int64 for a run of 1 to 17 decimal digits, keeping leading zeros: a run without leading zeros (or "0")
// is its value; a run with them is minus the number made of a 1 and the run ("007" is -1007).
func EncodeInt(digits []byte) int64 {
	var v int64
	if len(digits) > 1 && digits[0] == '0' {
		v = 1
		for _, d := range digits {
			v = v*10 + int64(d-'0')
		}
		return -v
	}
	for _, d := range digits {
		v = v*10 + int64(d-'0')
	}
	return v
}

// AppendInt appends the digits that EncodeInt made v of.
func AppendInt(dst []byte, v int64) []byte {
	if v >= 0 {
		return strconv.AppendInt(dst, v, 10)
	}
	n := len(dst)
	dst = strconv.AppendInt(dst, v, 10)
	// "-1007" is "007": drop the sign and the 1. A damaged value may be too short for that; it stays as it is.
	if len(dst)-n < 3 {
		return dst
	}
	copy(dst[n:], dst[n+2:])
	return dst[:len(dst)-2]
}

// Hash is the hash of a value, for filters.
func Hash(value []byte) uint64 { return xxhash.Sum64(value) }
