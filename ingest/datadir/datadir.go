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
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"clew/index/catalog"
	"clew/index/store"
	"clew/ingest/shardlog"
)

// The parts of a data directory, below it.
const (
	logDir      = "log"
	segmentsDir = "segments"
)

// SegmentsDir is where the objects of a data directory are.
func SegmentsDir(data string) string { return filepath.Join(data, segmentsDir) }

// LogDir is where its log is.
func LogDir(data string) string { return filepath.Join(data, logDir) }

// Dir is an open data directory. It belongs to this process until Close.
type Dir struct {
	Path    string
	Store   *store.Dir
	Log     *shardlog.Embedded
	Catalog *catalog.Catalog // with the holes bridged
	Holes   []Hole           // those that matter to the catalog, in order of sequence
}

// Open opens an existing data directory and folds its commits, holes or not. It fails with an error for which
// errors.Is(err, shardlog.ErrInUse) holds if a clew runs on it.
func Open(ctx context.Context, path string, logger *slog.Logger) (*Dir, error) {
	for _, part := range []string{logDir, segmentsDir} {
		if info, err := os.Stat(filepath.Join(path, part)); err != nil || !info.IsDir() {
			return nil, fmt.Errorf("open data directory %s: it has no directory %s: not clew's data", path, part)
		}
	}
	d := &Dir{Path: path}
	var err error
	if d.Store, err = store.OpenDir(SegmentsDir(path)); err != nil {
		return nil, err
	}
	// As large as it may get: opening it here must not bound what the next run appends.
	if d.Log, err = shardlog.Open(ctx, shardlog.Config{Dir: LogDir(path), LogBytesMax: logBytesMax, Logger: logger}); err != nil {
		return nil, err
	}
	if err := d.load(ctx, logger, true); err != nil {
		d.Close()
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
