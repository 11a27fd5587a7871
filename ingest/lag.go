package ingest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"clew/ingest/shardlog"
)

// lag is how far an owner's reading is behind its log, in time. Positions alone do not say: a thousand messages may be a moment's work, and a single one may wait for
// ever. So the log is asked once a second where it ends, whether or not anybody queries; what was there at a look and is not read has waited since then, at least. An idle
// shard is read to its end, and behind nothing. No clock but this process's monotonic one is involved.
type lag struct {
	mu     sync.Mutex
	marks  []mark    // the log's ends that are not read yet, ascending
	looked time.Time // when a look began or ended last
}

// mark is where the log ended when it was asked.
type mark struct {
	at   time.Time
	last uint64
}

// touch notes that the log is being asked, or was, with whatever outcome.
func (l *lag) touch(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.looked = now
}

// ends notes what the log said to somebody who asked at a time.
func (l *lag) ends(at time.Time, log shardlog.State) {
	if log.First > log.Last {
		return // nothing is there to be read: the end was moved, by a trim
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.marks)
	if n > 0 && log.Last <= l.marks[n-1].last {
		return
	}
	l.marks = append(l.marks, mark{at, log.Last})
	if len(l.marks) < marksMax {
		return
	}
	// Of two neighbours one stays, with the earlier time: too much is said of what waits, never too little.
	kept := l.marks[:0]
	for i := 0; i+1 < len(l.marks); i += 2 {
		kept = append(kept, mark{l.marks[i].at, l.marks[i+1].last})
	}
	l.marks = kept
}

// behind is for how long something waits in the log that comes after read; 0: nothing is known of that does. unseen is since when nobody has looked.
func (l *lag) behind(now time.Time, read uint64) (by, unseen time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := 0
	for i < len(l.marks) && l.marks[i].last <= read {
		i++
	}
	l.marks = append(l.marks[:0], l.marks[i:]...)
	if len(l.marks) > 0 {
		by = now.Sub(l.marks[0].at)
	}
	return by, now.Sub(l.looked)
}

// BehindError says that the owner of a shard is slow: acknowledged records wait in its log, and are in no answer.
type BehindError struct {
	Shard int
	// By is for how long the first of them has waited; 0: nobody knows whether any does, because for Unseen the process has not come to look.
	By, Unseen time.Duration
}

func (e *BehindError) Error() string {
	const precision = 100 * time.Millisecond
	if e.By == 0 {
		return fmt.Sprintf("shard %d: its owner has not looked for %s what is in its log: acknowledged records may wait there", e.Shard, e.Unseen.Round(precision))
	}
	return fmt.Sprintf("shard %d: its owner is %s behind: acknowledged records wait in its log to be read", e.Shard, e.By.Round(precision))
}

// behind is how far the owner is behind its log, and an error if that is so far that an answer has to say so.
func (o *owner) behind(now time.Time) (time.Duration, error) {
	by, unseen := o.lag.behind(now, o.read.Load())
	switch {
	case by > BehindMax:
		return by, &BehindError{Shard: o.shard, By: by, Unseen: unseen}
	case unseen > unseenMax:
		return by, &BehindError{Shard: o.shard, Unseen: unseen}
	}
	return by, nil
}

// watchLag asks the log where it ends, again and again until the owner ends.
func (o *owner) watchLag() { every(o.ctx, lookEvery, o.look) }

// look asks once. A log that does not answer has nothing new to say either: nothing is acknowledged while a stream has no leader. That an owner is cut off from a log that
// goes on is what its lease tells (unrenewedMax).
func (o *owner) look() {
	began := time.Now()
	o.lag.touch(began)
	ctx, cancel := context.WithTimeout(o.ctx, lookMax)
	defer cancel()
	if state, err := o.in.shardLog.State(ctx, o.shard); err == nil {
		o.lag.ends(began, state)
	}
	o.lag.touch(time.Now())
}
