package patient

import (
	"maps"
	"sync"
	"time"

	"clew/index/store"
)

// outcome is what became of a request.
type outcome struct {
	op     store.Op
	result string
}

// counts are a Store's figures.
type counts struct {
	mu        sync.Mutex
	requests  map[outcome]uint64
	retries   map[string]uint64
	hedges    uint64
	hedgesWon uint64
	read      int64
	written   int64
	seconds   float64
	buckets   [len(SecondsBuckets) + 1]uint64
	attempts  uint64
}

// SecondsBuckets are the upper bounds of Stats.Buckets.
var SecondsBuckets = [...]float64{0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10}

// Request is what became of so many requests.
type Request struct {
	Op     store.Op
	Result string // ok, refused (an answer that is an error), cancelled, not asked, or an AwayError's reason
	Count  uint64
}

// Stats are a Store's figures since it was made.
type Stats struct {
	Requests  []Request
	Retries   map[string]uint64 // by the reason of the attempt before
	Hedges    uint64            // second tries
	HedgesWon uint64            // that answered first
	Read      int64             // bytes
	Written   int64
	Attempts  uint64 // requests that were made
	Seconds   float64
	Buckets   [len(SecondsBuckets) + 1]uint64 // of the time of requests that were made
	// Away is since when the store is away, and Why; zero and empty if it is not.
	Away time.Time
	Why  string
}

// Stats returns the figures.
func (s *Store) Stats() Stats {
	since, why := s.health.state()
	c := &s.counts
	c.mu.Lock()
	defer c.mu.Unlock()
	st := Stats{
		Retries: maps.Clone(c.retries), Hedges: c.hedges, HedgesWon: c.hedgesWon, Read: c.read, Written: c.written,
		Attempts: c.attempts, Seconds: c.seconds, Buckets: c.buckets, Away: since,
	}
	if why != nil {
		st.Why = why.Error()
	}
	for o, n := range c.requests {
		st.Requests = append(st.Requests, Request{o.op, o.result, n})
	}
	return st
}

func (c *counts) asked(op store.Op, result string, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests[outcome{op, result}]++
	if result == "not asked" {
		return
	}
	c.attempts++
	c.seconds += took.Seconds()
	i := 0
	for i < len(SecondsBuckets) && took.Seconds() > SecondsBuckets[i] {
		i++
	}
	c.buckets[i]++
}

func (c *counts) retried(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retries[reason]++
}

func (c *counts) hedged() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hedges++
}

func (c *counts) hedgeWon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hedgesWon++
}

func (c *counts) moved(read int, written int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read += int64(read)
	c.written += written
}
