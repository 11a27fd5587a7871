package otlpreceiver

import (
	"testing"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
)

// largeLogs is a request of 999 log records with 8 attributes each.
func largeLogs(b *testing.B) []byte {
	b.Helper()
	r := sampleLogs()
	records := r.Logs().ResourceLogs().At(0).ScopeLogs().At(0).LogRecords()
	for records.Len() < 999 {
		records.At(0).CopyTo(records.AppendEmpty())
	}
	body, err := r.MarshalProto()
	if err != nil {
		b.Fatal(err)
	}
	return body
}

func BenchmarkSurveyProto(b *testing.B) {
	body := largeLogs(b)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := surveyProto(body, logsRequest); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeProto(b *testing.B) {
	body := largeLogs(b)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		t := newTicket()
		if err := decode(body, formatProto, logsRequest, plogotlp.NewExportRequest(), t); err != nil {
			b.Fatal(err)
		}
		t.release()
	}
}
