package way

import (
	"encoding/hex"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// TraceID reads 32 hex digits.
func TraceID(s string) (id pcommon.TraceID, ok bool) {
	if len(s) != 2*len(id) {
		return id, false
	}
	_, err := hex.Decode(id[:], []byte(s))
	return id, err == nil && !id.IsEmpty()
}

// SpanID reads 16 hex digits.
func SpanID(s string) (id pcommon.SpanID, ok bool) {
	if len(s) != 2*len(id) {
		return id, false
	}
	_, err := hex.Decode(id[:], []byte(s))
	return id, err == nil && !id.IsEmpty()
}

var severities = map[string]plog.SeverityNumber{
	"trace": plog.SeverityNumberTrace, "verbose": plog.SeverityNumberTrace,
	"debug": plog.SeverityNumberDebug, "dbug": plog.SeverityNumberDebug,
	"info": plog.SeverityNumberInfo, "information": plog.SeverityNumberInfo, "informational": plog.SeverityNumberInfo,
	"notice": plog.SeverityNumberInfo2,
	"warn":   plog.SeverityNumberWarn, "warning": plog.SeverityNumberWarn,
	"error": plog.SeverityNumberError, "err": plog.SeverityNumberError, "eror": plog.SeverityNumberError,
	"critical": plog.SeverityNumberFatal, "crit": plog.SeverityNumberFatal, "alert": plog.SeverityNumberFatal2,
	"fatal": plog.SeverityNumberFatal, "panic": plog.SeverityNumberFatal2, "emergency": plog.SeverityNumberFatal3, "emerg": plog.SeverityNumberFatal3,
}

// SetSeverity sets a record's severity from the word for it. The text is always kept; a word that is none gives no number.
func SetSeverity(lr plog.LogRecord, word string) {
	lr.SetSeverityText(word)
	lr.SetSeverityNumber(severities[strings.ToLower(word)])
}
