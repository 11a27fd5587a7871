// Package bucket keeps objects in a bucket of an object store: S3 and what speaks like it, Google Cloud Storage, Azure Blob.
//
// It is the thin end: names and errors are translated, nothing is repeated, cached or hidden. Patience with a store that is slow or away is
// index/store/patient's, bytes kept near are index/store/nearby's. The clouds' libraries are compiled into this package and cmd/clew only.
package bucket

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"gocloud.dev/blob"

	"clew/index/store"
)

// Store is a store.Store in a bucket.
type Store struct {
	target Target
	bucket *blob.Bucket
}

var _ store.RangeReader = (*Store)(nil)

// String is the store's URL.
func (s *Store) String() string { return s.target.String() }

// Close ends the use of the store.
func (s *Store) Close() error { return s.bucket.Close() }

// Put implements store.Store. A large object goes in parts, and appears when the last one is confirmed. The store is asked for the length
// of what it has taken.
func (s *Store) Put(ctx context.Context, name string, write func(w io.Writer) error) (int64, error) {
	if err := store.CheckName(name); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	size, err := s.put(ctx, name, write)
	if err == nil {
		var stored int64
		if stored, err = s.Size(ctx, name); err == nil && stored != size {
			err = fmt.Errorf("store has %d bytes, %d were written", stored, size)
		}
	}
	if err != nil {
		return 0, fmt.Errorf("put %s: %w", name, err)
	}
	return size, nil
}

func (s *Store) put(ctx context.Context, name string, write func(w io.Writer) error) (int64, error) {
	// An upload that is cancelled before Close leaves nothing.
	upload, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := s.bucket.NewWriter(upload, name, &blob.WriterOptions{
		ContentType: "application/octet-stream", BufferSize: partBytes, MaxConcurrency: partsAtOnce,
	})
	if err != nil {
		return 0, translate(ctx, name, err)
	}
	sink := &sink{w: w}
	buffer := bufio.NewWriterSize(sink, 256<<10)
	err = write(buffer)
	if err == nil {
		err = buffer.Flush()
	}
	if err != nil {
		cancel()
		_ = w.Close() // says that it was cancelled
		if sink.err != nil {
			return 0, translateBucket(ctx, name, sink.err)
		}
		return 0, err // write's own
	}
	if err := w.Close(); err != nil {
		return 0, translateBucket(ctx, name, err)
	}
	return sink.n, nil
}

// sink counts what the bucket took and remembers its error, so that it can be told from an error of who writes.
type sink struct {
	w   io.Writer
	n   int64
	err error
}

func (s *sink) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.n += int64(n)
	s.err = err
	return n, err
}

// ReadAt implements store.Store.
func (s *Store) ReadAt(ctx context.Context, name string, p []byte, off int64) error {
	if len(p) == 0 {
		_, err := s.Size(ctx, name)
		return err
	}
	n, _, err := s.ReadRange(ctx, name, p, off)
	if err != nil {
		return err
	}
	if n < len(p) {
		return fmt.Errorf("read %s at %d: %d of %d bytes: %w", name, off, n, len(p), io.ErrUnexpectedEOF)
	}
	return nil
}

// errBroken says that less came than the answer's head promised. It must not be taken for an object that is too short.
var errBroken = errors.New("the connection broke within an answer")

// ReadRange implements store.RangeReader.
func (s *Store) ReadRange(ctx context.Context, name string, p []byte, off int64) (n int, size int64, err error) {
	if err := store.CheckName(name); err != nil {
		return 0, 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, 0, err
	}
	n, size, err = s.readRange(ctx, name, p, off)
	if isBeyond(err) {
		size, err = s.Size(ctx, name)
		return 0, size, err
	}
	if err != nil {
		return 0, 0, fmt.Errorf("read %s at %d: %w", name, off, s.missing(ctx, translate(ctx, name, err)))
	}
	return n, size, nil
}

func (s *Store) readRange(ctx context.Context, name string, p []byte, off int64) (n int, size int64, err error) {
	r, err := s.bucket.NewRangeReader(ctx, name, off, int64(len(p)), nil)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = r.Close() }() // what it gave has been checked by its length
	size = r.Size()
	want := int(max(0, min(int64(len(p)), size-off)))
	n, err = io.ReadFull(r, p[:want])
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return 0, 0, errBroken
	}
	return n, size, err
}

// Size implements store.Store.
func (s *Store) Size(ctx context.Context, name string) (int64, error) {
	if err := store.CheckName(name); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	attributes, err := s.bucket.Attributes(ctx, name)
	if err == nil {
		return attributes.Size, nil
	}
	return 0, fmt.Errorf("size of %s: %w", name, s.missing(ctx, translate(ctx, name, err)))
}

// missing makes sure that what does not exist is the object, and not the bucket: a segment that is missing is set aside, a bucket that is missing is an
// outage. A listing tells them apart.
func (s *Store) missing(ctx context.Context, err error) error {
	if !store.IsNotExist(err) || isCertain(err) {
		return err
	}
	if _, listErr := s.listPage(ctx, blob.FirstPageToken, "", 1); listErr != nil {
		return listErr
	}
	return err
}

// Delete implements store.Store.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := store.CheckName(name); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	err := translate(ctx, name, s.bucket.Delete(ctx, name))
	if err == nil || store.IsNotExist(err) {
		return nil
	}
	return fmt.Errorf("delete %s: %w", name, err)
}

// List implements store.Store.
func (s *Store) List(ctx context.Context, prefix string) ([]store.Object, error) {
	if prefix != "" {
		if err := store.CheckName(strings.TrimSuffix(prefix, "/")); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var objects []store.Object
	token := blob.FirstPageToken
	for len(token) > 0 {
		page, err := s.listPage(ctx, token, prefix, listPage)
		if err != nil {
			return nil, fmt.Errorf("list %q: %w", prefix, err)
		}
		for _, o := range page.objects {
			if !o.IsDir && store.CheckName(o.Key) == nil {
				objects = append(objects, store.Object{Name: o.Key, Size: o.Size})
			}
		}
		token = page.next
	}
	return objects, nil
}

// page is a part of a listing.
type page struct {
	objects []*blob.ListObject
	next    []byte // token of the next; empty: there is none
}

func (s *Store) listPage(ctx context.Context, token []byte, prefix string, most int) (page, error) {
	objects, next, err := s.bucket.ListPage(ctx, token, most, &blob.ListOptions{Prefix: prefix})
	if err != nil {
		return page{}, translateBucket(ctx, prefix, err)
	}
	return page{objects, next}, nil
}
