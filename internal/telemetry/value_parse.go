package telemetry

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// ParseValue reads what AppendValue wrote (or other JSON) into an empty value. Strings alias text. The error names the offset.
func ParseValue(text string, into pcommon.Value) error {
	p := parser{s: text}
	if err := p.value(into, 0); err != nil {
		return err
	}
	return p.end()
}

// ParseMap reads what AppendMap wrote (or another JSON object) into an empty map, keeping repeated keys.
func ParseMap(text string, into pcommon.Map) error {
	v := pcommon.NewValueEmpty()
	if err := ParseValue(text, v); err != nil {
		return err
	}
	if v.Type() != pcommon.ValueTypeMap {
		return fmt.Errorf("value at 0: want an object, have %s", v.Type())
	}
	v.Map().MoveTo(into)
	return nil
}

// parser reads the text form of values from left to right.
type parser struct {
	s string
	i int
}

func (p *parser) fail(what string) error { return fmt.Errorf("value at %d: %s", p.i, what) }

// peek skips white space and returns the next byte, or 0 at the end.
func (p *parser) peek() byte {
	for ; p.i < len(p.s); p.i++ {
		switch p.s[p.i] {
		case ' ', '\t', '\n', '\r':
		default:
			return p.s[p.i]
		}
	}
	return 0
}

// take skips c if it is next.
func (p *parser) take(c byte) bool {
	if p.peek() != c || p.i >= len(p.s) {
		return false
	}
	p.i++
	return true
}

func (p *parser) expect(c byte) error {
	if !p.take(c) {
		return p.fail(fmt.Sprintf("want %q", c))
	}
	return nil
}

func (p *parser) end() error {
	if p.peek() != 0 || p.i < len(p.s) {
		return p.fail("text after the value")
	}
	return nil
}

func (p *parser) value(into pcommon.Value, depth int) error {
	// One level more than the writer's bound, for the string that stands there.
	if depth > ValueDepthMax {
		return p.fail("nested too deep")
	}
	switch c := p.peek(); {
	case c == '"':
		s, err := p.str()
		if err != nil {
			return err
		}
		into.SetStr(s)
		return nil
	case c == '{':
		return p.object(into, depth)
	case c == '[':
		return p.array(into, depth)
	case c == '-' || c >= '0' && c <= '9':
		return p.number(into)
	case p.word("true"):
		into.SetBool(true)
		return nil
	case p.word("false"):
		into.SetBool(false)
		return nil
	case p.word("null"):
		return nil
	}
	return p.fail("want a value")
}

func (p *parser) word(w string) bool {
	if !strings.HasPrefix(p.s[p.i:], w) {
		return false
	}
	p.i += len(w)
	return true
}

func (p *parser) number(into pcommon.Value) error {
	start, isInt := p.i, true
scan:
	for ; p.i < len(p.s); p.i++ {
		switch c := p.s[p.i]; c {
		case '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '-', '+':
		case '.', 'e', 'E':
			isInt = false
		default:
			break scan
		}
	}
	text := p.s[start:p.i]
	if isInt {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || text[0] == '+' {
			p.i = start
			return p.fail("bad integer")
		}
		into.SetInt(n)
		return nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		p.i = start
		return p.fail("bad number")
	}
	into.SetDouble(f)
	return nil
}

// uint reads an unsigned integer (times of events are that).
func (p *parser) uint() (uint64, error) {
	p.peek()
	start := p.i
	for p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '9' {
		p.i++
	}
	n, err := strconv.ParseUint(p.s[start:p.i], 10, 64)
	if err != nil {
		p.i = start
		return 0, p.fail("want an unsigned integer")
	}
	return n, nil
}

