package demo

import (
	"context"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// dice are a component's chances, from the demo's seed and the component's name.
type dice struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func newDice(seed uint64, name string) *dice {
	h := fnv.New64a()
	h.Write([]byte(name))
	return &dice{rng: rand.New(rand.NewPCG(seed, h.Sum64()))}
}

func (d *dice) chance(p float64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rng.Float64() < p
}

// below is 0 to n-1.
func (d *dice) below(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rng.IntN(n)
}

func (d *dice) between(low, high float64) float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return low + d.rng.Float64()*(high-low)
}

// about is a time such as machines take: around the median, now and then several times as long.
func (d *dice) about(median time.Duration) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Duration(float64(median) * math.Exp(0.45*d.rng.NormFloat64()))
}

// until is the time to the next of events that happen mean apart, independently of each other.
func (d *dice) until(mean time.Duration) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Duration(float64(mean) * d.rng.ExpFloat64())
}

// pick prefers the front of the list, as people prefer what is popular.
func pick[T any](d *dice, from []T) T {
	x := d.between(0, 1)
	return from[int(x*x*float64(len(from)))]
}

// nap is work that takes d, or less if nobody waits any longer.
func nap(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
