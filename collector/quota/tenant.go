package quota

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"clew/collector/refusal"
)

// Tenant is one tenant's count. All methods are safe for concurrent use.
type Tenant struct {
	q     *Quota
	name  string
	label string
	bound atomic.Pointer[Limits]
	used  atomic.Int64 // nanoseconds since 1970: when it last sent

	mu       sync.Mutex
	bytes    bucket
	services distinct
	series   distinct
	received int64
	refused  map[string]uint64
	rejected map[string]uint64
}

// Receive takes n bytes of a request, or refuses it with the time to wait.
func (t *Tenant) Receive(n int, now time.Time) *refusal.Error {
	t.mu.Lock()
	wait := t.bytes.take(int64(n), now)
	if wait > 0 {
		count(&t.refused, ReasonRate, 1)
	} else {
		t.received += int64(n)
	}
	t.mu.Unlock()
	if wait == 0 {
		t.q.received.WithLabelValues(t.label).Add(float64(n))
		return nil
	}
	t.q.refusedBytes.WithLabelValues(t.label, ReasonRate).Add(float64(n))
	t.q.refused.WithLabelValues(t.label, ReasonRate).Inc()
	return tooFast(t.limits(), wait)
}

func (t *Tenant) limits() Limits { return *t.bound.Load() }

// setLimits changes what it may send. What it has sent still counts.
func (t *Tenant) setLimits(l Limits) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bytes.bound(l.BytesPerSecond, l.burst())
	t.services.max, t.series.max = l.Services, l.Series
	t.bound.Store(&l)
}

// BoundsServices says whether Service can ever say no, BoundsSeries the same of Series.
func (t *Tenant) BoundsServices() bool { return t.limits().Services > 0 }

// BoundsSeries is described at BoundsServices.
func (t *Tenant) BoundsSeries() bool { return t.limits().Series > 0 }

// Service says whether the tenant may send records of the service with this hash.
func (t *Tenant) Service(hash uint64, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.services.admit(hash, now)
}

// Series says whether the tenant may send points of the series with this hash.
func (t *Tenant) Series(hash uint64, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.series.admit(hash, now)
}

// Rejected counts records that were rejected for one of the reasons.
func (t *Tenant) Rejected(reason string, records int) {
	t.q.rejected.WithLabelValues(t.label, reason).Add(float64(records))
	t.mu.Lock()
	defer t.mu.Unlock()
	count(&t.rejected, reason, uint64(records))
}

func count(m *map[string]uint64, reason string, n uint64) {
	if *m == nil {
		*m = map[string]uint64{}
	}
	(*m)[reason] += n
}

func (t *Tenant) status() Status {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Status{
		Tenant: t.name, Limits: t.limits(), Received: t.received, Services: t.services.n, Series: t.series.n,
		Refused: maps.Clone(t.refused), Rejected: maps.Clone(t.rejected),
	}
}

// bucket is a token bucket that may go into debt: a request is taken whole as long as the bucket is not empty, so that none is
// too large to be ever taken.
type bucket struct {
	rate, burst int64 // bytes a second, bytes; rate 0: no bound
	tokens      float64
	filled      time.Time
}

// bound changes rate and burst. A debt stays; a bucket that had no bound begins full.
func (b *bucket) bound(rate, burst int64) {
	if b.rate == 0 {
		b.filled = time.Time{}
	}
	b.rate, b.burst = rate, burst
	b.tokens = min(b.tokens, float64(burst))
}

// take takes n tokens and returns 0, or says after which time to ask again.
func (b *bucket) take(n int64, now time.Time) time.Duration {
	if b.rate == 0 {
		return 0
	}
	if b.filled.IsZero() {
		b.tokens = float64(b.burst)
	} else if since := now.Sub(b.filled); since > 0 {
		b.tokens = min(float64(b.burst), b.tokens+since.Seconds()*float64(b.rate))
	}
	b.filled = now
	if b.tokens <= 0 {
		return max(time.Duration(-b.tokens/float64(b.rate)*float64(time.Second)), time.Millisecond)
	}
	b.tokens -= float64(n)
	return 0
}

// distinct bounds the number of different things within a window of time: what was seen in this window or the one before it.
type distinct struct {
	max            int // 0: no bound
	n              int // of both windows together
	turned         time.Time
	this, previous map[uint64]struct{}
}

func (d *distinct) admit(hash uint64, now time.Time) bool {
	if d.max == 0 {
		return true
	}
	if since := now.Sub(d.turned); d.this == nil || since >= window {
		d.previous = d.this
		if since >= 2*window {
			d.previous = nil
		}
		d.this, d.n, d.turned = map[uint64]struct{}{}, len(d.previous), now
	}
	if _, ok := d.this[hash]; ok {
		return true
	}
	if _, ok := d.previous[hash]; !ok {
		if d.n >= d.max {
			return false
		}
		d.n++
	}
	d.this[hash] = struct{}{}
	return true
}
