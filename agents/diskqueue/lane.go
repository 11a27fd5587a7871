package diskqueue

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// batch is the entries under one number. Entries join the newest batch as long as nobody has taken it and there is room; once it is taken its contents are
// fixed, on disk too, for no entry of its number is ever written again. So the number stands for the same records in every attempt, whoever makes it.
type batch struct {
	seq         uint64
	first, last uint64 // indexes in the log
	raw         int    // bytes before compression
	bytes       int64  // in the log
	queuedAt    time.Time
	tallies     []Tally
	taken       bool // closed for joining
	inFlight    bool
	sent        bool // at least once
}

func (b *batch) records() int {
	n := 0
	for _, t := range b.tallies {
		n += t.Records
	}
	return n
}

// lane is the queue of one signal: a log, and in memory what is in it by batch.
type lane struct {
	name string
	dir  string

	commit  sync.Mutex // held while a group is written; guards log
	log     *logFile
	retryAt time.Time // after a failed write

	pendingMu sync.Mutex
	pending   []*put

	// The queue's lock guards what follows.
	batches   []*batch
	writing   bool // a group is being written that may join the newest batch
	next      uint64
	seq       uint64
	done      uint64
	counted   uint64
	skips     []span
	gaps      []Gap
	doneBytes int64         // left the queue, not yet the disk
	news      chan struct{} // closed and replaced when something changes for a taker
}

// put is an entry on its way to disk.
type put struct {
	stored *stored
	size   int64
	done   bool
	err    error
}

// Batch is what Next gives: all records under a number.
type Batch struct {
	Lane     string
	Source   string // of the number, as told to collectors: instance/lane
	Seq      uint64
	Records  int
	Payload  []byte // an OTLP export request, compressed: zstd frames one behind the other, which are one stream
	QueuedAt time.Time
	Retry    bool // it has been sent before, by this process

	b    *batch
	read []Tally // what could be read from disk
}

// write makes an entry durable together with all that wait for the same: whoever comes first writes for all.
func (l *lane) write(q *Queue, p *put) error {
	l.pendingMu.Lock()
	l.pending = append(l.pending, p)
	l.pendingMu.Unlock()
	l.commit.Lock()
	defer l.commit.Unlock()
	if p.done {
		return p.err
	}
	l.pendingMu.Lock()
	group := l.pending
	l.pending = nil
	l.pendingMu.Unlock()
	err := l.writeGroup(q, group)
	for _, p := range group {
		p.done, p.err = true, err
	}
	return err
}

// writeGroup numbers entries, writes them with one fsync, and puts them into the queue. commit is held.
func (l *lane) writeGroup(q *Queue, group []*put) error {
	now := q.now()
	if err := l.usable(now); err != nil {
		return err
	}
	q.mu.Lock()
	seq, first, joined := l.seq, l.next, 0
	if n := len(l.batches); n > 0 && !l.batches[n-1].taken && l.batches[n-1].seq == seq {
		joined = l.batches[n-1].raw
	} else {
		joined = batchBytesMax // begin a new one
	}
	l.writing = true
	q.mu.Unlock()

	data := make([][]byte, len(group))
	for i, p := range group {
		if joined+p.stored.raw > batchBytesMax {
			seq++
			joined = 0
		}
		joined += p.stored.raw
		p.stored.seq = seq
		data[i] = p.stored.encode()
		p.size = int64(len(data[i]))
	}
	err := l.log.append(first, data, now)

	q.mu.Lock()
	defer q.mu.Unlock()
	l.writing = false
	l.changedLocked()
	if err != nil {
		l.retryAt = now.Add(reopenAfter)
		return err
	}
	for i, p := range group {
		l.enterLocked(first+uint64(i), p.stored, p.size, now)
		q.countQueuedLocked(l, p.stored)
	}
	l.counted = l.next - 1
	return nil
}

// usable opens the log anew after a failed write: what the write has left behind its last good entry was acknowledged to nobody.
func (l *lane) usable(now time.Time) error {
	if l.retryAt.IsZero() {
		return nil
	}
	if now.Before(l.retryAt) {
		return errors.New("the queue's log has failed and is opened again soon")
	}
	l.retryAt = now.Add(reopenAfter)
	if l.log != nil {
		_ = l.log.close() // it has failed already
		l.log = nil
	}
	log, err := openLog(l.dir)
	if err != nil {
		return err
	}
	if err := log.cut(l.next - 1); err != nil {
		return errors.Join(err, log.close())
	}
	l.log, l.retryAt = log, time.Time{}
	return nil
}

