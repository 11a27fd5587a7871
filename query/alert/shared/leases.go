package shared

import (
	"context"
	"fmt"
	"hash/fnv"
	"sync"
)

// Numbered are leases that have numbers instead of names, as the shard log gives them: at most one process holds each. held ends when the lease is lost or released.
type Numbered interface {
	Acquire(ctx context.Context, number int, owner string) (held context.Context, epoch uint64, release func(), err error)
}

// Leases are named leases on numbered ones. Names share numbers, by hash: a process that holds a number has all its names. It implements alert.Leases.
type Leases struct {
	of    Numbered
	owner string
	first int
	slots []slot
}

// slot is a numbered lease and who uses it in this process.
type slot struct {
	turn chan struct{} // held by the one who asks for the lease or takes part in it
	mu   sync.Mutex    // guards what follows
	now  *holding      // nil: not held
}

type holding struct {
	held    context.Context
	release func()
	users   int
}

// NewLeases uses the leases of the numbers first to first+count.
func NewLeases(of Numbered, owner string, first, count int) (*Leases, error) {
	if count < 1 || first < 0 {
		return nil, fmt.Errorf("leases of alerting: %d from %d: want at least one", count, first)
	}
	l := &Leases{of: of, owner: owner, first: first, slots: make([]slot, count)}
	for i := range l.slots {
		l.slots[i].turn = make(chan struct{}, 1)
	}
	return l, nil
}

// Acquire implements alert.Leases.
func (l *Leases) Acquire(ctx context.Context, name string) (context.Context, func(), error) {
	h := fnv.New32a()
	h.Write([]byte(name))
	number := int(h.Sum32() % uint32(len(l.slots)))
	s := &l.slots[number]
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, fmt.Errorf("acquire lease of %s: %w", name, ctx.Err())
	}
	defer func() { <-s.turn }()
	if h := s.join(); h != nil {
		return h.held, s.leaver(h), nil
	}
	held, _, release, err := l.of.Acquire(ctx, l.first+number, l.owner)
	if err != nil {
		return nil, nil, fmt.Errorf("acquire lease of %s: %w", name, err)
	}
	one := &holding{held: held, release: release, users: 1}
	s.mu.Lock()
	s.now = one
	s.mu.Unlock()
	return held, s.leaver(one), nil
}

// join takes part in what this process holds already; nil: nothing.
func (s *slot) join() *holding {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil || s.now.held.Err() != nil {
		return nil
	}
	s.now.users++
	return s.now
}

// leaver gives the lease back with its last user.
func (s *slot) leaver(h *holding) func() {
	var once sync.Once
	return func() {
		once.Do(func() {
			s.mu.Lock()
			h.users--
			last := h.users == 0
			if last && s.now == h {
				s.now = nil
			}
			s.mu.Unlock()
			if last {
				h.release()
			}
		})
	}
}
