// Package replay knows log records again that are read from a file, or the journal, a second time.
//
// What has been read is queued first and checkpointed by the file's reader later, so after kill -9 the reader begins before what is queued already. The
// door keeps, per file, the offset of the last record that was queued, and makes that durable with the queue's entry itself (a mark): the two cannot
// disagree. A file is its device, its inode and a hash of its beginning; a copy of it (rotation by copying and truncating) is known by the hash alone. A
// reader reads each file in order, so at a restart what lies up to the last offset is a repetition, and nothing else is.
//
// Records of the journal have names of their own (cursors): those of the last entry are the mark.
//
// Where the reader joins lines by time, a record may be longer the second time. Such a record is let in: rather a part of it twice than the rest not at all.
package replay

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/cespare/xxhash/v2"
	"go.opentelemetry.io/collector/pdata/plog"

	"clew/agents/origin"
)

// markPrefix is what the keys of the door's marks begin with.
const markPrefix = "file/"

// Door lets records of files in that are not queued yet. Its methods may be called concurrently, but a file's records come in order.
type Door struct {
	earlier []place // of all files at the start: a copy of one may come

	mu       sync.Mutex
	files    map[inode]*file
	byPath   map[string]*bound
	journals map[string]cursors // by reader
}

// bound is the file that a path stands for, and the last offset seen under it: the path may be another file's by now.
type bound struct {
	*file
	seen int64
}

type inode struct{ dev, ino uint64 }

// file is what is known of one.
type file struct {
	inode
	// place is durable.
	place
	// resuming is so from the start until a record comes that was not queued.
	resuming bool
	// resumed is the last offset seen while resuming.
	resumed int64
}

// place is where the queue is in a file.
type place struct {
	HeadBytes int    `json:"headBytes"`
	Head      uint64 `json:"head"`   // hash of the first HeadBytes bytes
	Offset    int64  `json:"offset"` // of the last record queued; -1 if none
	Last      uint64 `json:"last"`   // hash of that record's body
}

// New makes a door that knows what the queue's marks tell. Other marks than the door's are ignored.
func New(marks map[string][]byte) *Door {
	d := &Door{files: map[inode]*file{}, byPath: map[string]*bound{}, journals: map[string]cursors{}}
	for key, value := range marks {
		if reader, ok := strings.CutPrefix(key, journalPrefix); ok {
			d.journals[reader] = unseal(value)
			continue
		}
		key, ok := strings.CutPrefix(key, markPrefix)
		f := &file{resuming: true, resumed: -1}
		if _, err := fmt.Sscanf(key, "%x-%x", &f.dev, &f.ino); !ok || err != nil || json.Unmarshal(value, &f.place) != nil {
			continue
		}
		d.files[f.inode] = f
		d.earlier = append(d.earlier, f.place)
	}
	return d
}

// Pass is what became of records at the door.
type Pass struct {
	// Replayed counts the records that were removed, by path.
	Replayed map[string]int
	// JournalReplayed counts those of journals.
	JournalReplayed int
	// Marks are to be queued with the records that are left.
	Marks map[string][]byte

	door     *Door
	moves    []move
	journals map[string]cursors
}

// move is where a file will be once its records are queued.
type move struct {
	file *file
	to   place
}

// record is one of a file's.
type record struct {
	offset int64
	body   string
	replay bool
}

// Admit removes from logs what is queued already. Once the rest is queued, with the marks, call Done.
func (d *Door) Admit(logs plog.Logs) *Pass {
	p := &Pass{door: d}
	batches := map[string][]*record{}
	each(logs, func(path string, offset int64, lr plog.LogRecord) bool {
		batches[path] = append(batches[path], &record{offset: offset, body: lr.Body().AsString()})
		return false
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	d.admitJournal(p, logs)
	if len(batches) == 0 {
		return p
	}
	for path, records := range batches {
		d.admitFile(p, path, slices.Clone(records))
	}
	at := map[string]int{}
	each(logs, func(path string, _ int64, lr plog.LogRecord) bool {
		lr.Attributes().Remove(origin.OffsetAttribute)
		i := at[path]
		at[path]++
		return batches[path][i].replay
	})
	return p
}

// each visits the records that come from files, and removes those for which f says so.
func each(logs plog.Logs, f func(path string, offset int64, lr plog.LogRecord) bool) {
	for _, rl := range logs.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			sl.LogRecords().RemoveIf(func(lr plog.LogRecord) bool {
				path, ok := lr.Attributes().Get(origin.PathAttribute)
				offset, has := lr.Attributes().Get(origin.OffsetAttribute)
				return ok && has && f(path.AsString(), offset.Int(), lr)
			})
		}
	}
}

