package store

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
)

// Op names a method of Store.
type Op string

// The operations that a Fault can strike.
const (
	OpPut    Op = "put"
	OpRead   Op = "read"
	OpSize   Op = "size"
	OpDelete Op = "delete"
	OpList   Op = "list"
)

// Fault is one line of a Faulty's script: what goes wrong, where and when.
type Fault struct {
	Op    Op
	Match string // strikes only names that contain this
	Skip  int    // lets so many matching calls pass first
	Times int    // strikes so many calls; 0 means all that follow
	Err   error  // what the call returns
	// After, for OpPut, lets so many bytes be written before write's writer fails with Err; for others it means nothing.
	After int64
	// Done makes the call take effect before it fails: the caller does not learn that it succeeded.
	Done bool
}

// Faulty is a Store that fails by a script, for tests of what stands on a store. The script may be replaced at any time.
type Faulty struct {
	Store

	mu     sync.Mutex
	script []Fault
	seen   []int // matching calls so far, per line
}

// NewFaulty wraps a store with a script.
func NewFaulty(st Store, script ...Fault) *Faulty {
	f := &Faulty{Store: st}
	f.Script(script...)
	return f
}

// Script replaces the script and forgets the counts.
func (f *Faulty) Script(script ...Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.script, f.seen = script, make([]int, len(script))
}

// strike returns the fault that the call meets, if any.
func (f *Faulty) strike(op Op, name string) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, fault := range f.script {
		if fault.Op != op || !strings.Contains(name, fault.Match) {
			continue
		}
		f.seen[i]++
		if f.seen[i] <= fault.Skip || fault.Times > 0 && f.seen[i] > fault.Skip+fault.Times {
			continue
		}
		return fault, true
	}
	return Fault{}, false
}

// Put implements Store.
func (f *Faulty) Put(ctx context.Context, name string, write func(w io.Writer) error) (int64, error) {
	fault, struck := f.strike(OpPut, name)
	if !struck {
		return f.Store.Put(ctx, name, write)
	}
	if fault.Done {
		if _, err := f.Store.Put(ctx, name, write); err != nil {
			return 0, err
		}
		return 0, fmt.Errorf("put %s: %w", name, fault.Err)
	}
	return f.Store.Put(ctx, name, func(w io.Writer) error {
		limited := &failingWriter{w: w, left: fault.After, err: fault.Err}
		if err := write(limited); err != nil {
			return err
		}
		return fault.Err // the object was shorter than After: the last sync fails
	})
}

// ReadAt implements Store.
func (f *Faulty) ReadAt(ctx context.Context, name string, p []byte, off int64) error {
	if fault, struck := f.strike(OpRead, name); struck {
		return fmt.Errorf("read %s: %w", name, fault.Err)
	}
	return f.Store.ReadAt(ctx, name, p, off)
}

// Size implements Store.
func (f *Faulty) Size(ctx context.Context, name string) (int64, error) {
	if fault, struck := f.strike(OpSize, name); struck {
		return 0, fmt.Errorf("size of %s: %w", name, fault.Err)
	}
	return f.Store.Size(ctx, name)
}

// Delete implements Store.
func (f *Faulty) Delete(ctx context.Context, name string) error {
	fault, struck := f.strike(OpDelete, name)
	if !struck {
		return f.Store.Delete(ctx, name)
	}
	if fault.Done {
		if err := f.Store.Delete(ctx, name); err != nil {
			return err
		}
	}
	return fmt.Errorf("delete %s: %w", name, fault.Err)
}

// List implements Store.
func (f *Faulty) List(ctx context.Context, prefix string) ([]Object, error) {
	if fault, struck := f.strike(OpList, prefix); struck {
		return nil, fmt.Errorf("list %q: %w", prefix, fault.Err)
	}
	return f.Store.List(ctx, prefix)
}

// failingWriter passes left bytes on, then fails.
type failingWriter struct {
	w    io.Writer
	left int64
	err  error
}

func (w *failingWriter) Write(p []byte) (int, error) {
	if int64(len(p)) <= w.left {
		w.left -= int64(len(p))
		return w.w.Write(p)
	}
	n, err := w.w.Write(p[:w.left])
	w.left = 0
	if err != nil {
		return n, err
	}
	return n, w.err
}
