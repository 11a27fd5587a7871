package replay

import (
	"fmt"
	"testing"

	"go.opentelemetry.io/collector/pdata/plog"

	"clew/agents/origin"
)

func journalRecords(reader string, from, to int) plog.Logs {
	logs := plog.NewLogs()
	records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for i := from; i < to; i++ {
		lr := records.AppendEmpty()
		lr.Body().SetInt(int64(i))
		lr.Attributes().PutStr(origin.CursorAttribute, fmt.Sprintf("%s s=abc;i=%x", reader, i))
	}
	return logs
}

// What a kill leaves between the queue and the journal's cursor is read again, in other batches, and is known; another reader's records are its own.
func TestJournal(t *testing.T) {
	marks := map[string][]byte{}
	door := New(nil)
	offer := func(reader string, from, to, want int) {
		t.Helper()
		logs := journalRecords(reader, from, to)
		p := door.Admit(logs)
		if p.JournalReplayed != want || logs.LogRecordCount() != to-from-want {
			t.Errorf("records %d to %d of %s: %d replayed, %d left, want %d replayed", from, to, reader, p.JournalReplayed, logs.LogRecordCount(), want)
		}
		for _, lr := range logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
			if lr.Attributes().Len() != 0 {
				t.Error("the cursor is left on a record")
			}
		}
		if want == to-from {
			return // nothing to queue
		}
		for k, v := range p.Marks {
			marks[k] = v
		}
		p.Done()
	}
	offer("journal", 0, 100, 0)
	offer("journal", 100, 300, 0)
	offer("journal", 100, 300, 200) // the cursor could not be written
	door = New(marks)               // kill -9
	offer("journal", 100, 150, 50)
	offer("journal/other", 100, 300, 0)
	door = New(marks)
	offer("journal", 150, 310, 150)
	door = New(marks)
	offer("journal", 150, 310, 160)
	offer("journal", 310, 320, 0)

	// Refused: it comes again.
	door.Admit(journalRecords("journal", 320, 330))
	offer("journal", 320, 330, 0)

	for _, v := range marks {
		if len(v) > 4096 {
			t.Errorf("a mark of %d bytes", len(v))
		}
	}
	door.Admit(journalRecords("journal", 1000, 1000+cursorsMax+1)).Done()
	offer("journal", 2000, 2010, 0)
}
