package lines

// severityOf is the severity that a word names, whatever its case; 0 if it names none.
func severityOf(word []byte) int {
	if len(word) < 3 || len(word) > 13 {
		return 0
	}
	var lower [13]byte
	for i, c := range word {
		lower[i] = c | 0x20
	}
	switch string(lower[:len(word)]) {
	case "trace", "finest", "finer", "verbose":
		return Trace
	case "debug", "dbg", "fine", "debug1", "debug2", "debug3":
		return Debug
	case "info", "information", "informational", "inf", "notice", "log", "statement", "detail", "hint", "config":
		return Info
	case "warn", "warning", "wrn":
		return Warn
	case "error", "err", "severe", "failure":
		return Error
	case "fatal", "panic", "critical", "crit", "alert", "emerg", "emergency":
		return Fatal
	}
	return 0
}

// syslogSeverity is OpenTelemetry's severity of syslog's.
func syslogSeverity(s int) int {
	return [8]int{Fatal, Fatal, Fatal, Error, Warn, Info, Info, Debug}[s]
}

// severity looks for a word that names a severity near the beginning of b: in capitals, or in brackets or before a colon in any case. A lower-case
// "error" among other words is part of a sentence.
func (s *Stated) severity(b []byte) {
	b = b[:min(len(b), severityWithin)]
	for i := 0; i < len(b); {
		if !letter(b[i]) {
			i++
			continue
		}
		j := i
		upper := true
		for j < len(b) && (letter(b[j]) || b[j] >= '0' && b[j] <= '9' || b[j] == '_') {
			upper = upper && b[j] < 'a'
			j++
		}
		word := b[i:j]
		marked := upper || i > 0 && j < len(b) && (b[i-1] == '[' && b[j] == ']' || b[i-1] == '<' && b[j] == '>') || j < len(b) && b[j] == ':'
		if marked {
			if n := severityOf(word); n != 0 {
				s.Severity, s.SeverityText = n, string(word)
				return
			}
		}
		i = j
	}
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
