package ingest

import (
	"context"
	"time"

	"clew/internal/ledger"
)

// SourceAccounts says what came of each source that numbers its batches itself, as far as the log has been consumed, by the source's id; and whether all that
// was in the log at the call has been. It holds after a crash as before it.
func (in *Ingest) SourceAccounts(ctx context.Context) (accounts map[string]ledger.Stored, whole bool) {
	owners := in.allOwners()
	accounts, whole = map[string]ledger.Stored{}, len(owners) == in.shardCount()
	ctx, cancel := context.WithTimeout(ctx, accountsWait)
	defer cancel()
	for _, o := range owners {
		state, err := in.shardLog.State(ctx, o.shard)
		for err == nil && o.read.Load() < state.Last {
			select {
			case <-ctx.Done():
				err = ctx.Err()
			case <-time.After(accountsPoll):
			}
		}
		if err != nil {
			whole = false
		}
		o.sources.Accounts(func(id string, seq, first, stored, repeated uint64) {
			a, known := accounts[id]
			a.Last = max(a.Last, seq)
			if !known || first < a.First {
				a.First = first
			}
			a.Records += stored
			a.Repeated += repeated
			accounts[id] = a
		})
	}
	return accounts, whole
}
