package ingest

import (
	"context"
	"time"

	"clew/internal/ledger"
)

// SourceAccounts says what came of each source that numbers its batches itself, as far as the log has been consumed, by the source's id; and whether all that
// was in the log at the call has been. It holds after a crash as before it.
func (in *Ingest) SourceAccounts(ctx context.Context) (accounts map[string]ledger.Stored, whole bool) {
	shards := in.ShardAccounts(ctx)
	accounts, whole = map[string]ledger.Stored{}, len(shards) == in.shardCount()
	for i := range shards {
		whole = whole && shards[i].Whole
		shards[i].AddTo(accounts)
	}
	return accounts, whole
}

// ShardAccounts is SourceAccounts for each shard that this process owns. It implements fanout.Accounts.
func (in *Ingest) ShardAccounts(ctx context.Context) []ledger.ShardStored {
	ctx, cancel := context.WithTimeout(ctx, accountsWait)
	defer cancel()
	owners := in.allOwners()
	list := make([]ledger.ShardStored, 0, len(owners))
	for _, o := range owners {
		s := ledger.ShardStored{Shard: o.shard, Whole: true, Accounts: map[string]ledger.Stored{}}
		state, err := in.shardLog.State(ctx, o.shard)
		for err == nil && o.read.Load() < state.Last {
			select {
			case <-ctx.Done():
				err = ctx.Err()
			case <-time.After(accountsPoll):
			}
		}
		s.Whole = err == nil
		o.sources.Accounts(func(id string, seq, first, stored, repeated uint64) {
			s.Accounts[id] = ledger.Stored{First: first, Last: seq, Records: stored, Repeated: repeated}
		})
		list = append(list, s)
	}
	return list
}
