package journal

import (
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"clew/agents/origin"
)

// named are the fields that have a name of OpenTelemetry's.
var named = map[string]string{
	"_SYSTEMD_UNIT":     "systemd.unit",
	"_COMM":             "process.executable.name",
	"SYSLOG_IDENTIFIER": "syslog.identifier",
	"CODE_FILE":         "code.file.path",
	"CODE_FUNC":         "code.function.name",
	"_TRANSPORT":        "journald.transport",
	"ERRNO":             "journald.errno",
	"MESSAGE_ID":        "journald.message_id",
	"UNIT":              "journald.unit", // the unit that systemd speaks of
}

// logs makes records of entries, those of a service under one resource. With their cursors the agent's queue knows them again, and takes them off.
func logs(reader string, entries []entry, observed pcommon.Timestamp) plog.Logs {
	d := plog.NewLogs()
	scopes := map[string]plog.LogRecordSlice{}
	for _, e := range entries {
		key := e.service() + "\x00" + e["CONTAINER_ID_FULL"]
		records, ok := scopes[key]
		if !ok {
			res := d.ResourceLogs().AppendEmpty()
			a := res.Resource().Attributes()
			a.PutStr("service.name", e.service())
			for field, attribute := range map[string]string{"CONTAINER_NAME": "container.name", "CONTAINER_ID_FULL": "container.id", "IMAGE_NAME": "container.image.name"} {
				if v := e[field]; v != "" {
					a.PutStr(attribute, v)
				}
			}
			records = res.ScopeLogs().AppendEmpty().LogRecords()
			scopes[key] = records
		}
		record := records.AppendEmpty()
		e.put(record, observed)
		if cursor := e["__CURSOR"]; cursor != "" {
			record.Attributes().PutStr(origin.CursorAttribute, reader+" "+cursor)
		}
		observed++ // records of the same microsecond stay in order
	}
	return d
}

// service is who wrote an entry: the container, the unit, or what the program calls itself.
func (e entry) service() string {
	if v := e["CONTAINER_NAME"]; v != "" {
		return v
	}
	if unit, ok := strings.CutSuffix(e["_SYSTEMD_UNIT"], ".service"); ok {
		return unit
	}
	for _, field := range []string{"SYSLOG_IDENTIFIER", "_COMM"} {
		if v := e[field]; v != "" {
			return v
		}
	}
	return "journal"
}

func (e entry) put(to plog.LogRecord, observed pcommon.Timestamp) {
	to.Body().SetStr(e["MESSAGE"])
	to.SetObservedTimestamp(observed)
	if micros, err := strconv.ParseInt(e["__REALTIME_TIMESTAMP"], 10, 64); err == nil && micros > 0 {
		to.SetTimestamp(pcommon.Timestamp(micros * 1000))
	}
	if p, err := strconv.Atoi(e["PRIORITY"]); err == nil && p >= 0 && p <= 7 {
		to.SetSeverityNumber([...]plog.SeverityNumber{
			plog.SeverityNumberFatal4, plog.SeverityNumberFatal2, plog.SeverityNumberFatal, plog.SeverityNumberError,
			plog.SeverityNumberWarn, plog.SeverityNumberInfo2, plog.SeverityNumberInfo, plog.SeverityNumberDebug,
		}[p])
		to.SetSeverityText([...]string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}[p])
	}
	a := to.Attributes()
	for field, value := range e {
		switch {
		case named[field] != "":
			a.PutStr(named[field], value)
		case field == "_PID":
			if pid, err := strconv.ParseInt(value, 10, 64); err == nil {
				a.PutInt("process.pid", pid)
			}
		case field == "CODE_LINE":
			if line, err := strconv.ParseInt(value, 10, 64); err == nil {
				a.PutInt("code.line.number", line)
			}
		case ofTheWriter(field):
			a.PutStr("journald."+strings.ToLower(field), value)
		}
	}
}

// ofTheWriter says whether a field is one that the writer of the record thought of: not the journal's own (with _), and not one that is told
// otherwise or says nothing further.
func ofTheWriter(field string) bool {
	switch field {
	case "MESSAGE", "PRIORITY", "SYSLOG_FACILITY", "SYSLOG_PID", "SYSLOG_RAW", "SYSLOG_TIMESTAMP", "TID", "INVOCATION_ID",
		"CONTAINER_NAME", "CONTAINER_ID", "CONTAINER_ID_FULL", "CONTAINER_TAG", "IMAGE_NAME":
		return false
	}
	return !strings.HasPrefix(field, "_")
}
