package lines

import (
	"bytes"
	"time"
)

// trace is the kind of stack trace that a record is in the middle of.
type trace uint8

const (
	noTrace trace = iota
	goTrace
	pyTrace // below "Traceback"; the error's own line ends it
	pyEnd   // after that line: another exception may follow
	phpTrace
)

// record is what is known of a record while its lines are gathered.
type record struct {
	head     []byte // its first line
	lines    int
	indented bool    // its last line was
	parts    [2]bool // whether the last line of stdout, of stderr, goes on in the next one of that stream
	trace    trace
}

// open says whether a line is unfinished; lines of the other stream that come in between are the record's too.
func (r *record) open() bool { return r.parts[0] || r.parts[1] }

func (r *record) note(l Framed) {
	stream := 0
	if l.Stream == "stderr" {
		stream = 1
	}
	r.parts[stream] = l.Part
}

var goHeads = [][]byte{[]byte("panic: "), []byte("fatal error: "), []byte("runtime: "), []byte("SIGQUIT: "), []byte("goroutine ")}

// begin starts a record with its first line.
func begin(line []byte) record {
	r := record{lines: 1, head: line}
	switch {
	case isGoHead(line) || bytes.Contains(line, []byte("panic serving ")):
		r.trace = goTrace
	case isTraceback(line):
		r.trace = pyTrace
	}
	return r
}

// take says whether line goes on with the record, and notes what it says.
func (r *record) take(line []byte) bool {
	if !r.goesOn(line) {
		return false
	}
	r.lines++
	r.indented = len(line) > 0 && (line[0] == ' ' || line[0] == '\t')
	return true
}

func (r *record) goesOn(line []byte) bool {
	if len(bytes.TrimRight(line, " \t\r")) == 0 {
		return r.trace == goTrace || r.trace == pyEnd
	}
	switch c := line[0]; {
	case c == ' ' || c == '\t':
		return true
	case c == '}' || c == ']' || c == ')':
		return r.indented // the end of something that was printed over several lines
	case c >= '0' && c <= '9' || c == '[' && r.trace == noTrace || c == '{' || c == '<':
		return false
	}
	if dated(line) {
		return false
	}
	switch r.trace {
	case goTrace:
		return isGo(line)
	case pyTrace:
		r.trace = pyEnd // "ValueError: ..." is the last line but for a chained exception
		return true
	case pyEnd:
		if isTraceback(line) {
			r.trace = pyTrace
			return true
		}
		return bytes.HasPrefix(line, []byte("During handling of the above")) || bytes.HasPrefix(line, []byte("The above exception was"))
	case phpTrace:
		return line[0] == '#'
	}
	return r.opens(line)
}

// opens says whether line opens a stack trace of the record above it.
func (r *record) opens(line []byte) bool {
	switch {
	case bytes.HasPrefix(line, []byte("Caused by: ")), bytes.HasPrefix(line, []byte("Suppressed: ")), bytes.HasPrefix(line, []byte("--- End of ")),
		bytes.HasPrefix(line, []byte("... ")), bytes.HasPrefix(line, []byte("stack backtrace:")), bytes.HasPrefix(line, []byte("note: run with `RUST_BACKTRACE")):
		return true
	case bytes.HasPrefix(line, []byte("Stack trace:")):
		r.trace = phpTrace
		return true
	case isTraceback(line) && r.isAlarm():
		r.trace = pyTrace
		return true
	case bytes.HasPrefix(line, []byte("goroutine ")) && r.isAlarm():
		r.trace = goTrace
		return true
	}
	return isThrowable(line) && r.isAlarm()
}

// isAlarm says whether the record is one logged line that may announce a stack trace: one that states a time or a severity, and no
// severity below a warning.
func (r *record) isAlarm() bool {
	if r.lines > 1 {
		return false
	}
	s := Recognise(r.head, time.Unix(0, 0), time.UTC)
	return s.Severity >= Warn || s.Severity == 0 && s.Time != 0
}

func isTraceback(line []byte) bool {
	return bytes.HasPrefix(line, []byte("Traceback (most recent call"))
}

func isGoHead(line []byte) bool {
	for _, head := range goHeads {
		if bytes.HasPrefix(line, head) {
			return true
		}
	}
	return false
}

// isGo knows the lines of a Go dump that are not indented: goroutines, functions with their arguments, creators, signals, registers.
func isGo(line []byte) bool {
	line = bytes.TrimRight(line, " \r")
	switch {
	case isGoHead(line), bytes.HasPrefix(line, []byte("created by ")), bytes.HasPrefix(line, []byte("[signal ")), bytes.HasPrefix(line, []byte("[recovered")),
		bytes.HasPrefix(line, []byte("exit status ")), bytes.HasPrefix(line, []byte("...additional frames elided...")):
		return true
	case line[len(line)-1] == ')':
		// main.(*Server).handle(0xc000012345, {0x1, 0x2}): no space before the arguments.
		open := bytes.LastIndexByte(line, '(')
		space := bytes.IndexByte(line, ' ')
		return open > 0 && (space < 0 || bytes.IndexByte(line, '(') < space)
	}
	// r15    0x0
	i := bytes.Index(line, []byte(" 0x"))
	return i > 0 && i <= 8 && bytes.IndexByte(line[i+3:], ' ') < 0
}

// isThrowable knows "java.lang.IllegalStateException: text": a name with dots that ends as the names of exceptions do.
func isThrowable(line []byte) bool {
	name := line
	if i := bytes.IndexAny(name, ": \r"); i >= 0 {
		if name[i] == ' ' {
			return false
		}
		name = name[:i]
	}
	if bytes.IndexByte(name, '.') <= 0 {
		return false
	}
	return bytes.HasSuffix(name, []byte("Exception")) || bytes.HasSuffix(name, []byte("Error")) || bytes.HasSuffix(name, []byte("Throwable"))
}
