package witness

import (
	"math"
	"time"
)

// Witness compares what a reader meets in a shard's log with what the writers say is there. It begins where the reading begins, and knows nothing of what is before: a commit's
// floor says that all of that was read. So it needs no state that outlives the reader.
//
// What may happen without anything being wrong, and is not reported: numbers that never come (an append that was refused, or whose outcome is unknown), come late
// (one without an answer that was written after all), or in another order than they were given (appends side by side). What is reported:
//
//   - lost: a receipt names a position that has been read, and its message has not been met. The log acknowledged it and has lost it. Not if that position is
//     known to be damaged or missing: it is reported already.
//   - repeated: a number is met again, with the same bytes. JetStream holds a message twice; records are told apart by their source's sequence, so nothing is counted twice.
//   - conflicting: a number is met again with other bytes. That cannot be: a writer's identity is random.
//
// Where it cannot know (a writer it has forgotten, a number too far back) it says nothing.
type Witness struct {
	after   Position // reading began after it
	blind   Position // up to here nothing is said: a writer may have been forgotten
	writers map[uint64]*met
	bad     []span            // positions that are known to hold nothing that can be read; ascending, the latest few
	times   [timesKept]moment // of the latest messages, by position
}

// met is what was met of a writer lately: bit and sum of number n are at n % window.
type met struct {
	highest uint64
	last    Position // of its last message
	seen    [window / 64]uint64
	settled [window / 64]uint64 // numbers whose receipts were checked
	sums    [window]uint32
}

type span struct{ first, last Position }

// moment is when the log took a message.
type moment struct {
	position Position
	nanos    int64
}

// New returns a witness of the messages after a position.
func New(after Position) *Witness {
	return &Witness{after: after, writers: map[uint64]*met{}}
}

// Unreadable notes positions that hold nothing that can be read.
func (w *Witness) Unreadable(first, last Position) {
	if len(w.bad) == badKept {
		w.bad = append(w.bad[:0], w.bad[1:]...)
	}
	w.bad = append(w.bad, span{first, last})
}

func (w *Witness) isBad(p Position) bool {
	for _, s := range w.bad {
		if p >= s.first && p <= s.last {
			return true
		}
	}
	return false
}

// Took notes when the log took the message at p. Meet does so too.
func (w *Witness) Took(p Position, t time.Time) { w.times[p%timesKept] = moment{p, t.UnixNano()} }

// When is when the log took the message at p, if it was read, lately.
func (w *Witness) When(p Position) (nanos int64, known bool) {
	m := w.times[p%timesKept]
	return m.nanos, m.position == p && p > 0
}

// Meet takes a message that was read, and its sum, and calls lost with each receipt whose message is gone.
func (w *Witness) Meet(p Position, t time.Time, sum uint32, s *Stamp, lost func(r Receipt)) (twice Repetition) {
	w.Took(p, t)
	if s.Writer == 0 {
		return Once
	}
	of := w.writers[s.Writer]
	if of == nil {
		of = w.add(s.Writer)
	}
	of.last = p
	twice = of.mark(s.Number, sum)
	for _, r := range s.Receipts {
		if r.Position <= max(w.after, w.blind) || !of.settle(r.Number) || of.has(r.Number) || w.isBad(r.Position) {
			continue
		}
		lost(r)
	}
	return twice
}

// Repetition says whether a number was met before.
type Repetition int

const (
	Once Repetition = iota
	Repeated
	Conflicting
)

// add begins to remember a writer. If there are too many the one that was silent for longest is forgotten.
func (w *Witness) add(writer uint64) *met {
	if len(w.writers) >= writersMax {
		oldest, last := uint64(0), Position(math.MaxUint64)
		for id, of := range w.writers {
			if of.last < last {
				oldest, last = id, of.last
			}
		}
		delete(w.writers, oldest)
		w.blind = max(w.blind, last)
	}
	of := &met{}
	w.writers[writer] = of
	return of
}

// mark notes that number n was met.
func (m *met) mark(n uint64, sum uint32) Repetition {
	if n > m.highest {
		m.clear(m.highest+1, n)
		m.highest = n
	} else if n+window <= m.highest {
		return Once // too far back to know
	}
	i := n % window
	if m.seen[i/64]&(1<<(i%64)) != 0 {
		if m.sums[i] == sum {
			return Repeated
		}
		return Conflicting
	}
	m.seen[i/64] |= 1 << (i % 64)
	m.sums[i] = sum
	return Once
}

// clear makes room for numbers first to last.
func (m *met) clear(first, last uint64) {
	if last-first >= window {
		m.seen, m.settled = [window / 64]uint64{}, [window / 64]uint64{}
		return
	}
	for n := first; n <= last; n++ {
		i := n % window
		m.seen[i/64] &^= 1 << (i % 64)
		m.settled[i/64] &^= 1 << (i % 64)
	}
}

// settle says whether a receipt for n is the first one and can be judged.
func (m *met) settle(n uint64) bool {
	if n+window <= m.highest || n > m.highest {
		return false
	}
	i := n % window
	first := m.settled[i/64]&(1<<(i%64)) == 0
	m.settled[i/64] |= 1 << (i % 64)
	return first
}

// has says whether n was met.
func (m *met) has(n uint64) bool {
	i := n % window
	return m.seen[i/64]&(1<<(i%64)) != 0
}

// Near is about when the log took what was at p, by the messages around it that were read, the last of them at read. Zero: not known.
func (w *Witness) Near(p, read Position) (from, to time.Time) {
	oldest := max(read, timesKept) - timesKept + 1
	find := func(at Position, step int64, end Position) time.Time {
		for ; at >= oldest && at <= read; at += Position(step) {
			if m := w.times[at%timesKept]; m.position == at && m.nanos != 0 {
				return time.Unix(0, m.nanos).UTC()
			}
			if at == end {
				break
			}
		}
		return time.Time{}
	}
	return find(max(p, 1)-1, -1, oldest), find(p+1, 1, read)
}
