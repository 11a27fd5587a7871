package diskqueue

import (
	"errors"
	"fmt"
)

// recover reads what is on disk: the state, and from the logs what it does not cover.
func (q *Queue) recover() error {
	st, err := readState(q.dir)
	sound := true
	if err != nil {
		// Without the state the last numbers given out are unknown, and so is what is done: all is sent, under a new name. Rather twice than not at all.
		q.logger.Error("the agent's state is lost: its queue is sent under a new identity, some of it perhaps a second time", "err", err)
		sound = false
	}
	if st == nil {
		st = &state{Version: stateVersion, Instance: newInstance(), Host: q.host}
	}
	if st.Host != q.host {
		q.logger.Warn("the agent's directory comes from another host: it gets an identity of its own", "was", st.Host, "is", q.host)
		sound = false
	}
	for _, s := range st.Sources {
		c := s.clone()
		c.Sent = c.Acked + c.refusedBySome() // what was in flight is sent again, and counted then
		q.accounts[sourceKey{s.Lane, s.Origin}] = &c
	}
	for _, m := range st.Marks {
		q.markLocked(m.Key, m.Value)
	}
	found := map[sourceKey]uint64{}
	for _, name := range Lanes {
		whole, err := q.recoverLane(name, st.Lanes[name], found)
		if err != nil {
			return err
		}
		sound = sound && whole
	}
	// What the counts know to be queued and the logs do not have is damage.
	for key, c := range q.accounts {
		if waiting := c.Queued - c.settled(); waiting > found[key] {
			q.logger.Error("records are missing from the queue", "lane", key.lane, "kind", key.Kind, "name", key.Name, "records", waiting-found[key])
			add(&c.Dropped, ReasonDamaged, int(waiting-found[key]))
			sound = false
		}
	}
	q.instance = st.Instance
	if !sound {
		q.instance = newInstance()
	}
	q.dirty = true
	return q.Checkpoint()
}

// recoverLane opens a lane's log and finds what is in it. It is not whole if something was lost that had been given a number.
func (q *Queue) recoverLane(name string, st laneState, found map[sourceKey]uint64) (whole bool, err error) {
	l := &lane{name: name, dir: q.lanePath(name), done: st.Done, counted: st.Counted, seq: st.Seq, skips: st.Skips, gaps: st.Gaps, news: make(chan struct{})}
	q.lanes[name] = l
	whole = true
	if l.log, err = openLog(l.dir); err != nil {
		whole = false
		if l.log, err = setAside(l.dir, q.now(), err, q.logger); err != nil {
			return false, fmt.Errorf("open the queue of %s: %w", name, err)
		}
	}
	first, last, err := l.log.bounds()
	if err != nil {
		return false, err
	}
	if last < st.Counted {
		whole = false // the last numbers given out were there
		l.done, l.counted = min(l.done, last), last
	}
	l.next = max(last, l.done) + 1
	for index := max(first, l.done+1); index <= last; index++ {
		s, at, size, err := l.log.get(name, index)
		if err != nil {
			var d *DamagedError
			if !errors.As(err, &d) {
				return false, err
			}
			q.logger.Error("an entry of the queue cannot be read", "err", err)
			whole = false
			continue
		}
		if index > l.counted {
			q.countQueuedLocked(l, s)
		}
		if l.skipped(s.seq) {
			l.seq = max(l.seq, s.seq)
			continue
		}
		for _, t := range s.tallies {
			key := sourceKey{name, t.Origin}
			if q.accounts[key] == nil {
				key.Name = otherOriginName
			}
			found[key] += uint64(t.Records)
		}
		l.enterLocked(index, s, size, at)
		q.bytes += size
	}
	l.next = max(l.next, last+1)
	l.counted = l.next - 1
	for _, b := range l.batches {
		b.taken = true // it may have been sent
	}
	return whole, nil
}

// Checkpoint writes down progress and gives back what is done.
func (q *Queue) Checkpoint() error {
	q.checkpointing.Lock()
	defer q.checkpointing.Unlock()
	q.mu.Lock()
	if !q.dirty {
		q.mu.Unlock()
		return nil
	}
	q.dirty = false
	st := &state{Version: stateVersion, Instance: q.instance, Host: q.host, Lanes: map[string]laneState{}, Sources: q.accounts.list(), Marks: q.marksLocked()}
	for name, l := range q.lanes {
		st.Lanes[name] = laneState{l.done, l.counted, l.seq, append([]span(nil), l.skips...), append([]Gap(nil), l.gaps...)}
	}
	q.mu.Unlock()
	if err := st.write(q.dir); err != nil {
		q.mu.Lock()
		q.dirty = true
		q.mu.Unlock()
		return err
	}
	// Only what the written state calls done may leave the disk.
	var errs []error
	for name, l := range q.lanes {
		errs = append(errs, l.trim(q, st.Lanes[name].Done))
	}
	return errors.Join(errs...)
}

// trim gives disk space back once there is a file's worth of it: each time costs a write of the log's own table.
func (l *lane) trim(q *Queue, done uint64) error {
	q.mu.Lock()
	bytes := l.doneBytes
	if bytes >= segmentBytes {
		l.doneBytes = 0
	}
	q.mu.Unlock()
	if bytes < segmentBytes {
		return nil
	}
	l.commit.Lock()
	defer l.commit.Unlock()
	if l.log == nil {
		return nil
	}
	return l.log.trim(done)
}
