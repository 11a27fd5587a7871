package notify

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/common/model"

	"clew/query/alert/notify/journal"
)

// queue is what an Alertmanager has not taken yet: of each alert, the newest word.
type queue struct {
	journal *journal.Journal

	writing sync.Mutex // held while entries are taken in and made durable, so that both happen in the same order
	mu      sync.Mutex // guards what follows
	waiting map[model.Fingerprint]*entry
	seq     uint64
}

func openQueue(path string) (q *queue, aside int64, err error) {
	q = &queue{waiting: map[model.Fingerprint]*entry{}}
	q.journal, aside, err = journal.Open(path, func(data []byte) {
		var e entry
		if json.Unmarshal(data, &e) == nil {
			q.putLocked(&e)
		}
	})
	return q, aside, err
}

func (q *queue) putLocked(e *entry) {
	q.seq++
	e.seq = q.seq
	q.waiting[e.Key] = e
}

// put takes entries in, durably, and says how many found no room. The queue keeps copies.
func (q *queue) put(entries []*entry) (full int, err error) {
	q.writing.Lock()
	defer q.writing.Unlock()
	var lines [][]byte
	for _, e := range entries {
		line, err := json.Marshal(e)
		if err != nil {
			return full, fmt.Errorf("queue an alert: %w", err)
		}
		lines = append(lines, line)
	}
	q.mu.Lock()
	took := lines[:0:0]
	for i, e := range entries {
		if q.waiting[e.Key] == nil && len(q.waiting) >= queueMax {
			full++
			continue
		}
		one := *e
		q.putLocked(&one)
		took = append(took, lines[i])
	}
	q.mu.Unlock()
	if err := q.journal.Append(took...); err != nil {
		return full, err
	}
	if q.journal.Due() {
		return full, q.journal.Replace(q.snapshot)
	}
	return full, nil
}

// next are the entries that have waited longest, at most batchMax; what is pointless is dropped, and counted.
func (q *queue) next(now time.Time) (batch []*entry, dropped int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for key, e := range q.waiting {
		if e.pointless(now) {
			delete(q.waiting, key)
			dropped++
			continue
		}
		batch = append(batch, e)
	}
	slices.SortFunc(batch, func(a, b *entry) int { return int(int64(a.seq) - int64(b.seq)) })
	return batch[:min(len(batch), batchMax)], dropped
}

// done takes out what was delivered or refused, unless there is newer word on it. That is not made durable each time: told again after a kill, an Alertmanager knows it.
func (q *queue) done(batch []*entry) error {
	q.mu.Lock()
	for _, e := range batch {
		if have := q.waiting[e.Key]; have != nil && have.seq == e.seq {
			delete(q.waiting, e.Key)
		}
	}
	empty := len(q.waiting) == 0
	q.mu.Unlock()
	if empty && q.journal.Size() > emptyAfterBytes {
		return q.journal.Replace(q.snapshot)
	}
	return nil
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

func (q *queue) snapshot() ([][]byte, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	entries := make([]*entry, 0, len(q.waiting))
	for _, e := range q.waiting {
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b *entry) int { return int(int64(a.seq) - int64(b.seq)) })
	lines := make([][]byte, 0, len(entries))
	for _, e := range entries {
		line, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// close leaves a journal of what still waits.
func (q *queue) close() error {
	err := q.journal.Replace(q.snapshot)
	if e := q.journal.Close(); err == nil {
		err = e
	}
	return err
}
