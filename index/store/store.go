// Package store keeps objects: named, immutable runs of bytes. Segments are objects. A directory ([Dir]) holds them on one machine,
// an object store holds them for a fleet; nothing above this package knows which.
//
// An object appears whole or not at all: Put makes it visible in one step, after its bytes are durable. It is never changed afterwards,
// only deleted. So a reader needs no lock, and what a crash leaves behind is never half an object under its final name.
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// Store is a flat space of objects. All methods are safe for concurrent use.
//
// Names are slash-separated and pass [CheckName]; what does not is refused with a *NameError before anything is touched.
// An object that does not exist is an error for which errors.Is(err, fs.ErrNotExist) holds. A store that is full answers a *FullError.
// A store that can't be reached, or doesn't work, answers an *AwayError.
// Other errors are the context's or the medium's; the object is then unknown: Put may be repeated with the same bytes.
type Store interface {
	// Put writes an object by calling write once with a writer. When Put returns nil, the object is durable (it survives a power cut)
	// and visible under its name; on an error from write or the medium it is not visible, unless it was before. Putting a name
	// again replaces the object in one step; the caller must only do so with equal bytes. size is what write wrote.
	// write must not keep the writer; it is called on the caller's goroutine.
	Put(ctx context.Context, name string, write func(w io.Writer) error) (size int64, err error)

	// ReadAt fills p with the bytes from off. An object that ends before is an error for which errors.Is(err, io.ErrUnexpectedEOF)
	// holds; p is then undefined. p is not kept.
	ReadAt(ctx context.Context, name string, p []byte, off int64) error

	// Size is the object's length in bytes.
	Size(ctx context.Context, name string) (int64, error)

	// Delete removes an object, durably when it returns nil. Deleting what does not exist is no error.
	Delete(ctx context.Context, name string) error

	// List returns the objects whose names begin with prefix (any string, not only whole path elements), in ascending order of name.
	// Objects put or deleted meanwhile may or may not be listed; all others are.
	List(ctx context.Context, prefix string) ([]Object, error)
}

// RangeReader is a Store that learns an object's length by reading from it: one request where Size and ReadAt would be two.
type RangeReader interface {
	Store
	// ReadRange reads from off as much of p as the object has, and says how much that is and how long the object is. Reading at the end or
	// beyond gives 0 bytes and no error. p is not kept.
	ReadRange(ctx context.Context, name string, p []byte, off int64) (n int, size int64, err error)
}

// Prefetcher is a Store that can be told what will be read soon.
type Prefetcher interface {
	// Prefetch returns at once. What it brings near, and whether it does, changes no answer.
	Prefetch(name string, ranges ...Range)
}

// Range is N bytes of an object from Off.
type Range struct{ Off, N int64 }

// Object is an entry of a listing.
type Object struct {
	Name string
	Size int64 // bytes
}

// FullError says that the store has no room left.
type FullError struct {
	Name string // the object that could not be written
	Err  error
}

func (e *FullError) Error() string { return fmt.Sprintf("put %s: store is full: %v", e.Name, e.Err) }

// Unwrap returns the medium's error.
func (e *FullError) Unwrap() error { return e.Err }

// The reasons of an AwayError.
const (
	AwayUnreachable = "unreachable" // no connection, or it broke
	AwayTimeout     = "timeout"     // no answer in time
	AwayBusy        = "busy"        // it asks for fewer requests (429, 503 and their like)
	AwayFailing     = "failing"     // it answers with an error of its own (5xx)
	AwayDenied      = "denied"      // it refuses our credentials: repeating at once is no use
	AwayNoBucket    = "no bucket"   // the bucket does not exist
)

// AwayError says that the store can't be had at the moment; it says nothing about the object.
type AwayError struct {
	Reason string // one of the constants: a label of metrics
	Err    error
}

func (e *AwayError) Error() string { return fmt.Sprintf("store is away (%s): %v", e.Reason, e.Err) }

// Unwrap returns the cause.
func (e *AwayError) Unwrap() error { return e.Err }

// IsAway says whether err means that the store can't be had at the moment.
func IsAway(err error) bool {
	var away *AwayError
	return errors.As(err, &away)
}

// NameError says that a string cannot name an object.
type NameError struct {
	Name string
	What string
}

func (e *NameError) Error() string { return fmt.Sprintf("object name %.80q: %s", e.Name, e.What) }

// CheckName says whether s can name an object: 1 to 500 bytes of slash-separated elements, each made of letters, digits, '.', '_',
// '-', '=' and '+', none empty and none beginning with '.'. That refuses "..", absolute names, and the names a Dir keeps for itself.
func CheckName(s string) error {
	if s == "" || len(s) > nameBytesMax {
		return &NameError{s, fmt.Sprintf("want 1 to %d bytes, have %d", nameBytesMax, len(s))}
	}
	for i := 0; i < len(s); i++ {
		if !nameByte(s[i]) {
			return &NameError{s, fmt.Sprintf("character %q at %d", s[i], i)}
		}
	}
	for _, element := range strings.Split(s, "/") {
		if element == "" || element[0] == '.' {
			return &NameError{s, fmt.Sprintf("element %q: want it not empty and without a leading dot", element)}
		}
	}
	if path.Clean(s) != s {
		return &NameError{s, "not in its shortest form"}
	}
	return nil
}

func nameByte(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	return strings.IndexByte("._-=+/", c) >= 0
}

// IsNotExist says whether err means that an object does not exist.
func IsNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }
