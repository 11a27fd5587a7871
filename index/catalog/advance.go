package catalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"clew/index/store"
)

// Advance brings a catalog that has missed commits, because they were purged while it could not be told of them, to the newest snapshot of st that is whole. Readers
// keep what they hold; what the snapshot lacks counts as removed. If no snapshot is newer than the catalog, it is an error: the commits are gone, and nothing has them.
func (c *Catalog) Advance(ctx context.Context, st store.Store, logger *slog.Logger) error {
	sequences, err := snapshots(ctx, st)
	if err != nil {
		return err
	}
	failed := fmt.Errorf("no snapshot of the catalog is newer than commit %d", c.Current().Sequence())
	for i := len(sequences) - 1; i >= 0 && sequences[i] > c.Current().Sequence(); i-- {
		name := snapshotName(sequences[i])
		data, err := readSnapshot(ctx, st, name)
		if err == nil {
			err = c.advance(data)
		}
		var version *VersionError
		if err == nil || errors.As(err, &version) || ctx.Err() != nil {
			return err
		}
		logger.Warn("a snapshot of the catalog can't be read; the one before it is tried", "snapshot", name, "error", err)
		failed = err
	}
	return failed
}

func (c *Catalog) advance(data []byte) error {
	s, err := decodeSnapshot(data)
	if err != nil {
		return fmt.Errorf("advance to a snapshot of the catalog: %w", err)
	}
	v, byID := s.version()
	c.mu.Lock()
	old := c.current.Load()
	if old.sequence >= s.Sequence {
		c.mu.Unlock()
		return nil
	}
	var removed []Segment
	for id, segment := range c.byID {
		if byID[id] == nil {
			removed = append(removed, *segment)
			c.leaving[id] = true
		}
	}
	c.byID = byID
	c.publishLocked(old, v, removed)
	c.mu.Unlock()
	old.Release()
	return nil
}
