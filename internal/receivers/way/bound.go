package way

import (
	"errors"
	"net/http"
	"sync/atomic"
)

var errFull = errors.New("requests in flight take all the memory that they may take")

// Bound is a Memory of a number of bytes. It never makes a request wait: senders are told to come again.
type Bound struct {
	max   int64
	inUse atomic.Int64
}

// NewBound makes a Memory of max bytes.
func NewBound(bytesMax int64) *Bound { return &Bound{max: bytesMax} }

// Ticket is part of Memory.
func (b *Bound) Ticket() Ticket { return &boundTicket{b: b} }

// InUse is how many bytes are taken.
func (b *Bound) InUse() int64 { return b.inUse.Load() }

type boundTicket struct {
	b *Bound
	n int64
}

func (t *boundTicket) Need(n int64) error {
	if n <= t.n {
		return nil
	}
	if n > t.b.max {
		return tooLarge(t.b.max)
	}
	if now := t.b.inUse.Add(n - t.n); now > t.b.max {
		t.b.inUse.Add(t.n - n)
		return &Error{Status: http.StatusTooManyRequests, Reason: "in_flight_bytes", WaitSeconds: 1, Err: errFull}
	}
	t.n = n
	return nil
}

func (t *boundTicket) Release() {
	t.b.inUse.Add(-t.n)
	t.n = 0
}
