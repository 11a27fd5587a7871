// Package lines makes records of the lines of log files. It knows three things, and is pure:
//
//   - what a container runtime writes around each line (framing): CRI's time, stream and part, or Docker's JSON;
//   - which lines belong together: the stack trace below a Java, Go or Python error is part of its record (Splitter);
//   - what a line says of itself at its beginning: time, severity, program (Recognise).
//
// It sees every line of a host, so that it uses no regular expressions: a line costs some hundred nanoseconds.
package lines

import (
	"bytes"
	"encoding/json"
	"time"
	"unicode/utf8"
)

// Framing is what stands around the lines of a file.
type Framing uint8

// Plain lines stand for themselves. CRI is "time stream P|F text" (containerd, CRI-O); Docker is json-file: {"log":"text\n","stream":..,"time":..}.
// Pods is either, told apart line by line: /var/log/pods has what the node's runtime writes.
const (
	Plain Framing = iota
	CRI
	Docker
	Pods
)

// Framed is one line without its framing.
type Framed struct {
	Text   []byte // without a newline
	Stream string // "stdout", "stderr", or "" where there is no framing
	Time   int64  // nanoseconds since 1970; 0: not stated
	Part   bool   // the next line of the stream goes on with this one
}

// Unframe takes the framing off a line. A line that has none, damaged or foreign, stands for itself.
func (f Framing) Unframe(line []byte) Framed {
	if f == Docker || f == Pods && len(line) > 0 && line[0] == '{' {
		if l, ok := unframeDocker(line); ok {
			return l
		}
	} else if f != Plain {
		if l, ok := unframeCRI(line); ok {
			return l
		}
	}
	return Framed{Text: line}
}

// unframeCRI reads `2026-11-21T10:20:03.123456789Z stdout F text`.
func unframeCRI(line []byte) (Framed, bool) {
	at, n := rfc3339(line)
	if n == 0 || len(line) < n+len(" stdout F") {
		return Framed{}, false
	}
	rest := line[n:]
	var l Framed
	switch {
	case bytes.HasPrefix(rest, []byte(" stdout ")):
		l.Stream = "stdout"
	case bytes.HasPrefix(rest, []byte(" stderr ")):
		l.Stream = "stderr"
	default:
		return Framed{}, false
	}
	rest = rest[len(" stdout "):]
	// The tag is F or P, with further ones after colons one day.
	switch {
	case rest[0] == 'P':
		l.Part = true
	case rest[0] != 'F':
		return Framed{}, false
	}
	if i := bytes.IndexByte(rest, ' '); i >= 0 {
		l.Text = rest[i+1:]
	}
	l.Time = at.UnixNano()
	return l, true
}

// unframeDocker reads {"log":"text\n","stream":"stdout","time":"2026-11-21T10:20:03.123456789Z"}. Without the newline the text goes on.
func unframeDocker(line []byte) (Framed, bool) {
	const head = `{"log":"`
	var l Framed
	var stated []byte
	if text, rest, ok := unquote(bytes.TrimPrefix(line, []byte(head))); ok && bytes.HasPrefix(line, []byte(head)) {
		l.Text = text
		l.Stream = string(field(rest, `"stream":"`))
		stated = field(rest, `"time":"`)
	} else {
		var v struct{ Log, Stream, Time *string }
		if json.Unmarshal(line, &v) != nil || v.Log == nil {
			return Framed{}, false
		}
		l.Text = []byte(*v.Log)
		if v.Stream != nil {
			l.Stream = *v.Stream
		}
		if v.Time != nil {
			stated = []byte(*v.Time)
		}
	}
	if at, err := time.Parse(time.RFC3339Nano, string(stated)); err == nil {
		l.Time = at.UnixNano()
	}
	if n := len(l.Text); n > 0 && l.Text[n-1] == '\n' {
		l.Text = bytes.TrimSuffix(l.Text[:n-1], []byte("\r"))
	} else {
		l.Part = true
	}
	return l, true
}

// field is the plain string after key, up to the next quote.
func field(data []byte, key string) []byte {
	i := bytes.Index(data, []byte(key))
	if i < 0 {
		return nil
	}
	data = data[i+len(key):]
	if i = bytes.IndexByte(data, '"'); i < 0 {
		return nil
	}
	return data[:i]
}

// unquote reads a JSON string after its opening quote; rest is what follows the closing one. Escapes it does not know are left to encoding/json.
func unquote(data []byte) (text, rest []byte, ok bool) {
	end := 0
	for escaped := false; ; end++ {
		if end == len(data) {
			return nil, nil, false
		}
		if data[end] == '"' && !escaped {
			break
		}
		escaped = data[end] == '\\' && !escaped
	}
	text, rest = data[:end], data[end+1:]
	if bytes.IndexByte(text, '\\') < 0 {
		return text, rest, true
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c != '\\' {
			out = append(out, c)
			continue
		}
		i++
		switch text[i] {
		case 'n':
			out = append(out, '\n')
		case 't':
			out = append(out, '\t')
		case 'r':
			out = append(out, '\r')
		case '"', '\\', '/':
			out = append(out, text[i])
		case 'u':
			r, ok := hex4(text[i+1:])
			if !ok || r >= 0xd800 && r < 0xe000 { // surrogates come in pairs
				return nil, nil, false
			}
			out = utf8.AppendRune(out, r)
			i += 4
		default:
			return nil, nil, false
		}
	}
	return out, rest, true
}

func hex4(data []byte) (rune, bool) {
	if len(data) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range data[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
