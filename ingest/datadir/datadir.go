// Package datadir opens a data directory that no clew runs on, and mends what can be mended.
//
// Which segments exist is the fold of the commits: the newest snapshot of the catalog, and the entries of the commit stream after it. An
// entry that is damaged or gone is a hole. Most holes matter to nobody, because a snapshot holds what the entry said. One that matters
// stops clew at start, which does not guess.
//
// Here it is inferred what the entry must have said. The later commits of the shard bring its positions; what it added are whole segments
// that nothing else names, made between its neighbours; what it removed, in part, are segments whose objects are gone. What is
// inferred is listed ([Hole]), and only written down by [Dir.Mend].
package datadir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"clew/index/catalog"
	"clew/index/store"
	"clew/ingest/shardlog"
)

// The parts of a data directory, below it.
const (
	logDir      = "log"
	segmentsDir = "segments"
	catalogDir  = "catalog"
	spoolDir    = "spool"
	storeFile   = "STORE"
)

// CatalogPrefix begins the names of the objects that a data directory keeps copies of where its segments are in an object store.
const CatalogPrefix = "catalog/"

// SegmentsDir is where the objects of a data directory are.
func SegmentsDir(data string) string { return filepath.Join(data, segmentsDir) }

// LogDir is where its log is.
func LogDir(data string) string { return filepath.Join(data, logDir) }

// SpoolDir is where segments wait for the object store.
func SpoolDir(data string) string { return filepath.Join(data, spoolDir) }

// StoreFile is where a data directory remembers which store has its segments.
func StoreFile(data string) string { return filepath.Join(data, storeFile) }

// StorePlace reads what a data directory remembers: the place of the object store that has its segments, "" if they are in the directory
// itself. known is false if it remembers nothing yet.
func StorePlace(data string) (place string, known bool, err error) {
	b, err := os.ReadFile(StoreFile(data))
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("place of the segments: %w", err)
	}
	return strings.TrimSpace(string(b)), true, nil
}

// SetStorePlace makes a data directory remember the place of its segments.
func SetStorePlace(data, place string) error {
	if err := os.WriteFile(StoreFile(data), []byte(place+"\n"), 0o600); err != nil {
		return fmt.Errorf("place of the segments: %w", err)
	}
	return nil
}

// Mirrored is the object store of a data directory as clew uses it: with copies of the catalog's snapshots in the directory.
func Mirrored(data string, far store.RangeReader) (*store.Mirror, error) {
	copies, err := store.OpenDir(filepath.Join(data, catalogDir))
	if err != nil {
		return nil, err
	}
	return store.NewMirror(far, copies, CatalogPrefix), nil
}

// Dir is an open data directory. It belongs to this process until Close.
type Dir struct {
	Path    string
	Store   store.Store
	Log     *shardlog.Embedded
	Catalog *catalog.Catalog // with the holes bridged
	Holes   []Hole           // those that matter to the catalog, in order of sequence
}

// Open opens an existing data directory and folds its commits, holes or not. far is the object store that has its segments; nil: they are in
// the directory. It fails with an error for which errors.Is(err, shardlog.ErrInUse) holds if a clew runs on it.
func Open(ctx context.Context, path string, far store.RangeReader, logger *slog.Logger) (*Dir, error) {
	parts := []string{logDir, segmentsDir}
	if far != nil {
		parts = parts[:1]
	}
	for _, part := range parts {
		if info, err := os.Stat(filepath.Join(path, part)); err != nil || !info.IsDir() {
			return nil, fmt.Errorf("open data directory %s: it has no directory %s: not clew's data", path, part)
		}
	}
	d := &Dir{Path: path}
	var err error
	if far == nil {
		d.Store, err = store.OpenDir(SegmentsDir(path))
	} else {
		d.Store, err = Mirrored(path, far)
	}
	if err != nil {
		return nil, err
	}
	// As large as it may get: opening it here must not bound what the next run appends.
	if d.Log, err = shardlog.Open(ctx, shardlog.Config{Dir: LogDir(path), LogBytesMax: logBytesMax, Logger: logger}); err != nil {
		return nil, err
	}
	if err := d.load(ctx, logger, true); err != nil {
		_ = d.Close()
		return nil, fmt.Errorf("open data directory %s: %w", path, err)
	}
	return d, nil
}

// Close gives the directory up.
func (d *Dir) Close() error { return d.Log.Close() }

// load folds the commits; ends says whether lost ends of the stream are bridged too.
func (d *Dir) load(ctx context.Context, logger *slog.Logger, ends bool) error {
	d.Catalog = catalog.New()
	if err := d.Catalog.Restore(ctx, d.Store, logger); err != nil {
		return err
	}
	entries, err := readCommits(ctx, d.Log, d.Catalog.Current().Sequence())
	if err != nil {
		return err
	}
	return d.fold(ctx, entries, ends)
}

// Tail says how many messages of a shard's log are above what its commits have in segments, at the most.
func (d *Dir) Tail(ctx context.Context, shard int) (messages uint64, err error) {
	state, err := d.Log.State(ctx, shard)
	if err != nil {
		return 0, err
	}
	after := max(d.Catalog.Current().Shard(shard).Floor, state.First-1)
	if state.Last <= after {
		return 0, nil
	}
	return state.Last - after, nil
}
