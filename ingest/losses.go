package ingest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"clew/index/catalog"
	"clew/ingest/shardlog"
	"clew/internal/clock"
)

// losses are what an owner has noticed to be lost of its shard's log and has not committed yet. A commit makes it known to all who answer questions.
type losses struct {
	mu      sync.Mutex
	pending []catalog.Loss
}

const (
	// lossesPending bounds them: a commit takes so many.
	lossesPending = 32
	// acceptedByMax bounds the name of who accepted a loss, so that it is one that a commit takes.
	acceptedByMax = 100
)

func (l *losses) add(loss catalog.Loss) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.pending); n > 0 && loss.Accepted.IsZero() && l.pending[n-1].Accepted.IsZero() && l.pending[n-1].To != 0 && l.pending[n-1].Reason == loss.Reason && l.pending[n-1].To+1 == loss.From && loss.To != 0 {
		l.pending[n-1].To, l.pending[n-1].Until = loss.To, loss.Until // the same one, going on
		return
	}
	if len(l.pending) < lossesPending {
		l.pending = append(l.pending, loss)
	}
}

func (l *losses) get() []catalog.Loss {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]catalog.Loss(nil), l.pending...)
}

// settle forgets the first n, which are committed.
func (l *losses) settle(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending = l.pending[min(n, len(l.pending)):]
}

// lose notes what an entry of the log says is lost. It says false of an error that is none of the log's.
func (o *owner) lose(e *shardlog.Entry) bool {
	loss := catalog.Loss{From: e.Position, To: e.Position, Since: e.Since, Until: e.Time}
	var damaged *shardlog.DamagedMessageError
	var lost *shardlog.LostMessageError
	switch {
	case errors.As(e.Damage, &lost):
		loss.From, loss.To, loss.Reason = lost.Position, lost.Position, shardlog.AnomalyLost
	case errors.As(e.Damage, &damaged) && damaged.Missing > 0:
		loss.From, loss.Reason = damaged.Position-damaged.Missing+1, shardlog.AnomalyMissing
	case errors.As(e.Damage, &damaged):
		loss.Since, loss.Reason = e.Time, shardlog.AnomalyDamaged
	default:
		return false
	}
	o.lost(loss)
	return true
}

// lost notes a loss. Where it is not known when the log took the messages, it was after what has been sealed: what is older than SealAfter is.
func (o *owner) lost(loss catalog.Loss) {
	loss.Noticed = clock.Now().UTC()
	if loss.Until.IsZero() {
		loss.Until = loss.Noticed
	}
	if loss.Since.IsZero() || loss.Since.After(loss.Until) {
		loss.Since = loss.Until.Add(-o.in.cfg.SealAfter - time.Minute)
	}
	loss.Since, loss.Until = loss.Since.UTC(), loss.Until.UTC()
	o.losses.add(loss)
}

// SetCommitVersion says up to which version commits may be written: what all processes read that read commits.
func (in *Ingest) SetCommitVersion(version int) { in.commitVersion.Store(int64(version)) }

// lossesToCommit are the losses that a commit may name now.
func (o *owner) lossesToCommit() []catalog.Loss {
	pending := o.losses.get()
	for n := range pending {
		if int64((&catalog.Commit{Lost: pending[:n+1]}).LeastVersion()) > o.in.commitVersion.Load() {
			return pending[:n] // a process is there that could not read the commit: the others wait until it is gone
		}
	}
	return pending
}

// AcceptLosses takes the word of an administrator that these losses, by their ids, are known and nothing more can be done. Those of shards that this process owns are committed
// as accepted within seconds; others are their owners'.
func (in *Ingest) AcceptLosses(ids []string, by string) {
	by = strings.ToValidUTF8(by[:min(len(by), acceptedByMax)], "?") // others tell it: a commit must take it
	for _, o := range in.allOwners() {
		waiting := o.losses.get()
		for _, l := range in.catalog.Current().Shard(o.shard).Lost {
			if !l.Accepted.IsZero() || !slices.Contains(ids, l.ID(o.shard)) ||
				slices.ContainsFunc(waiting, func(w catalog.Loss) bool { return !w.Accepted.IsZero() && w.ID(o.shard) == l.ID(o.shard) }) {
				continue
			}
			l.Accepted, l.By = clock.Now().UTC(), by
			o.losses.add(l)
		}
	}
}

// commitLosses makes known what owners have noticed.
func (in *Ingest) commitLosses(ctx context.Context) {
	for _, o := range in.allOwners() {
		if len(o.lossesToCommit()) == 0 {
			continue
		}
		if err := o.commit(ctx, reasonLost, nil, nil); err != nil && o.ctx.Err() == nil {
			o.log.Warn("what is lost of the shard's log can't be written down; tried anew", "error", err)
		}
	}
}
