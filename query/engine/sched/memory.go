package sched

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Memory is bytes that are shared by accounts. It is safe for concurrent use.
type Memory struct {
	max int64

	mu      sync.Mutex
	used    int64
	changed chan struct{} // closed when bytes are given back
}

// NewMemory makes a store of bytes.
func NewMemory(bytesMax int64) *Memory {
	return &Memory{max: bytesMax, changed: make(chan struct{})}
}

// Used is how many bytes are taken.
func (m *Memory) Used() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.used
}

// Account is what one query takes of a Memory. It is safe for concurrent use.
//
// Bytes are lent for a piece of work and come back after it, or kept until the account is closed. What is kept cannot wait, since
// nobody would give it back: it fails where the account is full.
type Account struct {
	memory *Memory
	max    int64

	// Guarded by memory.mu.
	lent int64
	kept int64
}

// OverError says that an account's own bound is too small for what is asked of it.
type OverError struct{ Max int64 }

func (e *OverError) Error() string { return fmt.Sprintf("more than %d bytes of memory", e.Max) }

// ErrFull says that all accounts together hold as much as they may.
var ErrFull = errors.New("all queries together hold as much memory as they may")

// Open makes an account of at most bytesMax. Close must be called.
func (m *Memory) Open(bytesMax int64) *Account { return &Account{memory: m, max: min(bytesMax, m.max)} }

// Lend takes n bytes for a piece of work, and waits until there are so many, in the account and in the memory. An *OverError says that the
// account will never have them. GiveBack must be called if there is no error.
func (a *Account) Lend(ctx context.Context, n int64) error {
	m := a.memory
	for {
		m.mu.Lock()
		if a.kept+n > a.max && a.lent == 0 {
			m.mu.Unlock()
			return &OverError{a.max}
		}
		if a.kept+a.lent+n <= a.max && m.used+n <= m.max {
			a.lent += n
			m.used += n
			m.mu.Unlock()
			return nil
		}
		changed := m.changed
		m.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// GiveBack ends a Lend.
func (a *Account) GiveBack(n int64) { a.change(func() { a.lent -= n }, -n) }

// Keep takes n bytes until Close, or fails: with an *OverError if the account is full, with ErrFull if the memory is.
func (a *Account) Keep(n int64) error {
	m := a.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	if a.kept+n > a.max {
		return &OverError{a.max}
	}
	if m.used+n > m.max {
		return ErrFull
	}
	a.kept += n
	m.used += n
	return nil
}

// Close gives back what is kept. Nothing may be lent any more.
func (a *Account) Close() {
	if a == nil {
		return
	}
	kept := int64(0)
	a.memory.mu.Lock()
	kept, a.kept = a.kept, 0
	a.memory.mu.Unlock()
	a.change(func() {}, -kept)
}

func (a *Account) change(f func(), bytes int64) {
	m := a.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
	m.used += bytes
	close(m.changed)
	m.changed = make(chan struct{})
}
