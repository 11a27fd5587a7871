package catalog

import (
	"fmt"
	"slices"
)

// Rebase gives a snapshot the place before the first commit of a new log: its segments and what the sources had sent stay, positions in the old
// log and the shards' last commits do not, nor do the segments without. A restored backup begins with it.
func Rebase(data []byte, without ...string) ([]byte, error) {
	s, err := decodeSnapshot(data)
	if err != nil {
		return nil, fmt.Errorf("rebase snapshot of the catalog: %w", err)
	}
	s.Sequence = 0
	for i := range s.Shards {
		shard := &s.Shards[i]
		shard.Last, shard.Epoch, shard.Floor, shard.Positions = 0, 0, 0, nil
	}
	s.Segments = slices.DeleteFunc(s.Segments, func(s *Segment) bool { return slices.Contains(without, s.ID) })
	return s.encode()
}

// FirstSnapshotName is the name of the snapshot that Rebase made.
func FirstSnapshotName() string { return snapshotName(0) }
