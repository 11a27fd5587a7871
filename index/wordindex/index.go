package wordindex

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
)

// Entry is one string of a column's vocabulary.
type Entry struct {
	Tenant   string
	Field    string // the column's name; "" for an entry that is itself a column's name
	Template bool   // Text is a template, not a value
	Text     []byte
}

// ID is EntryID of the entry.
func (e *Entry) ID() uint64 { return EntryID(e.Tenant, e.Field, e.Template, e.Text) }

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

// Index answers from what it has been fed. Feed, Retain, Rebuild and Save are for one goroutine; all other methods are safe for concurrent use.
type Index struct {
	dir    string
	limits Limits
	log    *slog.Logger

	mu      sync.RWMutex
	current *generation
	rebuilt time.Time // when the current generation was begun, or the index opened
}

// Limits bounds an Index.
type Limits struct {
	Entries  int   // held
	Bytes    int64 // of their texts
	BatchLen int   // entries written at once
	// DeadShare is the part of dead (and passed over) entries past which the index is Stale; DeadAge is how long any dead entry may stay.
	DeadShare float64
	DeadAge   time.Duration
	// Duty is the part of its time that feeding works: between batches it rests.
	Duty float64
}

// DefaultLimits: a million entries; docs/operate.md has what they cost. Batches of two thousand keep bleve's segments few.
func DefaultLimits() Limits {
	return Limits{Entries: 1_000_000, Bytes: 128 << 20, BatchLen: 2000, DeadShare: 0.25, DeadAge: 24 * time.Hour, Duty: 0.5}
}

const (
	// entryBytesMax is the longest text that is fed. Longer ones are documents of their own kind, met once.
	entryBytesMax = 16 << 10
	// rebuildEvery is the least time between two rebuilds that only make room: each writes everything anew.
	rebuildEvery = time.Hour
	// currentFile names the generation that answers.
	currentFile = "CURRENT"
	// generationPrefix begins the names of generations' directories.
	generationPrefix = "generation-"
)

// Open opens the index in dir, or makes a new one if there is none or it can't be read.
func Open(dir string, limits Limits, log *slog.Logger) (*Index, error) {
	ix := &Index{dir: dir, limits: limits, log: log, rebuilt: time.Now()}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("vocabulary index: %w", err)
	}
	name, err := os.ReadFile(filepath.Join(dir, currentFile))
	if err == nil {
		ix.current, err = openGeneration(filepath.Join(dir, filepath.Base(strings.TrimSpace(string(name)))))
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		log.Warn("vocabulary index can't be opened and is made anew", "dir", dir, "error", err)
	}
	if ix.current == nil {
		if ix.current, err = ix.newGeneration(); err != nil {
			return nil, err
		}
		if err := ix.name(ix.current); err != nil {
			return nil, errors.Join(err, ix.current.close())
		}
	}
	ix.removeOthers()
	return ix, nil
}

// newGeneration makes an empty one, which nothing names yet.
func (ix *Index) newGeneration() (*generation, error) {
	dir, err := os.MkdirTemp(ix.dir, generationPrefix)
	if err != nil {
		return nil, fmt.Errorf("vocabulary index: %w", err)
	}
	g, err := makeGeneration(filepath.Join(dir, "bleve"))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	g.dir = dir
	return g, nil
}

// name makes g the generation that the next start opens.
func (ix *Index) name(g *generation) error {
	return writeFile(filepath.Join(ix.dir, currentFile), []byte(filepath.Base(g.dir)+"\n"))
}

// writeFile replaces a file in one step.
func writeFile(name string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".tmp-")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", name, err), os.Remove(f.Name()))
	}
	return nil
}

// removeOthers removes what is not the current generation: unfinished ones, those that were replaced, and files of earlier versions.
func (ix *Index) removeOthers() {
	entries, err := os.ReadDir(ix.dir)
	if err != nil {
		ix.log.Warn("old generations of the vocabulary index stay", "dir", ix.dir, "error", err)
		return
	}
	for _, e := range entries {
		if e.Name() == currentFile || e.Name() == filepath.Base(ix.current.dir) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(ix.dir, e.Name())); err != nil {
			ix.log.Warn("an old generation of the vocabulary index stays", "name", e.Name(), "error", err)
		}
	}
}

// Close saves and closes the index. Nobody may feed it any more.
func (ix *Index) Close() error {
	err := ix.Save()
	if err := errors.Join(err, ix.generation().close()); err != nil {
		return fmt.Errorf("close vocabulary index %s: %w", ix.dir, err)
	}
	return nil
}

// generation is the one that answers.
func (ix *Index) generation() *generation {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return ix.current
}

// Stats says what an index holds.
type Stats struct {
	Entries  int   `json:"entries"`
	Dead     int   `json:"dead"`     // of them met in no segment that there still is
	Bytes    int64 `json:"bytes"`    // of texts
	Segments int   `json:"segments"` // fed
	Passed   int64 `json:"passed"`   // entries passed over because the index was full, since its generation began
}

