package access

import (
	"container/list"
	"sync"
	"time"
)

// attempts counts failures by address. It is a bucket that fills by time: one failure takes one drop.
type attempts struct {
	mu    sync.Mutex
	order *list.List // of *failures, the longest silent first
	of    map[string]*list.Element
}

type failures struct {
	address string
	left    float64
	last    time.Time
	told    bool // since there was room
}

func newAttempts() *attempts { return &attempts{order: list.New(), of: map[string]*list.Element{}} }

// failed counts a failure. first says that it is the first one for which there is no room: it is worth a word where the following ones are not. wait is how
// long until there is room again; 0: there is.
func (a *attempts) failed(address string, now time.Time) (wait time.Duration, first bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.of[address]
	if e == nil {
		if len(a.of) >= addressesMax {
			oldest := a.order.Front()
			delete(a.of, oldest.Value.(*failures).address)
			a.order.Remove(oldest)
		}
		e = a.order.PushBack(&failures{address: address, left: failuresBurst, last: now})
		a.of[address] = e
	}
	a.order.MoveToBack(e)
	f := e.Value.(*failures)
	f.left = min(failuresBurst, f.left+now.Sub(f.last).Minutes()*failuresPerMinute)
	f.last = now
	if f.left >= 1 {
		f.left--
		f.told = false
		return 0, false
	}
	first, f.told = !f.told, true
	return time.Duration((1 - f.left) / failuresPerMinute * float64(time.Minute)), first
}
