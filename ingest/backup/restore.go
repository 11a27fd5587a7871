package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"clew/index/catalog"
	"clew/index/scrub"
	"clew/index/segment"
	"clew/index/store"
	"clew/ingest/datadir"
	"clew/ingest/deletion"
	"clew/ingest/pair"
)

// Target is what Restore makes.
type Target struct {
	Dir string // the data directory: must not exist, or be empty
	// Far is the object store that gets the segments, and Place what the directory remembers of it. It must hold neither segments nor a
	// catalog nor deletions. Nil: the directory gets them.
	Far   store.RangeReader
	Place string
	// Begun lets there be segments: somebody has copied them by other means, or an earlier attempt has.
	Begun bool
}

// Restore makes a data directory from a backup: the latest, or the one of this name. The catalog comes last: a directory that a crash left
// half made holds nothing.
func Restore(ctx context.Context, from store.Store, name string, target Target) (*Description, error) {
	d, err := choose(ctx, from, name)
	if err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	if err := target.empty(); err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	to, err := target.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	if err := restore(ctx, from, to, d); err != nil {
		return nil, fmt.Errorf("restore backup %s: %w", d.Name, err)
	}
	if err := target.finish(); err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	return d, nil
}

// empty says whether there is nothing in the directory yet.
func (t Target) empty() error {
	if entries, err := os.ReadDir(t.Dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	} else if len(entries) > 0 {
		return fmt.Errorf("%s is not empty", t.Dir)
	}
	return nil
}

// finish makes it a data directory.
func (t Target) finish() error { return os.MkdirAll(datadir.LogDir(t.Dir), 0o755) }

// open opens the place of the segments, and makes the directory remember it.
func (t Target) open(ctx context.Context) (store.Store, error) {
	if t.Far == nil {
		return store.OpenDir(datadir.SegmentsDir(t.Dir))
	}
	taken := []string{datadir.CatalogPrefix, deletion.Prefix, pair.Object}
	if !t.Begun {
		taken = append(taken, segment.Prefix)
	}
	for _, prefix := range taken {
		objects, err := t.Far.List(ctx, prefix)
		if err != nil {
			return nil, err
		}
		if len(objects) > 0 {
			return nil, fmt.Errorf("%s is not empty: it has %s", t.Place, objects[0].Name)
		}
	}
	to, err := datadir.Mirrored(t.Dir, t.Far)
	if err != nil {
		return nil, err
	}
	return to, datadir.SetStorePlace(t.Dir, t.Place)
}

func choose(ctx context.Context, from store.Store, name string) (*Description, error) {
	all, err := List(ctx, from)
	if err != nil {
		return nil, err
	}
	for _, d := range slices.Backward(all) {
		if name == "" || d.Name == name {
			return &d, nil
		}
	}
	if name == "" {
		return nil, errors.New("there is no backup here")
	}
	return nil, fmt.Errorf("there is no backup %q here", name)
}

func restore(ctx context.Context, from, to store.Store, d *Description) error {
	data, err := get(ctx, from, prefix+d.Name+snapshotSuffix)
	if err != nil {
		return err
	}
	if data, err = catalog.Rebase(data, d.Damaged...); err != nil {
		return err
	}
	c := catalog.New()
	if err := c.Load(data); err != nil {
		return err
	}
	for s := range c.Current().All() {
		parquetName, indexName := segment.Names(s.ID)
		for _, name := range []string{parquetName, indexName} {
			if err := scrub.Copy(ctx, from, name, to, name); err != nil {
				return err
			}
		}
	}
	report, err := scrub.Check(ctx, to, c.Current(), scrub.Options{})
	if err != nil {
		return err
	}
	if !report.Whole() {
		return fmt.Errorf("%d objects of the backup are not whole, the first: %s", len(report.Findings), report.Findings[0])
	}
	if err := restoreDeletions(ctx, from, to, d); err != nil {
		return err
	}
	return put(ctx, to, catalog.FirstSnapshotName(), data)
}