// admitFile says which of a file's records are repetitions, and where the file is after them.
func (d *Door) admitFile(p *Pass, path string, records []*record) {
	slices.SortStableFunc(records, func(a, b *record) int { return cmp.Compare(a.offset, b.offset) })
	first, last := records[0], records[len(records)-1]
	f := d.identify(path, first)
	if f == nil {
		return
	}
	d.byPath[path] = &bound{f, last.offset}
	d.files[f.inode] = f
	switch {
	case !f.resuming:
	case first.offset > f.Offset || first.offset <= f.resumed:
		f.resuming = false // behind all that was queued, or begun anew
	default:
		n := 0
		for i, r := range records {
			end := r.offset + int64(len(r.body))
			if i+1 < len(records) {
				end = records[i+1].offset
			}
			if r.replay = f.queued(r, end); r.replay {
				n++
			}
		}
		if n > 0 {
			if p.Replayed == nil {
				p.Replayed = map[string]int{}
			}
			p.Replayed[path] += n
		}
		if n == len(records) {
			f.resumed = max(f.resumed, last.offset)
			return
		}
	}
	to := f.place
	if !f.resuming && first.offset <= f.Offset {
		to.HeadBytes = 0 // truncated: another beginning
	}
	to.refresh(path, f.inode)
	to.Offset, to.Last = last.offset, xxhash.Sum64String(last.body)
	if f.resuming {
		to.Offset = max(to.Offset, f.Offset)
	}
	value, err := json.Marshal(to)
	if err != nil {
		return // numbers always encode
	}
	if p.Marks == nil {
		p.Marks = map[string][]byte{}
	}
	p.Marks[fmt.Sprintf("%s%x-%x", markPrefix, f.dev, f.ino)] = value
	p.moves = append(p.moves, move{f, to})
}

// queued says whether a record, which ends before end, is in the queue as it is.
func (f *file) queued(r *record, end int64) bool {
	switch {
	case r.offset > f.Offset:
		return false
	case r.offset == f.Offset:
		return xxhash.Sum64String(r.body) == f.Last
	}
	return end <= f.Offset // else it holds more than it did
}

// Done says that the records are queued.
func (p *Pass) Done() {
	p.door.mu.Lock()
	defer p.door.mu.Unlock()
	for _, m := range p.moves {
		if m.to.Offset > m.file.Offset || !m.file.resuming {
			m.file.resuming = false
		}
		m.file.place = m.to
	}
	maps.Copy(p.door.journals, p.journals)
	if len(p.door.byPath) > filesMax {
		clear(p.door.byPath) // found again by their inodes
	}
	if len(p.door.files) > 2*filesMax {
		clear(p.door.files)
	}
}

// identify finds the file that records at a path come from. nil if it cannot be known: then nothing is taken for a repetition.
func (d *Door) identify(path string, first *record) *file {
	known := d.byPath[path]
	if known != nil {
		info, err := os.Stat(path)
		if err != nil {
			return known.file
		}
		// If the path is another file's since, these may be the rest of the old one: a new file begins at its beginning.
		if id, ok := inodeOf(info); !ok || known.inode == id || first.offset > known.seen {
			return known.file
		}
	}
	id, head, ok := locate(path, first)
	if !ok {
		return nil
	}
	f := d.files[id]
	if f != nil && (!f.resuming || f.begins(head)) {
		return f
	}
	fresh := &file{inode: id, place: place{Offset: -1}}
	for _, p := range d.earlier {
		if p.HeadBytes >= headBytesMin && p.begins(head) && p.Offset > fresh.Offset {
			fresh.place, fresh.resuming, fresh.resumed = p, true, -1
		}
	}
	return fresh
}

// locate finds the file that has a record where the record says it is: at the path, or beside it where rotation has put it since. The inode alone does not
// tell: it would give a new file the old one's place, and what it has up to there would be lost.
func locate(path string, r *record) (id inode, head []byte, ok bool) {
	beside, err := filepath.Glob(path + "*")
	if err != nil || len(beside) > besideMax {
		beside = nil // a path with signs of patterns in it, or a directory of very many
	}
	for _, name := range append([]string{path}, beside...) {
		if id, head, ok := holds(name, r); ok {
			return id, head, true
		}
	}
	return inode{}, nil, false
}

// holds says whether a file has a record's text at the record's offset, behind what a container runtime may put before it.
func holds(name string, r *record) (id inode, head []byte, ok bool) {
	text, _, _ := strings.Cut(r.body, "\n")
	text = text[:min(len(text), textBytes)]
	f, err := os.Open(name)
	if err != nil || text == "" {
		return id, nil, false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return id, nil, false
	}
	if id, ok = inodeOf(info); !ok {
		return id, nil, false
	}
	there := make([]byte, textBytes+framingBytes)
	n, err := f.ReadAt(there, r.offset)
	if (err != nil && err != io.EOF) || !strings.Contains(string(there[:n]), text) { //nolint:errorlint // ReadAt gives it as it is
		return id, nil, false
	}
	head, ok = readHead(name, id)
	return id, head, ok
}

// begins says whether a file with this beginning is the one whose place it is.
func (p *place) begins(head []byte) bool {
	return p.HeadBytes > 0 && len(head) >= p.HeadBytes && xxhash.Sum64(head[:p.HeadBytes]) == p.Head
}

// refresh takes more of the file's beginning, if there is more.
func (p *place) refresh(path string, id inode) {
	if p.HeadBytes == headBytesMax {
		return
	}
	if head, ok := readHead(path, id); ok && len(head) > p.HeadBytes {
		p.HeadBytes, p.Head = len(head), xxhash.Sum64(head)
	}
}

// readHead reads the beginning of the file at path if it is the one that is meant.
func readHead(path string, id inode) ([]byte, bool) {
	f, err := os.Open(path)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, false
	}
	if have, ok := inodeOf(info); !ok || have != id {
		return nil, false
	}
	head := make([]byte, headBytesMax)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF { //nolint:errorlint // ReadFull gives them as they are
		return nil, false
	}
	return head[:n], true
}

func inodeOf(info os.FileInfo) (inode, bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return inode{}, false
	}
	return inode{uint64(s.Dev), s.Ino}, true //nolint:unconvert // Dev is not uint64 on every system
}
