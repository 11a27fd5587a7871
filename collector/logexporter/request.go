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
	before int    // the group's bytes when it was joined
}

// open makes sure that there is a group to add to. It reports whether the group is a new one to this adder: its
// builder has not been told the record's resource and scope.
func (a *adder) open() (fresh bool) {
	if a.group != nil {
		return false
	}
	a.group = a.lane.join(a.r.key, a.r.now)
	a.before = a.group.bytes
	a.r.joined = append(a.r.joined, joined{a.lane, a.group})
	return true
}

// added says that the open group now has the given size.
func (a *adder) added(records, bytes int) {
	g := a.group
	g.records += records
	g.bytes = bytes
	if bytes >= a.r.e.messageBytes {
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
	a.lane.leave(g)
}

// wait returns when all groups that the request added to are durable, or with the first reason why one is not.
func (r *request) wait(ctx context.Context) error {
	timer := time.NewTimer(r.e.cfg.AppendTimeout - time.Since(r.now))
	defer timer.Stop()
	var first error
	for i, j := range r.joined {
		select {
		case <-j.group.done:
		case <-ctx.Done():
			return &refusal.Error{Kind: refusal.Unavailable, Reason: "sender_gone", Err: fmt.Errorf("the sender stopped waiting for shard %d: %w", j.lane.shard, context.Cause(ctx))}
		case <-timer.C:
			return r.timeOut(r.joined[i:])
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
