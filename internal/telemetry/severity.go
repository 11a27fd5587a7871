package telemetry

import (
	"fmt"
	"strconv"
	"strings"
)

// severityNames are OpenTelemetry's short names of the six ranges of four severity numbers each, from 1.
var severityNames = [...]string{"trace", "debug", "info", "warn", "error", "fatal"}

// severityAliases are names that logging libraries and syslog use, with the number that OpenTelemetry's log data model maps them to.
var severityAliases = map[string]int64{
	"finest": 1, "finer": 2, "verbose": 1, "fine": 5, "config": 7,
	"information": 9, "informational": 9, "notice": 10, "warning": 13,
	"err": 17, "severe": 17, "crit": 18, "critical": 18, "alert": 19, "panic": 21, "emerg": 21, "emergency": 21,
}

// ParseSeverity reads a severity: a name (trace debug info warn error fatal, in any case, optionally followed by 1 to 4 as in
// OpenTelemetry's "WARN2"), a name that other systems use for one (warning, notice, critical, ...), or a number 0 to 24.
// A name alone is the lowest number of its range, so that "severity >= warn" includes all warnings.
func ParseSeverity(s string) (int64, error) {
	lower := strings.ToLower(s)
	if n, err := strconv.ParseInt(lower, 10, 64); err == nil && n >= 0 && n <= 24 {
		return n, nil
	}
	if n, ok := severityAliases[lower]; ok {
		return n, nil
	}
	for i, name := range severityNames {
		rest, ok := strings.CutPrefix(lower, name)
		switch {
		case !ok:
		case rest == "":
			return int64(i*4 + 1), nil
		case len(rest) == 1 && rest[0] >= '1' && rest[0] <= '4':
			return int64(i*4) + int64(rest[0]-'0'), nil
		}
	}
	return 0, fmt.Errorf("severity %.40q: want trace, debug, info, warn, error, fatal or a number from 0 to 24", s)
}

// SeverityText is the name of a severity number: INFO, INFO2, ...; empty for 0, and the number itself outside 0 to 24.
func SeverityText(n int64) string {
	if n == 0 {
		return ""
	}
	if n < 0 || n > 24 {
		return strconv.FormatInt(n, 10)
	}
	name := strings.ToUpper(severityNames[(n-1)/4])
	if k := (n - 1) % 4; k > 0 {
		name += strconv.FormatInt(k+1, 10)
	}
	return name
}
