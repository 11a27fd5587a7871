package otlpreceiver

import (
	"fmt"
	"sync/atomic"

	"clew/collector/refusal"
)

// admission bounds the bytes of all requests in flight. It never makes a request wait: OTLP senders are told to come
// again, and keep what they have.
type admission struct {
	max   int64
	inUse atomic.Int64
}

// ticket is what one request has been given. Not safe for concurrent use.
type ticket struct {
	a *admission
	n int64
}

func (a *admission) ticket() *ticket { return &ticket{a: a} }

// need makes the ticket good for n bytes in all, or refuses.
func (t *ticket) need(n int64) error {
	if n <= t.n {
		return nil
	}
	if n > t.a.max {
		return &refusal.Error{
			Kind: refusal.TooLarge, Reason: "too_large",
			Err: fmt.Errorf("the request takes about %d bytes decoded, all requests in flight may take %d", n, t.a.max),
		}
	}
	if now := t.a.inUse.Add(n - t.n); now > t.a.max {
		t.a.inUse.Add(t.n - n)
		return refusal.Overloaded("in_flight_bytes", refusal.RetryAfterMin,
			"requests in flight take %d bytes of %d, this one needs %d more", now-n+t.n, t.a.max, n-t.n)
	}
	t.n = n
	return nil
}

// release gives everything back.
func (t *ticket) release() {
	t.a.inUse.Add(-t.n)
	t.n = 0
}
