package logexporter

import (
	"context"
	"fmt"
	"time"

	"clew/collector/refusal"
)

// request is one call of Consume: it adds records to groups and waits until all of them are durable.
type request struct {
	e      *Exporter
	key    key
	now    time.Time
	lanes  []*lane // by shard: as many as there were when it came
	source string  // of a numbered batch, as the log calls it
	seq    uint64
	joined []joined
	// shardOf is the shard of each record in the order of iteration; nil when there is only one shard.
	shardOf []uint16
}

type joined struct {
	lane  *lane
	group *group
}

// adder adds a request's records of one shard to groups, one group after the other as they get full.
type adder struct {
	r      *request
	lane   *lane
	group  *group // locked; nil between groups
	last   joined // the group joined last
	before int    // the group's bytes when it was joined
	count  uint32 // records added to group
	first  uint32 // records added to earlier groups
}

// open makes sure that there is a group to add to. It reports whether the group is a new one to this adder: its
// builder has not been told the record's resource and scope.
//
// The parts of a numbered batch are appended one after the other: whatever a crash cuts off is at the end, and the shard's owner, which knows how far it got,
// takes from the next attempt what is beyond.
func (a *adder) open(ctx context.Context) (fresh bool, err error) {
	if a.group != nil {
		return false, nil
	}
	if a.r.source != "" && a.last.group != nil {
		if err := a.r.wait(ctx, []joined{a.last}); err != nil {
			return false, err
		}
	}
	a.group = a.lane.join(a.r.key, a.r.now)
	a.before = a.group.bytes
	a.last = joined{a.lane, a.group}
	a.r.joined = append(a.r.joined, a.last)
	return true, nil
}

// added says that the open group now has the given size.
func (a *adder) added(records, bytes int) {
	g := a.group
	g.records += records
	g.bytes = bytes
	a.count += uint32(records)
	if bytes >= a.r.e.messageBytes || len(g.runs) >= groupRunsMax {
		g.full = true
		a.close()
	}
}

// close leaves the open group, if any.
func (a *adder) close() {
	if a.group == nil {
		return
	}
	a.r.e.pending.Add(int64(a.group.bytes - a.before))
	g := a.group
	a.group = nil
	if a.count > 0 {
		g.runs = append(g.runs, run{source: a.r.source, seq: a.r.seq, first: a.first, count: a.count})
		a.first += a.count
		a.count = 0
	}
	a.lane.leave(g)
}

// wait returns when the groups are durable, or with the first reason why one is not.
func (r *request) wait(ctx context.Context, groups []joined) error {
	timer := time.NewTimer(r.e.cfg.AppendTimeout - time.Since(r.now))
	defer timer.Stop()
	var first error
	for i, j := range groups {
		select {
		case <-j.group.done:
		case <-ctx.Done():
			return &refusal.Error{Kind: refusal.Unavailable, Reason: "sender_gone", Err: fmt.Errorf("the sender stopped waiting for shard %d: %w", j.lane.shard, context.Cause(ctx))}
		case <-timer.C:
			return r.timeOut(groups[i:])
		}
		if j.group.err != nil && first == nil {
			first = j.group.err
		}
	}
	return first
}

// timeOut gives up the groups that no writer has taken yet. Giving up only this request's records is not possible, and
// the others in the group have waited about as long. A group in flight is its writer's to judge, whose deadline is about the same.
func (r *request) timeOut(rest []joined) error {
	slow := refusal.Overloaded("slow_log", slowRetryAfter, "shard %d did not take the records within %s", rest[0].lane.shard, r.e.cfg.AppendTimeout)
	for _, j := range rest {
		r.e.giveUp(j.lane, j.group, slow)
	}
	grace := time.NewTimer(timeOutGrace)
	defer grace.Stop()
	for _, j := range rest {
		select {
		case <-j.group.done:
			if j.group.err != nil {
				return j.group.err
			}
		case <-grace.C:
			return &refusal.Error{
				Kind: refusal.Unavailable, Reason: "unknown_outcome", RetryAfter: slowRetryAfter,
				Err: fmt.Errorf("an append to shard %d has not ended within %s", j.lane.shard, r.e.cfg.AppendTimeout),
			}
		}
	}
	return nil
}