// enterLocked adds an entry that is in the log.
func (l *lane) enterLocked(index uint64, s *stored, size int64, at time.Time) {
	l.next = index + 1
	l.seq = max(l.seq, s.seq)
	if n := len(l.batches); n > 0 && l.batches[n-1].seq == s.seq {
		b := l.batches[n-1]
		b.last, b.raw, b.bytes = index, b.raw+s.raw, b.bytes+size
		b.tallies = merge(b.tallies, s.tallies)
		return
	}
	l.batches = append(l.batches, &batch{
		seq: s.seq, first: index, last: index, raw: s.raw, bytes: size, queuedAt: at, tallies: merge(nil, s.tallies),
	})
}

func (l *lane) changedLocked() {
	close(l.news)
	l.news = make(chan struct{})
}

// take waits for the oldest batch and fixes its contents.
func (l *lane) take(ctx context.Context, q *Queue) (*batch, bool, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, false, err
		}
		q.mu.Lock()
		if len(l.batches) > 0 {
			b := l.batches[0]
			if !l.writing || b.taken || len(l.batches) > 1 {
				retry := b.sent
				b.taken, b.inFlight = true, true
				if !b.sent {
					b.sent = true
					for _, t := range b.tallies {
						q.accounts.of(l.name, t.Origin).Sent += uint64(t.Records)
					}
				}
				q.mu.Unlock()
				return b, retry, nil
			}
		}
		news := l.news
		q.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, false, ctx.Err()
		case <-news:
		}
	}
}

// load reads a batch from disk. It stays compressed: what was compressed for the disk is sent as it is.
func (l *lane) load(q *Queue, b *batch) (payload []byte, read []Tally) {
	l.commit.Lock()
	defer l.commit.Unlock()
	payload = make([]byte, 0, b.bytes)
	for index := b.first; index <= b.last; index++ {
		if l.log == nil {
			return nil, nil
		}
		s, _, _, err := l.log.get(l.name, index)
		if err != nil {
			q.logger.Error("an entry of the queue cannot be read: its records are counted as dropped", "err", err)
			continue
		}
		payload = append(payload, s.packed...) // its checksum is right: it is what was compressed
		read = merge(read, s.tallies)
	}
	return payload, read
}

// removeLocked takes a batch out of the queue. Its entries stay in the log until the front is trimmed.
func (l *lane) removeLocked(q *Queue, i int) {
	b := l.batches[i]
	l.batches = slices.Delete(l.batches, i, i+1)
	q.bytes -= b.bytes
	l.doneBytes += b.bytes
	if i == 0 {
		l.done = l.next - 1
		if len(l.batches) > 0 {
			l.done = l.batches[0].first - 1
		}
		low := l.seq + 1
		if len(l.batches) > 0 {
			low = l.batches[0].seq
		}
		l.skips = slices.DeleteFunc(l.skips, func(s span) bool { return s.Last < low })
	} else if n := len(l.skips); n > 0 && l.skips[n-1].Last+1 == b.seq {
		l.skips[n-1].Last = b.seq
	} else {
		l.skips = append(l.skips, span{b.seq, b.seq})
	}
	q.roomLocked()
}

// dropLocked takes the oldest batch out that nobody is sending, for newer ones to have room.
func (l *lane) dropLocked(q *Queue) bool {
	i := 0
	if len(l.batches) > 0 && l.batches[0].inFlight {
		i = 1
	}
	// The newest batch may be about to grow on disk: it stays.
	if i >= len(l.batches)-1 || (i > 0 && len(l.skips) >= skipsMax) {
		return false
	}
	b := l.batches[i]
	for _, t := range b.tallies {
		add(&q.accounts.of(l.name, t.Origin).Dropped, ReasonOldest, t.Records)
	}
	l.gapLocked(b, ReasonOldest)
	l.removeLocked(q, i)
	return true
}

// gapLocked remembers a number that no collector will see.
func (l *lane) gapLocked(b *batch, reason string) {
	if b.sent {
		return // one may have
	}
	if n := len(l.gaps); n > 0 && l.gaps[n-1].Last+1 == b.seq && l.gaps[n-1].Reason == reason {
		l.gaps[n-1].Last, l.gaps[n-1].Records = b.seq, l.gaps[n-1].Records+b.records()
		return
	}
	l.gaps = append(l.gaps, Gap{b.seq, b.seq, b.records(), reason})
	l.gaps = l.gaps[max(0, len(l.gaps)-gapsMax):]
}

// skipped says whether a number's entries in the log are of a batch that was dropped.
func (l *lane) skipped(seq uint64) bool {
	return slices.ContainsFunc(l.skips, func(s span) bool { return s.First <= seq && seq <= s.Last })
}
