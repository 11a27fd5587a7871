package tailsample

import (
	"slices"
	"sort"
	"sync"
)

// marks are log positions and the times at which the log accepted them, about one a second.
type marks struct {
	mu   sync.Mutex
	base uint64 // a replay begins after it, or later
	list []mark
}

type mark struct {
	position uint64
	at       int64
}

func (m *marks) add(position uint64, at int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := len(m.list); n > 0 && at-m.list[n-1].at < int64(markEvery) {
		return
	}
	m.list = append(m.list, mark{position, at})
}

// before is a position that the log had come to so long before it came to the given one, or longer.
func (m *marks) before(position uint64, window int64) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := sort.Search(len(m.list), func(i int) bool { return m.list[i].position > position })
	if n == 0 {
		return m.base
	}
	at := m.list[n-1].at - window
	n = sort.Search(n, func(i int) bool { return m.list[i].at > at })
	if n == 0 {
		return m.base
	}
	return max(m.base, m.list[n-1].position)
}

// settle forgets what lies before a position.
func (m *marks) settle(position uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.base = max(m.base, position)
	n := sort.Search(len(m.list), func(i int) bool { return m.list[i].position > position })
	m.list = slices.Delete(m.list, 0, max(n-1, 0))
}
