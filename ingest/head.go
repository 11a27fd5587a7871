package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"clew/index"
	"clew/index/catalog"
	"clew/ingest/content"
	"clew/ingest/spool"
	"clew/internal/telemetry"
)

// head is what is not yet in the catalog's segments of one key. Its generations are in the order of the log: frozen ones, which are sealed one after
// the other, and the live one, which grows. A generation stays until the catalog has its segment; with a Spool, its later life is a local segment.
type head struct {
	key   catalog.Key
	owner *owner

	mu        sync.Mutex
	live      *generation
	frozen    []*generation
	committed uint64 // every message of the key up to here is in segments
	retired   bool   // no longer among the owner's heads: don't append
}

// generation is a run of a head's messages.
type generation struct {
	id      string
	from    uint64 // positions from+1 to to
	to      uint64
	first   uint64 // position of the first message that has records here; 0: there is none
	born    time.Time
	content content.Content // a frozen one's changes once, to a *Local, with the head locked
	counted int64           // bytes that the room counts while the content is in memory

	sealing *sealing      // the sealer's
	done    chan struct{} // closed by end: sealed and trimmed from the log, or its owner is gone
	ended   sync.Once
}

func (g *generation) end() { g.ended.Do(func() { close(g.done) }) }

func (h *head) newGeneration(from uint64) *generation {
	id := fmt.Sprintf("head-%d-%d-%s-%s-%d", h.key.Shard, h.owner.epoch, h.key.Signal, h.key.Tenant, from)
	return &generation{
		id: id, from: from, to: from, done: make(chan struct{}),
		content: content.New(id, h.key, h.owner.in.cfg.Counts),
	}
}

// appendLocked adds a message's batch to the live generation: its records that are kept, and those that are lost and only counted. born is the
// message's log time.
func (h *head) appendLocked(position uint64, b *telemetry.Batch, keep, lost []bool, born time.Time) error {
	g := h.live
	if g == nil {
		g = h.newGeneration(h.endLocked())
	}
	before := g.content.Records()
	if err := g.content.Append(b, keep, born); err != nil {
		return err
	}
	var err error
	if lost != nil {
		err = g.content.Count(h.owner.ctx, b, lost)
	}
	g.to = position
	if g.content.Records() == before && lost == nil {
		return nil
	}
	h.live = g
	if g.first == 0 {
		g.first, g.born = position, born
	}
	bytes := g.content.Bytes() + generationOverhead
	h.owner.in.room.add(bytes-g.counted, 0)
	g.counted = bytes
	return err
}

// endLocked is the position where the live generation begins, or would.
func (h *head) endLocked() uint64 {
	if n := len(h.frozen); n > 0 {
		return h.frozen[n-1].to
	}
	return h.committed
}

// freeze ends the live generation and queues it for sealing. It returns nil if there is none.
func (h *head) freeze() *generation {
	h.mu.Lock()
	g := h.live
	if g == nil || h.retired {
		h.mu.Unlock()
		return nil
	}
	h.live = nil
	h.frozen = append(h.frozen, g)
	h.owner.in.room.add(-g.counted, g.counted)
	h.mu.Unlock()
	h.owner.in.queue.Add(h)
	return g
}

// toSeal is the generation to be sealed next: the oldest one in memory.
func (h *head) toSeal() *generation {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, g := range h.frozen {
		if _, local := g.content.(*spool.Local); !local {
			return g
		}
	}
	return nil
}

// toUpload is the generation to be uploaded next: the oldest one, if it is a segment in the spool.
func (h *head) toUpload() *generation {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.frozen) > 0 {
		if _, local := h.frozen[0].content.(*spool.Local); local {
			return h.frozen[0]
		}
	}
	return nil
}

// localize puts a local segment in the place of g's rows in memory: the same records, for a reader that comes before as for one that comes
// after. It returns false if the head was abandoned meanwhile.
func (h *head) localize(g *generation, l *spool.Local) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.retired {
		return false
	}
	h.owner.in.spool.Added(l)
	h.owner.in.room.add(0, -g.counted)
	g.content = l
	return true
}

// giveUp drops g, the oldest generation: the catalog has its segment.
func (h *head) giveUp(g *generation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.retired {
		return // abandoned meanwhile, with the rest
	}
	h.frozen = slices.Delete(h.frozen, 0, 1) // [1:] would keep the generation's memory reachable until the next freeze
	h.committed = g.to
	h.dropLocked(g)
}

// dropLocked frees what g takes, of memory or of the spool.
func (h *head) dropLocked(g *generation) {
	in := h.owner.in
	l, local := g.content.(*spool.Local)
	if !local {
		in.room.add(0, -g.counted)
		return
	}
	for _, f := range l.Files() {
		in.pending.remove(f.Entry.ID)
		if err := in.spool.Remove(f); err != nil {
			h.owner.log.Warn("a local segment can't be removed; the next start does it", "segment", f.Entry.ID, "error", err)
		}
	}
}

// abandon drops everything: the owner is gone, and whoever comes next reads it from the log.
func (h *head) abandon() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.retired = true
	for _, g := range h.frozen {
		h.dropLocked(g)
		g.end()
	}
	if h.live != nil {
		h.owner.in.room.add(-h.live.counted, 0)
		h.live.end()
	}
	h.live, h.frozen = nil, nil
}

// unsealed is the position of the first message that has records in the head, sealed apart; 0: there is none.
func (h *head) unsealed(sealed *generation) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, g := range h.frozen {
		if g != sealed {
			return g.first
		}
	}
	if h.live != nil {
		return h.live.first
	}
	return 0
}

// liveSize is the size and age of the live generation; zero if there is none.
func (h *head) liveSize() (bytes int64, born time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.live == nil {
		return 0, time.Time{}
	}
	return h.live.counted, h.live.born
}

// errRetired says that the head was given up between being found and being read.
var errRetired = errors.New("the head is retired")

// view is what a reader gets.
func (h *head) view(ctx context.Context) (index.HeadView, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.retired {
		return index.HeadView{}, errRetired
	}
	v := h.emptyView()
	for _, g := range h.allLocked() {
		if g.content.Records() == 0 {
			continue // all its records are counted only
		}
		part, err := g.content.Part(ctx)
		if err != nil {
			return index.HeadView{}, fmt.Errorf("read head of %s of %s in shard %d: %w", h.key.Signal, h.key.Tenant, h.key.Shard, err)
		}
		v.Generations = append(v.Generations, index.Generation{Part: part, From: g.from, To: g.to})
	}
	return v, nil
}

func (h *head) emptyView() index.HeadView {
	return index.HeadView{Shard: h.key.Shard, Signal: h.key.Signal, Epoch: h.owner.epoch, Committed: h.committed}
}

// allLocked are the generations, the oldest first.
func (h *head) allLocked() []*generation {
	if h.live == nil {
		return h.frozen
	}
	return append(h.frozen[:len(h.frozen):len(h.frozen)], h.live)
}

// pending are the frozen generations.
func (h *head) pending() []*generation {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.frozen)
}
