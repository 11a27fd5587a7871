package red

import (
	"strings"
	"unicode/utf8"

	"clew/index/vocabulary"
)

const (
	serviceName = "service.name"
	varies      = "<*>" // as elsewhere where templates are shown
)

func isHole(c byte) bool { return vocabulary.IsHole(c) }

// labelText is a value as a label.
func labelText(text []byte) string { return cut(string(text)) }

// cut bounds a label's length, and makes it valid.
func cut(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= textMax {
		return s
	}
	n := textMax - len("…")
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// operation is the low-cardinality form of a span's name: numbers and ids that stand alone are <*>. A name is meant to have none, so nearly all names stay as
// they are: a word with letters in it, as v2, s3 or db1, is changed only if it is long and hexadecimal, or a UUID. It is a function of the name alone,
// so a name is the same series whenever it comes.
func operation(name []byte) string {
	if !hasDigit(name) {
		return labelTemplate(name)
	}
	var b strings.Builder
	copied := 0
	for i := 0; i < len(name); {
		if !isWord(name[i]) {
			i++
			continue
		}
		end := i
		for end < len(name) && isWord(name[end]) {
			end++
		}
		if uuid := i + uuidLen; uuid <= len(name) && isUUID(name[i:uuid]) && (uuid == len(name) || !isWord(name[uuid])) {
			end = uuid
		} else if !isNumber(name[i:end]) {
			i = end
			continue
		}
		b.Write(name[copied:i])
		b.WriteString(varies)
		copied, i = end, end
	}
	b.Write(name[copied:])
	return labelTemplate([]byte(b.String()))
}

const (
	uuidLen = 36
	// hexMin is the length from which a word of hexadecimal digits is an id: shorter ones may be words (cafe1, b2b).
	hexMin = 8
)

func hasDigit(s []byte) bool {
	for _, c := range s {
		if c >= '0' && c <= '9' {
			return true
		}
	}
	return false
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c >= utf8.RuneSelf
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f' }

// isNumber says whether a word is a number or a long hexadecimal one.
func isNumber(word []byte) bool {
	digits := 0
	for _, c := range word {
		if !isHex(c) {
			return false
		}
		if c <= '9' {
			digits++
		}
	}
	return digits == len(word) || digits > 0 && len(word) >= hexMin
}

func isUUID(s []byte) bool {
	for i, c := range s {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (c == '-') || !dash && !isHex(c) {
			return false
		}
	}
	return true
}
