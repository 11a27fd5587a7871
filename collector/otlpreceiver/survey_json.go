package otlpreceiver

// surveyJSON checks what can be checked of a JSON body in one quick pass over its bytes: that brackets and strings end,
// and nesting. It counts objects for the size of the decoded request. Everything else is left to the decoder; records are
// counted after decoding.
func surveyJSON(body []byte) (survey, error) {
	var s survey
	depth, ended := 0, false
	for pos := 0; pos < len(body); pos++ {
		switch body[pos] {
		case ' ', '\t', '\r', '\n':
			continue
		case '{', '[':
			if ended {
				return s, bodyErrorAt(pos, "more data after the end of the request")
			}
			if body[pos] == '{' {
				s.decoded += jsonObjectCost
			}
			if depth++; depth > jsonNestingMax {
				return s, bodyErrorAt(pos, "values nest deeper than %d", nestingMax)
			}
		case '}', ']':
			if depth == 0 {
				return s, bodyErrorAt(pos, "%q without a beginning", body[pos])
			}
			if depth--; depth == 0 {
				ended = true
			}
		case '"':
			end := stringEnd(body, pos+1)
			if end < 0 {
				return s, bodyErrorAt(pos, "a string does not end")
			}
			if end == pos+1 && isName(body, end+1) {
				// The decoder takes an empty name for the end of the object and would lose what follows.
				return s, bodyErrorAt(pos, "a field without a name")
			}
			pos = end
		default:
			if ended {
				return s, bodyErrorAt(pos, "more data after the end of the request")
			}
		}
	}
	if depth > 0 {
		return s, bodyErrorAt(len(body), "the request ends inside %d brackets", depth)
	}
	if !ended {
		return s, bodyErrorAt(0, "want a JSON object")
	}
	return s, nil
}

// stringEnd is the position of the quote that ends the string whose content begins at pos, or -1.
func stringEnd(body []byte, pos int) int {
	for ; pos < len(body); pos++ {
		switch body[pos] {
		case '"':
			return pos
		case '\\':
			pos++
		}
	}
	return -1
}

// isName says whether a colon follows.
func isName(body []byte, pos int) bool {
	for ; pos < len(body); pos++ {
		switch body[pos] {
		case ' ', '\t', '\r', '\n':
		case ':':
			return true
		default:
			return false
		}
	}
	return false
}
