package api

import (
	"encoding/json"
	"strconv"
)

// exactInt is the largest integer that JavaScript's numbers, and with them most JSON readers, hold exactly.
const exactInt = 1 << 53

// exactJSON gives JSON text with each integer beyond exactInt as a string of its digits; all else stays as it is, byte for byte. The text
// must be valid.
func exactJSON(text []byte) []byte {
	var out []byte // nil while nothing had to be changed
	copied := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c == '"' {
			i = afterString(text, i)
			continue
		}
		if c != '-' && (c < '0' || c > '9') {
			i++
			continue
		}
		end, whole := afterNumber(text, i)
		if number := text[i:end]; whole && inexact(number) {
			out = append(append(out, text[copied:i]...), '"')
			out = append(append(out, number...), '"')
			copied = end
		}
		i = end
	}
	if out == nil {
		return text
	}
	return append(out, text[copied:]...)
}

// exactMembers is exactJSON of each value, as attributes are answered; nil of nothing.
func exactMembers(object map[string]json.RawMessage) Attributes {
	a := attributesOf(object)
	for i := range a {
		a[i].Value = json.RawMessage(exactJSON(a[i].Value.(json.RawMessage)))
	}
	return a
}

// afterString is where the string that begins at i has ended.
func afterString(text []byte, i int) int {
	for i++; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// afterNumber is where the number that begins at i has ended, and whether it is an integer: one with a point or an exponent is a double, which JSON
// readers hold as it was meant.
func afterNumber(text []byte, i int) (end int, whole bool) {
	whole = true
	for ; i < len(text); i++ {
		switch c := text[i]; {
		case c == '.' || c == 'e' || c == 'E':
			whole = false
		case c != '-' && c != '+' && (c < '0' || c > '9'):
			return i, whole
		}
	}
	return i, whole
}

func inexact(number []byte) bool {
	if len(number) < len("9007199254740992") {
		return false
	}
	n, err := strconv.ParseInt(string(number), 10, 64)
	return err != nil || n > exactInt || n < -exactInt
}
