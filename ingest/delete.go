package ingest

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
	if in.newSelector == nil {
		return d, errors.New("delete: there is nothing here to select records with")
	}
	if in.peers != nil {
		d.Shards = in.shardCount()
	}
	defer in.LookForDeletions() // after a failure the request may be there all the same
	d, err := deletion.Ask(ctx, in.store, d, now, func(d deletion.Request) error {
		_, err := in.newSelector(d)
		return err
	})
	if err != nil {
		return d, fmt.Errorf("delete: %w", err)
	}
	in.log.Info("a deletion is requested", "deletion", d.ID, "tenant", d.Tenant, "signal", d.Signal.String(), "query", d.Query, "by", d.By)
	in.step("requested")
	return d, nil
}

// LookForDeletions says that one may have been requested, of another process: the store is asked soon. It is asked from time to time anyway.
func (in *Ingest) LookForDeletions() { in.rewriter.wakeUp() }

// FailingDeletions are those that are not done here because the last attempt failed, and why, by id.
func (in *Ingest) FailingDeletions() map[string]string {
	in.rewriter.mu.Lock()
	defer in.rewriter.mu.Unlock()
	return maps.Clone(in.rewriter.failures)
}
