package datadir

import (
	"context"
	"errors"
	"fmt"

	"clew/index/catalog"
	"clew/ingest/shardlog"
)

// entry is an entry of the commit stream, or what is known of one that cannot be read.
type entry struct {
	seq    uint64
	shard  int // -1: not known
	commit catalog.Commit
	damage error // nil: commit is good
}

// readCommits reads the commit stream after a sequence to its end, past everything that is damaged or missing.
func readCommits(ctx context.Context, commits shardlog.Commits, after uint64) ([]entry, error) {
	var entries []entry
	for {
		caughtUp, cancel := context.WithCancel(ctx)
		err := commits.Follow(caughtUp, after, func(seq uint64, shard int, data []byte) error {
			e := entry{seq: seq, shard: shard}
			e.commit, e.damage = catalog.DecodeCommit(data)
			if e.damage == nil && e.commit.Shard != shard {
				e.damage = fmt.Errorf("it says shard %d and came as shard %d", e.commit.Shard, shard)
			}
			entries = append(entries, e)
			after = seq
			return nil
		}, cancel)
		done := caughtUp.Err() != nil
		cancel()
		var damaged *shardlog.DamagedMessageError
		var version *shardlog.UnknownVersionError
		var gone *shardlog.TrimmedError
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.As(err, &damaged):
			entries = append(entries, entry{seq: damaged.Position, shard: damaged.Shard, damage: err})
			after = damaged.Position
		case errors.As(err, &version):
			return nil, err // whole, and not ours to judge
		case errors.As(err, &gone):
			for seq := gone.After + 1; seq < gone.Next; seq++ {
				entries = append(entries, entry{seq: seq, shard: -1, damage: fmt.Errorf("entry %d of the commit stream is gone", seq)})
			}
			after = gone.Next - 1
		case done:
			return entries, nil
		case err != nil:
			return nil, err
		}
	}
}

// assign finds the shards of entries that are gone: a later commit names the one before it. What no commit names was purged, because a
// later commit of its shard and a snapshot held it, or it was its shard's last.
func assign(entries []entry) {
	names := map[uint64]int{}
	for _, e := range entries {
		if e.damage == nil {
			names[e.commit.Last] = e.shard
		}
	}
	for i := range entries {
		if shard, ok := names[entries[i].seq]; ok && entries[i].shard < 0 {
			entries[i].shard = shard
		}
	}
}
