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
)

// Restore makes a data directory from a backup of the target: the latest, or the one of this name. dir must not exist, or be empty. The catalog
// comes last: a directory that a crash left half made holds nothing.
func Restore(ctx context.Context, from store.Store, name, dir string) (*Description, error) {
	d, err := choose(ctx, from, name)
	if err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	if entries, err := os.ReadDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("restore: %w", err)
	} else if len(entries) > 0 {
		return nil, fmt.Errorf("restore: %s is not empty", dir)
	}
	to, err := store.OpenDir(datadir.SegmentsDir(dir))
	if err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	if err := restore(ctx, from, to, d); err != nil {
		return nil, fmt.Errorf("restore backup %s: %w", d.Name, err)
	}
	if err := os.MkdirAll(datadir.LogDir(dir), 0o755); err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	return d, nil
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
	return put(ctx, to, catalog.FirstSnapshotName(), data)
}
