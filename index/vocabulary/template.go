package vocabulary

import "github.com/cespare/xxhash/v2"

// A template is a text whose variable pieces are replaced by one byte each, a hole. The other bytes are the text's own. A text
// that contains one of the hole bytes itself, or that does not fit, is stored under the template that is HoleRaw alone.
const (
	// HoleInt stands for one digit run, 1 to 17 digits long. Its value is EncodeInt of the digits.
	HoleInt byte = 0x01
	// HoleID stands for an identifier: whole words (see package doc) and '-' between them, at least one digit among them. The
	// characters beside it in the template are not letters, digits or '_'.
	HoleID byte = 0x02
	// HoleWord stands for one whole word, in a place where words vary a lot.
	HoleWord byte = 0x03
	// HoleRaw stands for any bytes.
	HoleRaw byte = 0x04
)

// IsHole says whether c is a hole.
func IsHole(c byte) bool { return c >= HoleInt && c <= HoleRaw }

// holesMax is how many holes a template has at the most; the rest of a longer text goes into a last HoleRaw.
const holesMax = 24

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

// Hash is the hash of a value, for filters.
func Hash(value []byte) uint64 { return xxhash.Sum64(value) }
