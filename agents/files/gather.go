package files

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/stanza/operator"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/plog"
)

// chunk is what the file consumer has read of a file at once, at most a hundred records.
type chunk struct {
	tokens     [][]byte
	attributes map[string]any
	offsets    []int64
	at         time.Time
}

func (c *chunk) path() string {
	path, _ := c.attributes["log.file.path"].(string)
	return path
}

// gatherer collects what a poll reads, of all files, and hands it on together: each handing on is an fsync and most of what a small batch
// costs. It is handed on at the latest before the checkpoint that covers it is written, so nothing is checkpointed that has not been taken.
type gatherer struct {
	hand func(ctx context.Context, chunks []chunk) error
	bad  atomic.Bool // something could not be handed on: no checkpoint may be written any more

	mu     sync.Mutex
	chunks []chunk
	bytes  int
	ends   map[string]int64 // by path, where its last chunk ends
}

// add takes a chunk, and returns at once unless there is enough to be handed on. A file's chunks stay in order: its reader waits for each add, and
// all readers for a handing on.
func (g *gatherer) add(ctx context.Context, c chunk) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	// A path may stand for two files in one poll, the one that was rotated away and the new one. What is handed on together has one of them: their
	// places must not be mixed.
	if end, has := g.ends[c.path()]; has && (len(c.offsets) == 0 || c.offsets[0] != end) {
		if err := g.flushLocked(ctx); err != nil {
			return err
		}
	}
	c.tokens = append([][]byte(nil), c.tokens...) // the slice is the reader's, the bytes are not
	c.offsets = append([]int64(nil), c.offsets[:min(len(c.offsets), len(c.tokens)+1)]...)
	if g.ends == nil {
		g.ends = map[string]int64{}
	}
	g.ends[c.path()] = -1
	if len(c.offsets) > len(c.tokens) {
		g.ends[c.path()] = c.offsets[len(c.tokens)]
	}
	g.chunks = append(g.chunks, c)
	for _, t := range c.tokens {
		g.bytes += len(t)
	}
	if g.bytes < gatherBytes {
		return nil
	}
	return g.flushLocked(ctx)
}

func (g *gatherer) flush(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.flushLocked(ctx)
}

func (g *gatherer) flushLocked(ctx context.Context) error {
	if len(g.chunks) == 0 {
		return nil
	}
	if err := g.hand(ctx, g.chunks); err != nil {
		g.bad.Store(true)
		return err
	}
	clear(g.chunks)
	clear(g.ends)
	g.chunks, g.bytes = g.chunks[:0], 0
	return nil
}

// logs makes records of chunks, of all files.
func (m *maker) logs(chunks []chunk) plog.Logs {
	logs := plog.NewLogs()
	scopes := map[scopeKey]plog.LogRecordSlice{}
	for i := range chunks {
		m.add(logs, scopes, &chunks[i])
	}
	return logs
}

// keeper writes checkpoints after what they cover has been handed on, and only when they differ from the last ones: the file consumer offers them
// after each poll, and each costs an fsync.
type keeper struct {
	operator.Persister
	gatherer *gatherer
	stopped  atomic.Bool
	last     map[string]string // the file consumer saves from one goroutine at a time
}

// Batch is part of operator.Persister, and what the file consumer saves with.
func (k *keeper) Batch(ctx context.Context, ops ...*storage.Operation) error {
	if k.stopped.Load() || k.gatherer.bad.Load() {
		return nil
	}
	if err := k.gatherer.flush(ctx); err != nil {
		return err
	}
	changed := false
	for _, op := range ops {
		changed = changed || op.Type != storage.Set || k.last[op.Key] != string(op.Value)
	}
	if !changed {
		return nil
	}
	if err := k.Persister.Batch(ctx, ops...); err != nil {
		return err
	}
	if k.last == nil {
		k.last = map[string]string{}
	}
	for _, op := range ops {
		if op.Type == storage.Set {
			k.last[op.Key] = string(op.Value)
		}
	}
	return nil
}
