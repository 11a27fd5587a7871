package wordindex

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
)

// generation is one bleve index and what is known of its entries.
type generation struct {
	dir string // holds bleve's directory and the marks' file

	// life is held for reading by searches: the last one lets close go on.
	life   sync.RWMutex
	bleve  bleve.Index
	closed bool

	mu    sync.RWMutex
	marks *marks
	dirty bool // marks have changed since they were saved
}

// errClosed says that another generation has taken this one's place.
var errClosed = errors.New("generation is closed")

// makeGeneration makes an empty one.
func makeGeneration(dir string) (*generation, error) {
	b, err := bleve.NewUsing(dir, bleve.NewIndexMapping(), scorch.Name, scorch.Name, nil)
	if err != nil {
		return nil, fmt.Errorf("make vocabulary index %s: %w", dir, err)
	}
	return &generation{dir: filepath.Dir(dir), bleve: b, marks: newMarks()}, nil
}

// openGeneration opens one and learns which entries it holds: bleve says which, the marks' file where they were met.
func openGeneration(dir string) (g *generation, err error) {
	defer func() {
		if r := recover(); r != nil { // bleve maps files and trusts them
			err = fmt.Errorf("open vocabulary index: panic: %v", r)
		}
	}()
	b, err := bleve.Open(filepath.Join(dir, "bleve"))
	if err != nil {
		if errors.Is(err, bleve.ErrorIndexPathDoesNotExist) {
			return nil, fmt.Errorf("%w: %w", os.ErrNotExist, err)
		}
		return nil, err
	}
	g = &generation{dir: dir, bleve: b}
	held, err := b.DocCount()
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	g.marks, err = readMarks(filepath.Join(dir, marksFile))
	if err != nil {
		g.marks = newMarks() // every segment is fed again; what is held already costs a look
	}
	if uint64(len(g.marks.entries)) != held {
		// Entries were written after the marks, or the marks are lost.
		ids := map[uint64]struct{}{}
		if err := readIDs(b, ids); err != nil {
			return nil, errors.Join(err, b.Close())
		}
		g.marks.hold(ids)
	}
	return g, nil
}

func readIDs(b bleve.Index, into map[uint64]struct{}) error {
	advanced, err := b.Advanced()
	if err != nil {
		return err
	}
	reader, err := advanced.Reader()
	if err != nil {
		return err
	}
	ids, err := reader.DocIDReaderAll()
	if err != nil {
		return errors.Join(err, reader.Close())
	}
	for {
		internal, err := ids.Next()
		if err != nil || internal == nil {
			return errors.Join(err, ids.Close(), reader.Close())
		}
		external, err := reader.ExternalID(internal)
		if err != nil {
			return errors.Join(err, ids.Close(), reader.Close())
		}
		if len(external) == 8 {
			into[binary.BigEndian.Uint64([]byte(external))] = struct{}{}
		}
	}
}

// close waits for the searches under way.
func (g *generation) close() error {
	g.life.Lock()
	defer g.life.Unlock()
	if g.closed {
		return nil
	}
	g.closed = true
	return g.bleve.Close()
}

// use keeps the generation open while f runs.
func (g *generation) use(f func() error) error {
	g.life.RLock()
	defer g.life.RUnlock()
	if g.closed {
		return errClosed
	}
	return f()
}

// take notes that the segment of mark has the entry, and says whether it is to be written: it is not held yet, and there is room beside the queued ones.
func (g *generation) take(id uint64, mark uint32, e *Entry, queued int, queuedBytes int64, limits *Limits) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dirty = true
	m := g.marks
	if m.meet(id, mark) {
		return false
	}
	full := len(m.entries)+queued >= limits.Entries || m.bytes+queuedBytes+int64(len(e.Text)) > limits.Bytes
	// While there are others, no tenant fills more than half.
	crowding := len(m.tenants) > 1 && m.tenants[e.Tenant]+queued >= limits.Entries/2
	if full || crowding {
		m.passed++
		return false
	}
	return true
}

// write adds entries, met in the segment of mark.
func (g *generation) write(entries []Entry, mark uint32) error {
	batch := g.bleve.NewBatch()
	for i := range entries {
		if err := batch.IndexAdvanced(entryDocument(entries[i].ID(), entries[i])); err != nil {
			return err
		}
	}
	if err := g.bleve.Batch(batch); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range entries {
		g.marks.add(&entries[i], mark)
	}
	return nil
}

func (g *generation) covered(ids []uint64) []bool {
	out := make([]bool, len(ids))
	g.mu.RLock()
	defer g.mu.RUnlock()
	for i, id := range ids {
		_, out[i] = g.marks.entries[id]
	}
	return out
}

// save writes the marks if they have changed.
func (g *generation) save() error {
	g.mu.Lock()
	if !g.dirty {
		g.mu.Unlock()
		return nil
	}
	data := g.marks.encode()
	g.dirty = false
	g.mu.Unlock()
	return writeFile(filepath.Join(g.dir, marksFile), data)
}
