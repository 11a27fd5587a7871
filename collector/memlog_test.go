package collector

import (
	"context"
	"errors"
	"slices"
	"sync"

	"clew/ingest/shardlog"
	"clew/internal/telemetry"
)

// memLog is a log in memory that can be told to misbehave. The embedded log cannot be told so.
type memLog struct {
	mu       sync.Mutex
	messages [][]shardlog.Message // by shard
	// before, if set, is called ahead of each append; its error is the append's.
	before func(ctx context.Context, shard int, m *shardlog.Message) error
	max    int
}

func newMemLog(shards int) *memLog {
	return &memLog{messages: make([][]shardlog.Message, shards), max: 4 << 20}
}

func (l *memLog) MessageBytesMax() int { return l.max }

func (l *memLog) Append(ctx context.Context, shard int, m *shardlog.Message) (shardlog.Position, error) {
	if l.before != nil {
		if err := l.before(ctx, shard, m); err != nil {
			return 0, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(m.Batch) > l.max {
		return 0, errors.New("message is too large")
	}
	kept := *m
	kept.Batch = slices.Clone(m.Batch)
	kept.Sources = slices.Clone(m.Sources)
	l.messages[shard] = append(l.messages[shard], kept)
	return uint64(len(l.messages[shard])), nil
}

// all returns the messages of a signal, in order, and drops repetitions as a shard's owner does.
func (l *memLog) all(signal telemetry.Signal) []shardlog.Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := map[string]uint64{}
	var out []shardlog.Message
	for _, shard := range l.messages {
		for _, m := range shard {
			source := m.Sources[0]
			if source.Seq <= last[source.ID] {
				continue
			}
			last[source.ID] = source.Seq
			if m.Signal == signal {
				out = append(out, m)
			}
		}
	}
	return out
}
