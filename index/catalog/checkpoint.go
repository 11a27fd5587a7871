package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"

	"clew/index/store"
)

// Snapshots are objects of their own, named by the sequence of the last commit in them. Two are kept, and commits are only forgotten
// once the older one holds them: a damaged newest snapshot costs a longer replay and nothing else.
const (
	snapshotPrefix = "catalog/"
	snapshotSuffix = ".snapshot"
	snapshotsKept  = 2
	sequenceDigits = 20
)

func snapshotName(sequence uint64) string {
	return fmt.Sprintf("%s%0*d%s", snapshotPrefix, sequenceDigits, sequence, snapshotSuffix)
}

func snapshotSequence(name string) (uint64, bool) {
	digits, found := strings.CutSuffix(strings.TrimPrefix(name, snapshotPrefix), snapshotSuffix)
	if !found || len(digits) != sequenceDigits {
		return 0, false
	}
	sequence, err := strconv.ParseUint(digits, 10, 64)
	return sequence, err == nil
}

// snapshots lists the sequences of the snapshots in st, oldest first.
func snapshots(ctx context.Context, st store.Store) ([]uint64, error) {
	objects, err := st.List(ctx, snapshotPrefix)
	if err != nil {
		return nil, fmt.Errorf("list snapshots of the catalog: %w", err)
	}
	var sequences []uint64
	for _, o := range objects {
		if sequence, ok := snapshotSequence(o.Name); ok {
			sequences = append(sequences, sequence)
		}
	}
	return sequences, nil
}

// Checkpoint writes the current state to st and removes old snapshots. Commits up to and including the sequence it returns need not be
// kept any more (0: all must).
func (c *Catalog) Checkpoint(ctx context.Context, st store.Store) (upTo uint64, err error) {
	v := c.Current()
	data, err := v.Snapshot()
	if err != nil {
		return 0, err
	}
	name := snapshotName(v.Sequence())
	if _, err := st.Put(ctx, name, func(w io.Writer) error { _, err := w.Write(data); return err }); err != nil {
		return 0, fmt.Errorf("write snapshot of the catalog: %w", err)
	}
	sequences, err := snapshots(ctx, st)
	if err != nil {
		return 0, err
	}
	for len(sequences) > snapshotsKept {
		if err := st.Delete(ctx, snapshotName(sequences[0])); err != nil {
			return 0, fmt.Errorf("remove old snapshot of the catalog: %w", err)
		}
		sequences = sequences[1:]
	}
	if len(sequences) < snapshotsKept {
		return 0, nil
	}
	return sequences[0], nil
}

// Restore loads the newest snapshot of st that is whole into an empty catalog; without one the catalog stays empty. A damaged snapshot is
// logged and the one before it taken; one of a newer version is an error.
func (c *Catalog) Restore(ctx context.Context, st store.Store, logger *slog.Logger) error {
	sequences, err := snapshots(ctx, st)
	if err != nil {
		return err
	}
	var failed error
	for i := len(sequences) - 1; i >= 0; i-- {
		name := snapshotName(sequences[i])
		err := c.restore(ctx, st, name)
		var version *VersionError
		if err == nil || errors.As(err, &version) || ctx.Err() != nil {
			return err
		}
		logger.Warn("a snapshot of the catalog can't be read; the one before it is tried", "snapshot", name, "error", err)
		failed = err
	}
	return failed
}

func readSnapshot(ctx context.Context, st store.Store, name string) ([]byte, error) {
	size, err := st.Size(ctx, name)
	if err != nil {
		return nil, err
	}
	if size > snapshotBytesMax {
		return nil, fmt.Errorf("%s: %d bytes, at most %d are allowed", name, size, snapshotBytesMax)
	}
	data := make([]byte, size)
	return data, st.ReadAt(ctx, name, data, 0)
}

func (c *Catalog) restore(ctx context.Context, st store.Store, name string) error {
	data, err := readSnapshot(ctx, st, name)
	if err != nil {
		return err
	}
	if err := c.Load(data); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
