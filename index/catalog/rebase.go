package catalog

import (
	"fmt"
	"slices"
)

// Rebase gives a snapshot the place before the first commit of a new log: its segments and what the sources had sent stay, positions in the old
// log and the shards' last commits do not, nor do the segments without. A restored backup begins with it.
func Rebase(data []byte, without ...string) ([]byte, error) {
	return Recast(data, Changes{Removed: without})
}

// Changes are what the commits after a snapshot said, as far as it is known where they are lost.
type Changes struct {
	Added   []Segment
	Removed []string
	Sampled []string // segments that are so from now on
}

// Recast is Rebase of a snapshot with changes.
func Recast(data []byte, ch Changes) ([]byte, error) {
	s, err := decodeSnapshot(data)
	if err != nil {
		return nil, fmt.Errorf("rebase snapshot of the catalog: %w", err)
	}
	s.Sequence = 0
	for i := range s.Shards {
		shard := &s.Shards[i]
		shard.Last, shard.Epoch, shard.Floor, shard.Positions = 0, 0, 0, nil
	}
	removed, sampled := map[string]bool{}, map[string]bool{}
	for _, id := range ch.Removed {
		removed[id] = true
	}
	for _, id := range ch.Sampled {
		sampled[id] = true
	}
	for i := range ch.Added {
		s.Segments = append(s.Segments, &ch.Added[i])
	}
	s.Segments = slices.DeleteFunc(s.Segments, func(s *Segment) bool { return removed[s.ID] })
	for _, segment := range s.Segments {
		segment.Sampled = segment.Sampled || sampled[segment.ID]
	}
	return s.encode()
}

// FirstSnapshotName is the name of the snapshot that Rebase made.
func FirstSnapshotName() string { return snapshotName(0) }
