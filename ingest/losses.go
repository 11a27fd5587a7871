package ingest

import (
	"context"
	"errors"
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

// lossesPending bounds them: a commit takes so many.
const lossesPending = 32

func (l *losses) add(loss catalog.Loss) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.pending); n > 0 && l.pending[n-1].To != 0 && l.pending[n-1].Reason == loss.Reason && l.pending[n-1].To+1 == loss.From && loss.To != 0 {
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
	if o.in.commitVersion.Load() < catalog.CommitVersion {
		return nil // a process is there that could not read the commit: they wait until it is gone
	}
	return o.losses.get()
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
