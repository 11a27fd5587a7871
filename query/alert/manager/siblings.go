package manager

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/common/model"

	clewalert "clew/query/alert"
	"clew/query/alert/shared"
)

// Siblings are other processes that run an Alertmanager with the same configuration.
//
// Each knows all alerts and silences, whoever was told, and answers for them. One notifies: the one that has the lease. What it has notified the others know too, so that the
// one that follows neither tells again nor forgets to. Alertmanager's state is made to be merged, in any order; so nothing but the right to notify needs to be agreed on.
type Siblings struct {
	Store  *shared.Store
	Leases clewalert.Leases
}

// leaseName is that of the right to notify; leaderKey has the turn of the one who has it, and that is asked before each message: a process that was paused believes in its lease.
const (
	leaseName = "alertmanager"
	leaderKey = "notifier.turn"
)

// turn is a time for which this process notifies.
type turn struct {
	name    string
	held    context.Context
	release func()
}

// lost is closed when the turn is over; nil, which is never ready, where there is none.
func (t *turn) lost() <-chan struct{} {
	if t == nil {
		return nil
	}
	return t.held.Done()
}

// notifies says whether this process does.
func (m *Manager) notifies() bool { return m.opts.Siblings == nil || m.leading != nil }

// join reads what siblings remember, goes on hearing what they say, and waits for turns, until ctx ends.
func (m *Manager) join(ctx context.Context, running *sync.WaitGroup) {
	for first := true; ctx.Err() == nil; first = false {
		err := m.hear(ctx)
		if err == nil {
			break
		}
		if first {
			m.log.Error("the shared state of the Alertmanager cannot be read; it is tried until it can", "error", err)
		}
		wait(ctx, turnRetry)
	}
	if err := m.alerts.revive(time.Now()); err != nil {
		m.log.Error("alerts cannot be taken over", "error", err)
	}
	s := m.opts.Siblings
	for what, merge := range m.merges() {
		running.Go(func() { s.Store.Follow(ctx, what, func(_ string, value []byte) { merge(value) }) })
	}
	running.Go(func() {
		for ctx.Err() == nil {
			held, release, err := s.Leases.Acquire(ctx, leaseName)
			if err != nil {
				wait(ctx, turnRetry)
				continue
			}
			t := &turn{name: rand.Text(), held: held, release: release}
			select {
			case m.turns <- t:
				<-held.Done()
				wait(ctx, turnRetry)
			case <-ctx.Done():
				release()
			}
		}
	})
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// merges are what takes a sibling's word, by what it is about.
func (m *Manager) merges() map[string]func(value []byte) {
	take := func(r *remembered, merge func([]byte) error) func([]byte) {
		return func(value []byte) {
			if err := r.merge(value, merge); err != nil {
				m.log.Error("what a sibling shares cannot be read", "what", r.what, "error", err)
			}
		}
	}
	return map[string]func([]byte){
		whatAlerts: m.alerts.merge, whatSilences: take(m.silenceState, m.silences.Merge), whatNotices: take(m.noticeState, m.notices.log.Merge),
	}
}

// hear takes all that siblings have said up to now.
func (m *Manager) hear(ctx context.Context) error {
	for what, merge := range m.merges() {
		if err := m.opts.Siblings.Store.Read(ctx, what, func(_ string, value []byte) { merge(value) }); err != nil {
			return err
		}
	}
	return nil
}

// lead begins a turn: with all that the one before has said, and what was active taken for active.
func (m *Manager) lead(ctx context.Context, t *turn) {
	err := m.opts.Siblings.Store.Put(ctx, leaderKey, []byte(t.name)) // from here on the one before tells nobody
	if err == nil {
		err = m.hear(ctx)
	}
	if err == nil {
		err = m.alerts.revive(time.Now())
	}
	if err != nil {
		m.log.Error("the turn to notify cannot be taken", "error", err)
		t.release()
		return
	}
	m.leading = t
	m.log.Info("this process's Alertmanager notifies")
	m.take(m.routing.Load().settings)
}

// yield ends the turn, if there is one. What was notified must have been written.
func (m *Manager) yield() {
	if t := m.leading; t != nil {
		m.leading = nil
		t.release()
	}
}

// sweep forgets what nobody needs any more.
func (m *Manager) sweep(ctx context.Context, now time.Time) error {
	var old []string
	var failed error
	for _, what := range []string{whatAlerts, whatSilences, whatNotices} {
		failed = errors.Join(failed, m.opts.Siblings.Store.Read(ctx, what, func(key string, value []byte) {
			if past(what, value, now) {
				old = append(old, key)
			}
		}))
	}
	for _, key := range old {
		failed = errors.Join(failed, m.opts.Siblings.Store.Delete(ctx, key))
	}
	return failed
}

// guard lets nothing through but in a turn that goes on.
func (s *Siblings) guard(t *turn, next notify.Stage) notify.Stage {
	return notify.StageFunc(func(ctx context.Context, l *slog.Logger, alerts ...*alert.Alert) (context.Context, []*alert.Alert, error) {
		if t == nil {
			return ctx, nil, nil // groups are formed, to be shown
		}
		leader, err := s.Store.Get(ctx, leaderKey)
		if err != nil {
			return ctx, nil, fmt.Errorf("whose turn it is to notify: %w", err)
		}
		if string(leader) != t.name || t.held.Err() != nil {
			return ctx, nil, errors.New("it is another process's turn to notify")
		}
		return next.Exec(ctx, l, alerts...)
	})
}

// alerts are those of a process with siblings.
func (s *Siblings) alerts(count *counters) *alerts {
	return &alerts{
		shared: true, journal: &sharedKeeper{store: s.Store, what: whatAlerts}, count: count, known: map[model.Fingerprint]*kept{}, dirty: map[model.Fingerprint]bool{},
	}
}

func (s *Siblings) remembered(what string, count *counters) *remembered {
	return &remembered{what: what, count: count, journal: &sharedKeeper{store: s.Store, what: what}}
}
