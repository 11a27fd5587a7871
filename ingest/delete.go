package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clew/index"
	"clew/ingest/deletion"
)

// Selector says which rows of a part a deletion takes. Select is not called concurrently. Its answer is by row group, bit i%64 of word i/64 for row i, nil for
// none. An error for which errors.As finds an *index.DamageError says that the part can't be read; any other that it should be tried again.
type Selector interface {
	Select(ctx context.Context, part index.Part) ([][]uint64, error)
}

// Delete requests a deletion and returns once the request is durable: from then on it happens, in the background, whatever crashes. d gives tenant, signal,
// query, times and who asks; the rest is filled in. A *deletion.RefusedError says what is wrong with it.
func (in *Ingest) Delete(ctx context.Context, d deletion.Request, now time.Time) (deletion.Request, error) {
	now = now.UTC()
	d.Version, d.Requested = deletion.Version, now
	if d.To == 0 || d.To > now.UnixNano()+1 {
		d.To = now.UnixNano() + 1
	}
	if err := d.Check(); err != nil {
		return d, fmt.Errorf("delete: %w", err)
	}
	if in.newSelector == nil {
		return d, errors.New("delete: there is nothing here to select records with")
	}
	if _, err := in.newSelector(d); err != nil {
		return d, fmt.Errorf("delete: %w", err)
	}
	waiting, err := in.Deletions(ctx, true, deletionsWaiting)
	if err != nil {
		return d, fmt.Errorf("delete: %w", err)
	}
	if len(waiting) == deletionsWaiting {
		return d, fmt.Errorf("delete: %w", &deletion.RefusedError{What: fmt.Sprintf("%d deletions are waiting already", deletionsWaiting)})
	}
	d.ID = deletion.NewID(now)
	defer in.rewriter.wakeUp() // after a failure the request may be there all the same
	if err := d.Put(ctx, in.store); err != nil {
		return d, fmt.Errorf("delete: %w", err)
	}
	in.log.Info("a deletion is requested", "deletion", d.ID, "tenant", d.Tenant, "signal", d.Signal.String(), "query", d.Query, "by", d.By)
	in.step("requested")
	return d, nil
}

// Deletions lists deletions, the newest first, at most limit of them: the audit record. waiting: only those that are not done.
func (in *Ingest) Deletions(ctx context.Context, waiting bool, limit int) ([]deletion.State, error) {
	list, err := deletion.List(ctx, in.store, waiting, limit)
	for i := range list {
		s := &list[i]
		s.Error = in.rewriter.failure(s.ID)
		if s.Outcome == nil {
			s.Records = in.catalog.Current().Deleted(s.ID)
		}
	}
	return list, err
}
