package lines

import (
	"bytes"
	"math"
	"strconv"
	"time"
)

// Severity numbers of OpenTelemetry; each name has three more above it that clew does not use.
const (
	Trace = 1
	Debug = 5
	Info  = 9
	Warn  = 13
	Error = 17
	Fatal = 21
)

// Stated is what a line says of itself.
type Stated struct {
	Time         int64  // nanoseconds since 1970; 0: not stated
	Severity     int    // of OpenTelemetry; 0: not stated
	SeverityText string // as written
	Program      string // syslog's tag, or ""
}

// Recognise reads time, severity and program at the beginning of a text: RFC 3339 and its relatives, syslog, klog, the formats of web servers,
// JSON and logfmt. Times without a zone are of loc; times without a year are the latest that are not after now.
func Recognise(text []byte, now time.Time, loc *time.Location) Stated {
	var s Stated
	c := clock{now: now, loc: loc}
	if len(text) > 0 && text[0] == '{' {
		s.fromJSON(text, c)
		return s
	}
	at, n := leading(text, c)
	switch {
	case n > 0:
		s.Time = at.UnixNano()
		s.beforeText(text, n)
	default:
		s.withoutTime(text, c)
	}
	if s.Severity == 0 {
		s.severity(text[n:])
	}
	return s
}

// beforeText reads what depends on the format of the time, which ends at n.
func (s *Stated) beforeText(text []byte, n int) {
	if pri, end := priority(text); end > 0 {
		s.Severity = syslogSeverity(pri & 7)
	}
	first := text[0]
	if len(text) > n && first >= 'A' && first <= 'Z' && text[1] >= '0' && text[1] <= '9' {
		s.Severity = map[byte]int{'I': Info, 'W': Warn, 'E': Error, 'F': Fatal}[first]
		s.SeverityText = string(first)
		return
	}
	// "host program[123]: " follows syslog's times, old and new.
	rest := bytes.TrimLeft(text[n:], " ")
	if i := bytes.IndexByte(rest, ' '); i > 0 && isHostName(rest[:i]) {
		s.Program = tag(rest[i+1:])
	}
}

// isHostName keeps "INFO", "[main]" and the like from being taken for the host before a program.
func isHostName(b []byte) bool {
	for _, c := range b {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return severityOf(b) == 0
}

// tag is the program of "program[123]: text" or "program: text".
func tag(b []byte) string {
	const nameMax = 48 // RFC 5424's bound
	for i, c := range b[:min(len(b), nameMax)] {
		switch {
		case c == ':' && i > 0 && i+1 < len(b) && b[i+1] == ' ':
			return string(b[:i])
		case c == '[' && i > 0:
			j := bytes.Index(b[i:], []byte("]:"))
			if _, err := strconv.Atoi(string(b[i+1 : i+max(j, 1)])); j < 2 || err != nil {
				return ""
			}
			return string(b[:i])
		case (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' && c != '/' && c != '(' && c != ')' && c != '@':
			return ""
		}
	}
	return ""
}

// withoutTime reads texts that do not begin with their time.
func (s *Stated) withoutTime(text []byte, c clock) {
	switch {
	case isGoHead(text) && !bytes.HasPrefix(text, []byte("goroutine ")):
		s.Severity = Fatal
		return
	case isTraceback(text), isThrowable(text), bytes.HasPrefix(text, []byte("Exception in thread ")):
		s.Severity = Error
		return
	}
	head := text[:min(len(text), 160)]
	// 127.0.0.1 - - [21/Nov/2026:10:20:03 +0000] "GET / HTTP/1.1" 200
	if i := bytes.IndexByte(head, '['); i > 0 {
		if at, n := dayMonthYear(text[i+1:], c.loc); n > 0 {
			s.Time = at.UnixNano()
			return
		}
	}
	for _, key := range [...]string{"time=", "ts=", "t="} {
		if v, ok := logfmt(head, key); ok {
			s.Time = instant(v, c)
			break
		}
	}
	for _, key := range [...]string{"level=", "lvl=", "severity="} {
		if v, ok := logfmt(head, key); ok {
			s.Severity, s.SeverityText = severityOf(v), string(v)
			return
		}
	}
	// 1234:M 21 Nov 2026 10:20:03.123 * text
	if i := bytes.IndexByte(head, ' '); i > 0 && i < 16 {
		if at, n := dayMonthYear(text[i+1:], c.loc); n > 0 {
			s.Time = at.UnixNano()
		}
	}
}

// logfmt is the value of key at the beginning of a word.
func logfmt(b []byte, key string) ([]byte, bool) {
	i := bytes.Index(b, []byte(key))
	if i < 0 || i > 0 && b[i-1] != ' ' {
		return nil, false
	}
	b = b[i+len(key):]
	if len(b) > 0 && b[0] == '"' {
		j := bytes.IndexByte(b[1:], '"')
		return b[1 : 1+max(j, 0)], j > 0
	}
	if j := bytes.IndexByte(b, ' '); j >= 0 {
		b = b[:j]
	}
	return b, len(b) > 0
}

// fromJSON looks for the names that loggers use, at the beginning of the object or at its end.
func (s *Stated) fromJSON(text []byte, c clock) {
	const within = 512
	head := text[:min(len(text), within)]
	tail := text[max(0, len(text)-within):]
	for _, key := range [...]string{`"level":`, `"severity":`, `"lvl":`, `"log.level":`, `"levelname":`, `"@l":`} {
		if v := jsonValue(head, tail, key); len(v) > 0 {
			s.Severity, s.SeverityText = severityOf(v), string(v)
			if n, err := strconv.Atoi(string(v)); err == nil && n >= 10 && n <= 60 {
				s.Severity = []int{Trace, Debug, Info, Warn, Error, Fatal}[n/10-1] // pino's and bunyan's
			}
			break
		}
	}
	for _, key := range [...]string{`"time":`, `"ts":`, `"timestamp":`, `"@timestamp":`, `"@t":`, `"asctime":`} {
		if v := jsonValue(head, tail, key); len(v) > 0 {
			if s.Time = instant(v, c); s.Time != 0 {
				break
			}
		}
	}
}

// jsonValue is the string or number after key.
func jsonValue(head, tail []byte, key string) []byte {
	b := head
	i := bytes.Index(b, []byte(key))
	if i < 0 {
		b = tail
		if i = bytes.Index(b, []byte(key)); i < 0 {
			return nil
		}
	}
	b = bytes.TrimLeft(b[i+len(key):], " ")
	if len(b) > 0 && b[0] == '"' {
		j := bytes.IndexByte(b[1:], '"')
		return b[1 : 1+max(j, 0)]
	}
	j := 0
	for j < len(b) && (b[j] >= '0' && b[j] <= '9' || b[j] == '.') {
		j++
	}
	return b[:j]
}

// instant reads a date and time, or seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their size.
func instant(b []byte, c clock) int64 {
	if at, n := dateTime(b, c.loc); n > 0 {
		return at.UnixNano()
	}
	v, err := strconv.ParseFloat(string(b), 64)
	if err != nil || v < 1e8 || v >= math.MaxInt64 {
		return 0
	}
	unit := int64(1) // nanoseconds
	switch {         // the bound of seconds is the year 5138, and so on
	case v < 1e11:
		unit = 1e9
	case v < 1e14:
		unit = 1e6
	case v < 1e17:
		unit = 1e3
	}
	if n, err := strconv.ParseInt(string(b), 10, 64); err == nil {
		if n > math.MaxInt64/unit {
			return 0
		}
		return n * unit
	}
	if v *= float64(unit); v >= math.MaxInt64 {
		return 0
	}
	return int64(v)
}
