package ingest

import (
	"context"
	"errors"
	"fmt"

	"clew/index"
	"clew/index/catalog"
	"clew/ingest/content"
	"clew/ingest/red"
	"clew/internal/telemetry"
)

// countsView is what was counted of what a head holds. The counting itself is done without the lock, so that messages go on being appended: what they add
// to a generation meanwhile may be counted or not, and is in no other part of the view.
func (h *head) countsView(ctx context.Context) (index.HeadView, error) {
	h.mu.Lock()
	if h.retired {
		h.mu.Unlock()
		return index.HeadView{}, errRetired
	}
	v := h.emptyView()
	var contents []content.Content
	var parts []index.Part
	for _, g := range h.allLocked() {
		part, err := g.content.Part(ctx)
		if err != nil {
			h.mu.Unlock()
			return index.HeadView{}, err
		}
		contents, parts = append(contents, g.content), append(parts, part)
		v.Generations = append(v.Generations, index.Generation{From: g.from, To: g.to})
	}
	h.mu.Unlock()
	counted := v.Generations[:0]
	for i, g := range v.Generations {
		var err error
		if g.Part, err = contents[i].Counts(ctx, parts[i]); err != nil {
			return index.HeadView{}, fmt.Errorf("counts of %s of %s in shard %d: %w", h.key.Signal, h.key.Tenant, h.key.Shard, err)
		}
		if g.Part != nil {
			counted = append(counted, g)
		}
	}
	v.Generations = counted
	return v, nil
}

// countsViews are what was counted of what the owner holds of a tenant.
func (o *owner) countsViews(ctx context.Context, tenant string) (views []index.HeadView, err error) {
	if !o.in.cfg.Counts {
		return nil, nil
	}
	for _, signal := range telemetry.Signals {
		if !red.Counts(signal) {
			continue
		}
		v, failed := o.viewOf(ctx, headKey{signal, tenant}, (*head).countsView)
		if failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		views = append(views, v)
	}
	return views, err
}

// viewOf is what the owner holds of a key, as a head tells it.
func (o *owner) viewOf(ctx context.Context, k headKey, of func(*head, context.Context) (index.HeadView, error)) (index.HeadView, error) {
	for range 3 {
		h := o.headOf(k)
		if h == nil {
			break
		}
		v, err := of(h, ctx)
		if !errors.Is(err, errRetired) {
			return v, err
		}
	}
	// Nothing is here, so all that was consumed is in segments. The position is asked for after that was found.
	key := catalog.Key{Shard: o.shard, Signal: k.signal, Tenant: k.tenant}
	return index.HeadView{Shard: o.shard, Signal: k.signal, Epoch: o.epoch, Committed: o.in.catalog.Current().Position(key)}, nil
}