func (p *parser) array(into pcommon.Value, depth int) error {
	p.i++
	s := into.SetEmptySlice()
	for n := 0; !p.take(']'); n++ {
		if n > 0 {
			if err := p.expect(','); err != nil {
				return err
			}
		}
		if err := p.value(s.AppendEmpty(), depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) object(into pcommon.Value, depth int) error {
	p.i++
	var entries []entry
	for n := 0; !p.take('}'); n++ {
		if n > 0 {
			if err := p.expect(','); err != nil {
				return err
			}
		}
		key, err := p.key()
		if err != nil {
			return err
		}
		if strings.HasPrefix(key, "$") {
			if !strings.HasPrefix(key, "$$") {
				if n > 0 {
					return p.fail("a form with '$' is not alone")
				}
				return p.form(key, into, depth)
			}
			key = key[1:]
		}
		e := entry{key, pcommon.NewValueEmpty()}
		if err := p.value(e.value, depth+1); err != nil {
			return err
		}
		entries = append(entries, e)
	}
	return fillMap(into.SetEmptyMap(), entries)
}

// key reads an object's key and the colon.
func (p *parser) key() (string, error) {
	if p.peek() != '"' {
		return "", p.fail("want a key")
	}
	key, err := p.str()
	if err != nil {
		return "", err
	}
	return key, p.expect(':')
}

// form reads what follows the key of an object that stands for a value JSON cannot say, up to its closing brace.
func (p *parser) form(key string, into pcommon.Value, depth int) error {
	if key == "$map" {
		if err := p.pairs(into.SetEmptyMap(), depth); err != nil {
			return err
		}
		return p.expect('}')
	}
	if p.peek() != '"' {
		return p.fail("want a string")
	}
	text, err := p.str()
	if err != nil {
		return err
	}
	switch key {
	case "$bytes":
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return p.fail("bad base64")
		}
		into.SetEmptyBytes().FromRaw(raw)
	case "$double":
		f, err := parseSpecialDouble(text)
		if err != nil {
			return p.fail(err.Error())
		}
		into.SetDouble(f)
	default:
		return p.fail("unknown form " + strconv.Quote(key))
	}
	return p.expect('}')
}

func parseSpecialDouble(text string) (float64, error) {
	switch text {
	case "NaN":
		return math.Float64frombits(nanBits), nil
	case "+Inf":
		return math.Inf(1), nil
	case "-Inf":
		return math.Inf(-1), nil
	}
	if hex, ok := strings.CutPrefix(text, "NaN:"); ok {
		if bits, err := strconv.ParseUint(hex, 16, 64); err == nil {
			return math.Float64frombits(bits), nil
		}
	}
	return 0, errors.New("bad double")
}

func (p *parser) pairs(m pcommon.Map, depth int) error {
	var entries []entry
	if err := p.expect('['); err != nil {
		return err
	}
	for n := 0; !p.take(']'); n++ {
		if n > 0 {
			if err := p.expect(','); err != nil {
				return err
			}
		}
		if err := p.expect('['); err != nil {
			return err
		}
		if p.peek() != '"' {
			return p.fail("want a key")
		}
		key, err := p.str()
		if err != nil {
			return err
		}
		if err := p.expect(','); err != nil {
			return err
		}
		e := entry{key, pcommon.NewValueEmpty()}
		if err := p.value(e.value, depth+1); err != nil {
			return err
		}
		entries = append(entries, e)
		if err := p.expect(']'); err != nil {
			return err
		}
	}
	return fillMap(m, entries)
}

// str reads a string; p is at its opening quote.
func (p *parser) str() (string, error) {
	p.i++
	start := p.i
	for ; p.i < len(p.s); p.i++ {
		switch c := p.s[p.i]; {
		case c == '"':
			p.i++
			return p.s[start : p.i-1], nil
		case c == '\\':
			return p.escaped(start)
		case c < 0x20:
			return "", p.fail("control character in a string")
		}
	}
	return "", p.fail("string without end")
}

// escaped reads the rest of a string that began at start, from its first backslash on.
func (p *parser) escaped(start int) (string, error) {
	var b strings.Builder
	b.WriteString(p.s[start:p.i])
	for p.i < len(p.s) {
		c := p.s[p.i]
		p.i++
		switch {
		case c == '"':
			return b.String(), nil
		case c < 0x20:
			return "", p.fail("control character in a string")
		case c != '\\':
			b.WriteByte(c)
			continue
		}
		if p.i >= len(p.s) {
			break
		}
		c = p.s[p.i]
		p.i++
		switch c {
		case '"', '\\', '/':
			b.WriteByte(c)
		case 'b':
			b.WriteByte('\b')
		case 'f':
			b.WriteByte('\f')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case 'u':
			r, err := p.unicode()
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
		default:
			return "", p.fail("bad escape")
		}
	}
	return "", p.fail("string without end")
}

// unicode reads the digits of a \u escape, and a second escape where two make one character.
func (p *parser) unicode() (rune, error) {
	r, err := p.hex4()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	if strings.HasPrefix(p.s[p.i:], `\u`) {
		back := p.i
		p.i += 2
		second, err := p.hex4()
		if err != nil {
			return 0, err
		}
		if pair := utf16.DecodeRune(r, second); pair != utf8.RuneError {
			return pair, nil
		}
		p.i = back
	}
	return utf8.RuneError, nil
}

func (p *parser) hex4() (rune, error) {
	if p.i+4 > len(p.s) {
		return 0, p.fail("bad escape")
	}
	n, err := strconv.ParseUint(p.s[p.i:p.i+4], 16, 16)
	if err != nil {
		return 0, p.fail("bad escape")
	}
	p.i += 4
	return rune(n), nil
}
