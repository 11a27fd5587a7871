package fanout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"clew/internal/ledger"
	"clew/query/fanout/frame"
	"clew/query/parts"
)

// What became of agents' batches is counted where repetitions are told apart: by the shards' owners, each for its own. The counts are asked for and not told: only so are they
// known to be younger than what the agent says was acknowledged.

// kindAccounts is a question about such counts.
const kindAccounts = "accounts"

// Accounts is what an owner of shards knows of sources. Calls may be concurrent.
type Accounts interface {
	// ShardAccounts are the counts of the shards that this process owns. It waits for a moment for what is in their logs.
	ShardAccounts(ctx context.Context) []ledger.ShardStored
	// Sampled is what tail sampling has left out here of a tenant's spans since the start, by policy.
	Sampled(tenant string) map[string]uint64
	// Tenants are those that have records, in segments or not yet.
	Tenants() []string
}

// accountsQuestion is what is asked of an owner.
type accountsQuestion struct {
	Op     accountsOp
	Tenant string `json:",omitempty"` // sampled
}

type accountsOp string

const (
	accountsStored  accountsOp = "stored"
	accountsSampled accountsOp = "sampled"
	accountsTenants accountsOp = "tenants"
)

// UseAccounts lets other processes ask for this one's accounts. It is called before Run.
func (s *Server) UseAccounts(a Accounts) { s.accounts = a }

// account answers a question for accounts.
func (s *Server) account(ctx context.Context, t *ticket) (json.RawMessage, error) {
	q := &accountsQuestion{}
	if err := json.Unmarshal(t.Question, q); err != nil {
		return nil, &frame.DamageError{What: "a question: " + err.Error()}
	}
	if s.accounts == nil {
		return nil, errors.New("this process owns no shards")
	}
	switch q.Op {
	case accountsStored:
		return json.Marshal(s.accounts.ShardAccounts(ctx))
	case accountsSampled:
		return json.Marshal(s.accounts.Sampled(q.Tenant))
	case accountsTenants:
		return json.Marshal(s.accounts.Tenants())
	}
	return nil, fmt.Errorf("accounts: %.20q is not known to this version", q.Op)
}

// StoredElsewhere are the accounts of the shards that other processes own, one for each shard; those that nobody answers for are not among them.
func (c *Coordinator) StoredElsewhere(ctx context.Context) []ledger.ShardStored {
	membership := c.members.Members()
	owner := map[int]string{}
	for _, o := range membership.owners() {
		owner[o.Shard] = o.Owner
	}
	var list []ledger.ShardStored
	for name, shards := range askAccounts[[]ledger.ShardStored](ctx, c, &membership, accountsQuestion{Op: accountsStored}) {
		for _, s := range shards {
			// Another may have the shard by now, and answers for it too.
			if o, known := owner[s.Shard]; known && o == name && !slices.ContainsFunc(list, func(x ledger.ShardStored) bool { return x.Shard == s.Shard }) {
				list = append(list, s)
			}
		}
	}
	return list
}

// SampledElsewhere is what the other owners of shards have left out of a tenant's spans, by policy.
func (c *Coordinator) SampledElsewhere(ctx context.Context, tenant string) map[string]uint64 {
	sum := map[string]uint64{}
	membership := c.members.Members()
	for _, by := range askAccounts[map[string]uint64](ctx, c, &membership, accountsQuestion{Op: accountsSampled, Tenant: tenant}) {
		for policy, n := range by {
			sum[policy] += n
		}
	}
	return sum
}

// TenantsElsewhere are the tenants that other owners of shards have records of.
func (c *Coordinator) TenantsElsewhere(ctx context.Context) []string {
	var all []string
	membership := c.members.Members()
	for _, tenants := range askAccounts[[]string](ctx, c, &membership, accountsQuestion{Op: accountsTenants}) {
		all = append(all, tenants...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// askAccounts asks all other owners of shards at once, and gives what they answered, by name.
func askAccounts[A any](ctx context.Context, c *Coordinator, membership *Membership, q accountsQuestion) map[string]A {
	question, err := json.Marshal(q)
	if err != nil { // of two strings
		return nil
	}
	asked := map[string]bool{}
	for _, o := range membership.owners() {
		asked[o.Owner] = true
	}
	delete(asked, "")
	delete(asked, membership.Self)
	answers := map[string]A{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		m, there := membership.member(name)
		if !there || c.suspected(name) {
			continue
		}
		wg.Go(func() {
			answer, err := c.nodes.ask(ctx, m, &ticket{Kind: kindAccounts, Question: question, Share: &parts.Share{}}, func(string, frame.Table) error {
				return &frame.DamageError{What: "rows, where none were asked for"}
			})
			var a A
			if err == nil {
				err = json.Unmarshal(answer, &a)
			}
			if err == nil {
				mu.Lock()
				answers[name] = a
				mu.Unlock()
				return
			}
			// One of an earlier version does not know the question, and answers others.
			var told *toldError
			if ctx.Err() == nil && !errors.As(err, &told) {
				c.suspect(name, err)
			}
		})
	}
	wg.Wait()
	return answers
}
