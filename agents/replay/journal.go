package replay

import (
	"encoding/binary"
	"strings"

	"github.com/cespare/xxhash/v2"
	"go.opentelemetry.io/collector/pdata/plog"

	"clew/agents/origin"
)

// journalPrefix is what the keys of the marks of journals begin with.
const journalPrefix = "journal/"

// cursors are hashes of the journal's names of records: those of the last entry that was queued of a journal's reader. The reader writes its own cursor after
// each batch, so that a batch is all it can bring twice.
type cursors map[uint64]bool

// seal writes cursors as a mark.
func (c cursors) seal() []byte {
	var b []byte
	for h := range c {
		b = binary.LittleEndian.AppendUint64(b, h)
	}
	return b
}

func unseal(b []byte) cursors {
	c := cursors{}
	for ; len(b) >= 8; b = b[8:] {
		c[binary.LittleEndian.Uint64(b)] = true
	}
	return c
}

// admitJournal removes records of journals that are queued already, and takes the cursors off the others.
func (d *Door) admitJournal(p *Pass, logs plog.Logs) {
	var fresh map[string]cursors
	for _, rl := range logs.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			sl.LogRecords().RemoveIf(func(lr plog.LogRecord) bool {
				name, ok := lr.Attributes().Get(origin.CursorAttribute)
				if !ok {
					return false
				}
				reader, cursor, _ := strings.Cut(name.AsString(), " ")
				lr.Attributes().Remove(origin.CursorAttribute)
				h := xxhash.Sum64String(cursor)
				if fresh == nil {
					fresh = map[string]cursors{}
				}
				if fresh[reader] == nil {
					fresh[reader] = cursors{}
				}
				fresh[reader][h] = true
				if d.journals[reader][h] {
					p.JournalReplayed++
					return true
				}
				return false
			})
		}
	}
	for reader, c := range fresh {
		if len(c) > cursorsMax {
			continue // no reader of ours brings so many at once; they would not fit a mark
		}
		if p.Marks == nil {
			p.Marks = map[string][]byte{}
		}
		p.Marks[journalPrefix+reader] = c.seal()
		p.journals = fresh
	}
}
