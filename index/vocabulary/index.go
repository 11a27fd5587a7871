package vocabulary

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/cespare/xxhash/v2"
)

// Entry is one string of a column's vocabulary.
type Entry struct {
	Tenant   string
	Field    string // the column's name; "" for an entry that is itself a column's name
	Template bool   // Text is a template, not a value
	Text     []byte
}

// EntryID identifies an entry whatever part it is in. Two of a million entries share one with a probability below 1e-7.
func EntryID(tenant, field string, template bool, text []byte) uint64 {
	var d xxhash.Digest
	d.Reset()
	kind := [2]byte{0, 'v'}
	if template {
		kind[1] = 't'
	}
	// Neither a tenant nor a column's name contains a zero byte.
	_, _ = d.WriteString(tenant)
	_, _ = d.Write(kind[:])
	_, _ = d.WriteString(field)
	_, _ = d.Write([]byte{0})
	_, _ = d.Write(text)
	return d.Sum64()
}

// Index is bleve over the vocabularies of many parts at once. It speeds up questions about words over large vocabularies, and
// completes names and values. It is a cache: whatever it does not hold is matched directly, so that answers are the same with
// it empty; its directory may be deleted whenever it is closed.
//
// An entry is fed once, however many parts have it. A document costs about a tenth of a millisecond, so only templates, column names and the
// values of columns with few of them are worth feeding; Add never waits, and Run does the work.
//
// All methods are safe for concurrent use.
type Index struct {
	dir    string
	limits IndexLimits
	log    *slog.Logger
	bleve  bleve.Index

	queue   chan Entry
	dropped atomic.Int64

	mu      sync.RWMutex
	covered map[uint64]struct{} // ids that searches see
	pending map[uint64]struct{} // ids in the queue
	bytes   int64               // of texts in the queue
}

// IndexLimits bounds an Index.
type IndexLimits struct {
	Entries    int           // in the index; more are not taken
	QueueLen   int           // entries waiting
	QueueBytes int64         // of their texts
	BatchLen   int           // entries written at once
	BatchWait  time.Duration // how long a batch waits to fill
}

// DefaultIndexLimits: a million entries are about 200 MB on disk; batches of five hundred keep bleve's segments few.
func DefaultIndexLimits() IndexLimits {
	return IndexLimits{Entries: 1_000_000, QueueLen: 50_000, QueueBytes: 16 << 20, BatchLen: 500, BatchWait: 200 * time.Millisecond}
}

// entryBytesMax is the longest text that is fed. Longer ones are documents of their own kind, met once.
const entryBytesMax = 16 << 10

// OpenIndex opens the index in dir, or makes a new one if there is none or it can't be read.
func OpenIndex(dir string, limits IndexLimits, log *slog.Logger) (*Index, error) {
	ix := &Index{
		dir: dir, limits: limits, log: log,
		queue:   make(chan Entry, limits.QueueLen),
		covered: map[uint64]struct{}{}, pending: map[uint64]struct{}{},
	}
	err := ix.open()
	if err != nil && !errors.Is(err, bleve.ErrorIndexPathDoesNotExist) {
		log.Warn("vocabulary index can't be opened and is made anew", "dir", dir, "err", err)
		if err := os.RemoveAll(dir); err != nil {
			return nil, fmt.Errorf("remove vocabulary index %s: %w", dir, err)
		}
	}
	if err == nil {
		return ix, nil
	}
	if ix.bleve, err = bleve.NewUsing(dir, bleve.NewIndexMapping(), scorch.Name, scorch.Name, nil); err != nil {
		return nil, fmt.Errorf("make vocabulary index %s: %w", dir, err)
	}
	return ix, nil
}

// open opens what is there and learns which entries it holds.
func (ix *Index) open() (err error) {
	defer func() {
		if r := recover(); r != nil { // bleve maps files and trusts them
			err = fmt.Errorf("open vocabulary index: panic: %v", r)
		}
	}()
	b, err := bleve.Open(ix.dir)
	if err != nil {
		return err
	}
	err = readIDs(b, ix.covered)
	if err != nil {
		return errors.Join(err, b.Close())
	}
	ix.bleve = b
	return nil
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

// Close closes the index. Run must have ended.
func (ix *Index) Close() error {
	if err := ix.bleve.Close(); err != nil {
		return fmt.Errorf("close vocabulary index %s: %w", ix.dir, err)
	}
	return nil
}

// Len is the number of entries held. Dropped is how many entries were offered and not taken because a bound was reached.
func (ix *Index) Len() int {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return len(ix.covered)
}

// Dropped is described at Len.
func (ix *Index) Dropped() int64 { return ix.dropped.Load() }

// Add queues entries that are neither held nor queued. It copies their texts, and does not wait: past the bounds they are dropped.
func (ix *Index) Add(entries ...Entry) {
	for _, e := range entries {
		id := EntryID(e.Tenant, e.Field, e.Template, e.Text)
		ix.mu.Lock()
		_, covered := ix.covered[id]
		_, pending := ix.pending[id]
		full := len(ix.covered)+len(ix.pending) >= ix.limits.Entries || ix.bytes+int64(len(e.Text)) > ix.limits.QueueBytes ||
			len(ix.pending) >= ix.limits.QueueLen
		take := !covered && !pending && !full && len(e.Text) <= entryBytesMax
		if take {
			ix.pending[id] = struct{}{}
			ix.bytes += int64(len(e.Text))
		}
		ix.mu.Unlock()
		switch {
		case take:
			e.Text = append([]byte(nil), e.Text...)
			ix.queue <- e // has room: pending counts what is in it
		case !covered && !pending:
			ix.dropped.Add(1)
		}
	}
}

// Run writes queued entries in batches until ctx is done. An error means that bleve can't write any more; the index goes on answering.
func (ix *Index) Run(ctx context.Context) error {
	var batch []Entry
	timer := time.NewTimer(ix.limits.BatchWait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e := <-ix.queue:
			if batch = append(batch, e); len(batch) < ix.limits.BatchLen {
				continue
			}
		case <-timer.C:
			timer.Reset(ix.limits.BatchWait)
		}
		if len(batch) == 0 {
			continue
		}
		if err := ix.write(batch); err != nil {
			return fmt.Errorf("write vocabulary index %s: %w", ix.dir, err)
		}
		clear(batch)
		batch = batch[:0]
	}
}

func (ix *Index) write(entries []Entry) error {
	batch := ix.bleve.NewBatch()
	ids := make([]uint64, len(entries))
	bytes := int64(0)
	for i, e := range entries {
		ids[i] = EntryID(e.Tenant, e.Field, e.Template, e.Text)
		bytes += int64(len(e.Text))
		if err := batch.IndexAdvanced(entryDocument(ids[i], e)); err != nil {
			return err
		}
	}
	err := ix.bleve.Batch(batch)
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.bytes -= bytes
	for _, id := range ids {
		delete(ix.pending, id)
		if err == nil {
			ix.covered[id] = struct{}{}
		}
	}
	return err
}

// Covered says for each id whether the index holds the entry: Select then speaks for it.
func (ix *Index) Covered(ids []uint64) []bool {
	out := make([]bool, len(ids))
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	for i, id := range ids {
		_, out[i] = ix.covered[id]
	}
	return out
}
