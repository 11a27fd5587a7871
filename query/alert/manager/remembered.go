package manager

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/prometheus/alertmanager/nflog"
	"github.com/prometheus/alertmanager/nflog/nflogpb"
	"github.com/prometheus/alertmanager/notify"

	"clew/query/alert/notify/journal"
)

// remembered is the journal of a state that Alertmanager keeps: silences, or what was notified. Both hand out each change in the form of their snapshots, meant for other
// processes; a journal of changes is a snapshot to them, in which the newest says what holds.
type remembered struct {
	what     string
	journal  keeper
	snapshot func() ([]byte, error)
	count    *counters

	writing sync.Mutex // as of alerts
	mu      sync.Mutex
	pending [][]byte
	turn    sync.Mutex // of merge
	merging *byte      // the first of what a sibling told and is being merged: that is no change of ours
}

// openRemembered opens the journal, and gives what it has.
func openRemembered(what, path string, count *counters) (r *remembered, stored io.Reader, aside int64, err error) {
	r = &remembered{what: what, count: count}
	var entries [][]byte
	file, aside, err := journal.Open(path, func(entry []byte) { entries = append(entries, append([]byte(nil), entry...)) })
	if err != nil {
		return nil, nil, 0, err
	}
	r.journal = file
	return r, journal.Reader(entries), aside, nil
}

// note takes a change. It is called under the locks of the state, which a snapshot needs: so nothing is written here.
func (r *remembered) note(change []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(change) > 0 && &change[0] == r.merging {
		return
	}
	r.pending = append(r.pending, change)
}

// merge takes a sibling's word with Alertmanager's own merging, which calls note with the very bytes it was given.
func (r *remembered) merge(value []byte, merge func([]byte) error) error {
	if len(value) == 0 {
		return nil
	}
	r.turn.Lock() // one at a time
	defer r.turn.Unlock()
	r.mu.Lock()
	r.merging = &value[0]
	r.mu.Unlock()
	err := merge(value)
	r.mu.Lock()
	r.merging = nil
	r.mu.Unlock()
	if err != nil {
		return fmt.Errorf("merge %s: %w", r.what, err)
	}
	return nil
}

// write makes the changes so far durable.
func (r *remembered) write() error {
	r.writing.Lock()
	defer r.writing.Unlock()
	r.mu.Lock()
	changes := r.pending
	r.pending = nil
	r.mu.Unlock()
	if err := r.journal.Append(changes...); err != nil {
		r.count.failed.WithLabelValues(r.what).Inc()
		return fmt.Errorf("remember %s: %w", r.what, err)
	}
	return nil
}

// tick replaces the journal if it is time, which also makes up for what could not be appended.
func (r *remembered) tick() error {
	err := r.write()
	if r.journal.Due() {
		err = r.replace()
	}
	return err
}

func (r *remembered) replace() error {
	return r.journal.Replace(func() ([][]byte, error) {
		state, err := r.snapshot()
		return [][]byte{state}, err
	})
}

// notified is Alertmanager's log of what receivers know, durable when Log returns.
type notified struct {
	log        *nflog.Log
	remembered *remembered
}

var _ notify.NotificationLog = (*notified)(nil)

// Query implements notify.NotificationLog.
func (n *notified) Query(params ...nflog.QueryParam) ([]*nflogpb.Entry, error) {
	return n.log.Query(params...)
}

// Log implements notify.NotificationLog. That something could not be made durable is no reason to notify again: write counts it, and the next tick replaces the journal,
// and says so if that fails too.
func (n *notified) Log(r *nflogpb.Receiver, group string, firing, resolved []uint64, store *nflog.Store, expiry time.Duration) error {
	if err := n.log.Log(r, group, firing, resolved, store, expiry); err != nil {
		return err
	}
	_ = n.remembered.write()
	return nil
}