// Stats describes the index.
func (ix *Index) Stats() Stats {
	g := ix.generation()
	g.mu.RLock()
	defer g.mu.RUnlock()
	m := g.marks
	return Stats{Entries: len(m.entries), Dead: m.dead, Bytes: m.bytes, Segments: m.live(), Passed: m.passed}
}

// Len is the number of entries held.
func (ix *Index) Len() int { return ix.Stats().Entries }

// Source is a segment whose entries are fed.
type Source struct {
	Name   string
	Newest int64 // time of its newest record, nanoseconds
}

// Fed says whether the segment's entries have been fed.
func (ix *Index) Fed(segment string) bool {
	g := ix.generation()
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.marks.fed(segment)
}

// Feed takes a segment's entries: it writes those that it does not hold, and notes of all that this segment has them. It returns once they are
// found by searches, or ctx ends; it rests in between (Limits.Duty).
func (ix *Index) Feed(ctx context.Context, segment Source, entries iter.Seq[Entry]) error {
	return ix.feed(ctx, ix.generation(), segment, entries)
}

func (ix *Index) feed(ctx context.Context, g *generation, segment Source, entries iter.Seq[Entry]) error {
	g.mu.Lock()
	mark := g.marks.begin(segment.Name, segment.Newest)
	g.mu.Unlock()
	var batch []Entry
	write := func() error {
		began := time.Now()
		if err := g.write(batch, mark); err != nil {
			return fmt.Errorf("write vocabulary index %s: %w", g.dir, err)
		}
		clear(batch)
		batch = batch[:0]
		return rest(ctx, time.Duration(float64(time.Since(began))*(1/ix.limits.Duty-1)))
	}
	pending := map[uint64]struct{}{} // in batch
	bytes := int64(0)
	for e := range entries {
		if len(e.Text) > entryBytesMax {
			continue
		}
		id := e.ID()
		if _, ok := pending[id]; ok || !g.take(id, mark, &e, len(batch), bytes, &ix.limits) {
			continue
		}
		pending[id] = struct{}{}
		e.Text = append([]byte(nil), e.Text...)
		bytes += int64(len(e.Text))
		if batch = append(batch, e); len(batch) >= ix.limits.BatchLen {
			if err := write(); err != nil {
				return err
			}
			clear(pending)
			bytes = 0
		}
	}
	if len(batch) > 0 {
		if err := write(); err != nil {
			return err
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.marks.end(mark)
	return ctx.Err()
}

// rest waits, unless ctx ends.
func rest(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Retain forgets the segments that are not live.
func (ix *Index) Retain(live func(segment string) bool) {
	g := ix.generation()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.marks.retain(live)
}

// Stale says whether the index should be rebuilt: too many entries are dead, or have been dead for too long; or it is full and passes too many over.
func (ix *Index) Stale(now time.Time) bool {
	s := ix.Stats()
	ix.mu.RLock()
	age := now.Sub(ix.rebuilt)
	ix.mu.RUnlock()
	most := ix.limits.DeadShare * float64(max(s.Entries, ix.limits.BatchLen))
	switch {
	case float64(s.Dead) > most:
		return true
	case s.Dead > 0 && age > ix.limits.DeadAge:
		return true
	}
	return float64(s.Dead)+float64(s.Passed) > most && age > rebuildEvery
}

// Rebuild makes a new generation, has fill feed it, and puts it into the place of the old one. Until then the old one answers; if fill fails, it goes on.
func (ix *Index) Rebuild(ctx context.Context, fill func(feed func(segment Source, entries iter.Seq[Entry]) error) error) error {
	next, err := ix.newGeneration()
	if err != nil {
		return err
	}
	err = fill(func(segment Source, entries iter.Seq[Entry]) error { return ix.feed(ctx, next, segment, entries) })
	if err == nil {
		err = next.save()
	}
	if err == nil {
		err = ix.name(next)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("rebuild vocabulary index: %w", err), next.close(), os.RemoveAll(next.dir))
	}
	ix.mu.Lock()
	old := ix.current
	ix.current, ix.rebuilt = next, time.Now()
	ix.mu.Unlock()
	if err := errors.Join(old.close(), os.RemoveAll(old.dir)); err != nil {
		ix.log.Warn("an old generation of the vocabulary index stays", "dir", old.dir, "error", err)
	}
	return nil
}

// Save writes down which segments have been fed, so that the next start need not feed them again. What is lost of it costs time and no answers.
func (ix *Index) Save() error { return ix.generation().save() }

// Covered says for each id whether the index holds the entry: Select then speaks for it.
func (ix *Index) Covered(ids []uint64) []bool { return ix.generation().covered(ids) }
