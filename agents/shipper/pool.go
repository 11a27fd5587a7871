package shipper

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
)

// pool knows which collectors can be sent to. Each agent has an order of its own over them (by a hash of both names), so agents spread evenly, and those of
// a lost collector spread evenly over the others. All lanes share the pool.
type pool struct {
	mu         sync.Mutex
	collectors []*standing // in this agent's order
}

// standing is how a collector stands.
type standing struct {
	index    int // in the configuration
	address  string
	failures int       // since the last success
	retryAt  time.Time // not before
	back     time.Time // when it came back; zero if it never failed
}

func newPool(instance string, addresses []string) *pool {
	p := &pool{}
	for i, a := range addresses {
		p.collectors = append(p.collectors, &standing{index: i, address: a})
	}
	weight := func(s *standing) uint64 { return xxhash.Sum64String(instance + " " + s.address) }
	slices.SortFunc(p.collectors, func(a, b *standing) int {
		if weight(a) < weight(b) {
			return -1
		}
		return 1
	})
	return p
}

// pick is the first collector that may be tried now, or how long to wait for one.
func (p *pool) pick(now time.Time) (*standing, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	wait := backoffMax
	for _, s := range p.collectors {
		d := s.retryAt.Sub(now)
		if d <= 0 {
			return s, 0
		}
		wait = min(wait, d)
	}
	return nil, wait
}

// succeeded says whether the collector has just come back.
func (p *pool) succeeded(s *standing, now time.Time) (back bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.failures > 0 {
		s.back, back = now, true
	}
	s.failures, s.retryAt = 0, time.Time{}
	return back
}

// failed says whether this is its first failure in a row.
func (p *pool) failed(s *standing, now time.Time) (first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.failures++
	d := min(backoffMin<<min(s.failures-1, 10), backoffMax)
	p.pauseLocked(s, now, d/2+rand.N(d))
	return s.failures == 1
}

// overloaded pauses a collector that asked for it. It is well, and keeps its standing.
func (p *pool) overloaded(s *standing, now time.Time, asked time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	asked = max(asked, backoffMin)
	p.pauseLocked(s, now, min(asked+rand.N(asked/2), retryDelayMax))
}

// pauseLocked keeps the longer pause: lanes fail side by side.
func (p *pool) pauseLocked(s *standing, now time.Time, d time.Duration) {
	if at := now.Add(d); at.After(s.retryAt) {
		s.retryAt = at
	}
}

// pace is how long to wait after bytes were sent to a collector that came back not long ago.
func (p *pool) pace(s *standing, now time.Time, bytes int) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	since := now.Sub(s.back)
	if s.back.IsZero() || since >= rampFor {
		return 0
	}
	rate := rampBytesPerSecond << int(since/time.Second)
	return time.Duration(int64(bytes) * int64(time.Second) / int64(rate))
}

// order is the collectors' indexes in the configuration: those that work first.
func (p *pool) order() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	var well, ill []int
	for _, s := range p.collectors {
		if s.failures == 0 {
			well = append(well, s.index)
		} else {
			ill = append(ill, s.index)
		}
	}
	return append(well, ill...)
}
