package fanout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"google.golang.org/grpc"

	"clew/index/catalog"
	"clew/query/engine"
	"clew/query/lang"
	"clew/query/parts"
)

// Coordinator divides questions among the processes that hold what they are about. It is an engine's [engine.Cluster]. Any process can be one.
type Coordinator struct {
	segments *parts.Segments
	members  Members
	engine   *engine.Engine // answers for this process's own shares
	nodes    *nodes
	log      *slog.Logger
	now      func() time.Time
	counts   *askCounts

	mu       sync.Mutex
	suspects map[string]time.Time // by name, until when they are not asked
}

// NewCoordinator returns a coordinator, and makes the engine ask it. segments is the engine's own source. opts are how other processes are connected to, with which
// credentials at least.
func NewCoordinator(e *engine.Engine, segments *parts.Segments, m Members, log *slog.Logger, opts ...grpc.DialOption) *Coordinator {
	c := &Coordinator{
		segments: segments, members: m, engine: e, nodes: newNodes(opts), log: log, now: time.Now, counts: newAskCounts(), suspects: map[string]time.Time{},
	}
	e.UseCluster(c)
	segments.UseElsewhere(c)
	return c
}

// Close closes the connections to other processes. No question may be asked any more.
func (c *Coordinator) Close() { c.nodes.close() }

// Ask implements engine.Cluster.
func (c *Coordinator) Ask(ctx context.Context, scope parts.Scope, q *engine.Question, keep func(bytes int64) error) ([]*engine.Partial, error) {
	question, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	found, err := spread(ctx, c, scope, func(ctx context.Context, m Member, here bool, share *parts.Share) (*engine.Partial, error) {
		if here {
			return c.engine.Answer(ctx, q, share)
		}
		p, err := c.nodes.partial(ctx, m, &ticket{Kind: kindRecords, Question: question, Share: share}, keep)
		if err == nil {
			for i, why := range p.Stats.Partial {
				p.Stats.Partial[i] = m.Name + ": " + why
			}
		}
		return p, err
	})
	if err != nil {
		return nil, err
	}
	beside := &engine.Partial{From: math.MaxInt64, To: math.MinInt64}
	beside.Stats = engine.Stats{CatalogVersion: found.version, Skipped: found.skipped, Partial: found.missing}
	return append(found.answers, beside), nil
}

// gathered is what the shares of a question were answered.
type gathered[A any] struct {
	answers []A
	missing []string // what nobody answered for
	version uint64   // of the catalog
	skipped int      // segments
}

// asking is how one share is asked; here: of this process.
type asking[A any] func(ctx context.Context, m Member, here bool, share *parts.Share) (A, error)

// spread divides a scope and asks all shares of it, with newer versions of the catalog until one is new enough for all heads.
func spread[A any](ctx context.Context, c *Coordinator, scope parts.Scope, ask asking[A]) (*gathered[A], error) {
	for round := 1; ; round++ {
		found, err := once(ctx, c, scope, round == staleRounds, ask)
		var stale *parts.StaleError
		if !errors.As(err, &stale) {
			if err == nil && len(found.missing) > 0 {
				c.counts.missing.Inc()
			}
			return found, err
		}
		wait, cancel := context.WithTimeout(ctx, positionWait)
		// If it does not come, the next round says what is missing.
		_ = c.segments.WaitPosition(wait, catalog.Key{Shard: stale.Shard, Signal: stale.Signal, Tenant: scope.Tenant}, stale.Committed)
		cancel()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// once asks all shares of a scope with one version of the catalog. A head that has committed more than it knows is a *parts.StaleError, or, if it is the last time, missing.
func once[A any](ctx context.Context, c *Coordinator, scope parts.Scope, last bool, ask asking[A]) (*gathered[A], error) {
	survey := c.segments.Survey(scope)
	defer survey.Release()
	d := c.newDivision(scope, survey)
	out := &gathered[A]{version: survey.Version.Sequence(), skipped: survey.Skipped}
	for n := 1; n <= shareRounds && !d.done(); n++ {
		shares := d.divide(n == shareRounds)
		for _, r := range askAll(ctx, c, shares, ask) {
			var stale *parts.StaleError
			switch {
			case r.err == nil:
				out.answers = append(out.answers, r.answer)
			case ctx.Err() != nil:
				return nil, ctx.Err()
			case isTheQuestions(r.err):
				return nil, r.err
			case errors.As(r.err, &stale) && !last:
				return nil, r.err
			default:
				d.failed(r.share, r.err)
			}
		}
	}
	d.giveUp()
	out.missing = d.missing
	return out, nil
}

// isTheQuestions says that an error is about the question, so that nobody would answer it otherwise.
func isTheQuestions(err error) bool {
	var limit *engine.LimitError
	var meaning *lang.Error
	return errors.As(err, &limit) || errors.As(err, &meaning) || errors.Is(err, engine.ErrBusy)
}

// answered is what became of a share.
type answered[A any] struct {
	share  *memberShare
	answer A
	err    error
}

// askAll asks all shares at once. The first error that ends the question ends the others too.
func askAll[A any](ctx context.Context, c *Coordinator, shares []*memberShare, ask asking[A]) []answered[A] {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make([]answered[A], len(shares))
	one := func(i int) {
		s := shares[i]
		r := &results[i]
		r.share = s
		r.answer, r.err = ask(ctx, s.member, s.here, &s.share)
		where := "elsewhere"
		if s.here {
			where = "here"
		}
		c.counts.asked.WithLabelValues(where).Inc()
		if r.err == nil {
			return
		}
		var stale *parts.StaleError
		if isTheQuestions(r.err) || errors.As(r.err, &stale) {
			cancel()
		}
		if !s.here && ctx.Err() == nil {
			c.counts.failed.WithLabelValues(reasonOf(r.err)).Inc()
		}
	}
	var wg sync.WaitGroup
	for i := 1; i < len(shares); i++ {
		wg.Go(func() { one(i) })
	}
	if len(shares) > 0 {
		one(0)
	}
	wg.Wait()
	for i := range results { // what ended the others comes first: they say no more than that they were ended
		var stale *parts.StaleError
		if err := results[i].err; err != nil && (isTheQuestions(err) || errors.As(err, &stale)) {
			results[0], results[i] = results[i], results[0]
			break
		}
	}
	return results
}

// suspect makes a process not be asked for a while.
func (c *Coordinator) suspect(name string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.suspects[name] = c.now().Add(suspectFor)
	c.log.Warn("a process does not answer; its segments are read by others", "process", name, "error", err)
}

// readers are the names of those among whom segments are shared out: not of those that have failed already.
func (c *Coordinator) readers(of *Membership, failures map[string]error) []string {
	var names []string
	for _, m := range of.Members {
		if m.Query && failures[m.Name] == nil && (m.Name == of.Self || !c.suspected(m.Name)) {
			names = append(names, m.Name)
		}
	}
	return names
}

// suspected says whether a process is not asked at present.
func (c *Coordinator) suspected(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	until, ok := c.suspects[name]
	if ok && c.now().After(until) {
		delete(c.suspects, name)
		return false
	}
	return ok
}

// missingShard says why a shard's unsealed records are not in an answer.
func missingShard(shard int, why string) string {
	return fmt.Sprintf("unsealed records of shard %d: %s", shard, why)
}
