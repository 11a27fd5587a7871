package store

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
)

// Mirror is a store that keeps a second copy of some objects in a directory: those whose names begin with a prefix. They can be read and listed while
// the store itself is away. All other objects are the store's alone.
type Mirror struct {
	RangeReader
	near   *Dir
	prefix string
}

var (
	_ RangeReader = (*Mirror)(nil)
	_ Prefetcher  = (*Mirror)(nil)
)

// NewMirror keeps copies of far's objects below prefix in near.
func NewMirror(far RangeReader, near *Dir, prefix string) *Mirror {
	return &Mirror{RangeReader: far, near: near, prefix: prefix}
}

func (m *Mirror) mirrors(name string) bool { return strings.HasPrefix(name, m.prefix) }

// Put implements Store. A mirrored object is in both places when it returns nil; when it fails, it may be in one.
func (m *Mirror) Put(ctx context.Context, name string, write func(w io.Writer) error) (int64, error) {
	if !m.mirrors(name) {
		return m.RangeReader.Put(ctx, name, write)
	}
	size, err := m.near.Put(ctx, name, write)
	if err != nil {
		return size, err
	}
	return m.RangeReader.Put(ctx, name, func(w io.Writer) error {
		p := make([]byte, size)
		if err := m.near.ReadAt(ctx, name, p, 0); err != nil {
			return err
		}
		_, err := w.Write(p)
		return err
	})
}

// ReadAt implements Store.
func (m *Mirror) ReadAt(ctx context.Context, name string, p []byte, off int64) error {
	if m.mirrors(name) {
		if err := m.near.ReadAt(ctx, name, p, off); !IsNotExist(err) {
			return err
		}
	}
	return m.RangeReader.ReadAt(ctx, name, p, off)
}

// ReadRange implements RangeReader.
func (m *Mirror) ReadRange(ctx context.Context, name string, p []byte, off int64) (n int, size int64, err error) {
	if m.mirrors(name) {
		if n, size, err = m.near.ReadRange(ctx, name, p, off); !IsNotExist(err) {
			return n, size, err
		}
	}
	return m.RangeReader.ReadRange(ctx, name, p, off)
}

// Size implements Store.
func (m *Mirror) Size(ctx context.Context, name string) (int64, error) {
	if m.mirrors(name) {
		if size, err := m.near.Size(ctx, name); !IsNotExist(err) {
			return size, err
		}
	}
	return m.RangeReader.Size(ctx, name)
}

// Delete implements Store.
func (m *Mirror) Delete(ctx context.Context, name string) error {
	if err := m.RangeReader.Delete(ctx, name); err != nil || !m.mirrors(name) {
		return err
	}
	return m.near.Delete(ctx, name)
}

// List implements Store. While the store is away, what is mirrored is listed from the copies if the prefix names nothing else.
func (m *Mirror) List(ctx context.Context, prefix string) ([]Object, error) {
	objects, err := m.RangeReader.List(ctx, prefix)
	if err != nil && !(IsAway(err) && m.mirrors(prefix)) {
		return nil, err
	}
	copies, nearErr := m.near.List(ctx, prefix)
	if nearErr != nil {
		return nil, errors.Join(err, nearErr)
	}
	for _, o := range copies {
		if m.mirrors(o.Name) {
			objects = append(objects, o)
		}
	}
	slices.SortFunc(objects, func(a, b Object) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(objects, func(a, b Object) bool { return a.Name == b.Name }), nil
}

// Prefetch implements Prefetcher.
func (m *Mirror) Prefetch(name string, ranges ...Range) {
	if p, ok := m.RangeReader.(Prefetcher); ok {
		p.Prefetch(name, ranges...)
	}
}
