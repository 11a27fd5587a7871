package shared

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Bucket is the name of the key-value bucket.
const Bucket = "clew_alerting"

// Store is the bucket. It is safe for concurrent use.
type Store struct{ kv jetstream.KeyValue }

// Open opens the bucket, and makes it with so many replicas if there is none. Servers that have just started elect leaders first, and a stream that is being made answers
// nothing: it is patient.
func Open(ctx context.Context, js jetstream.JetStream, replicas int) (*Store, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	for {
		kv, err := bucket(ctx, js, replicas)
		if err == nil {
			return &Store{kv}, nil
		}
		select {
		case <-time.After(followAgain):
		case <-ctx.Done():
			return nil, fmt.Errorf("open the shared state of alerts (NATS bucket %s): %w", Bucket, err)
		}
	}
}

// bucket tries once.
func bucket(ctx context.Context, js jetstream.JetStream, replicas int) (jetstream.KeyValue, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	kv, err := js.KeyValue(ctx, Bucket)
	if !errors.Is(err, jetstream.ErrBucketNotFound) {
		return kv, err
	}
	kv, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: Bucket, Description: "state of clew's alerts", History: historyDepth, MaxBytes: bytesMax, Replicas: replicas, Storage: jetstream.FileStorage,
	})
	if errors.Is(err, jetstream.ErrBucketExists) { // by a process that starts at the same time
		return js.KeyValue(ctx, Bucket)
	}
	return kv, err
}

// KeyOf is a key of a kind for a name that may have any characters.
func KeyOf(kind, name string) string {
	h := fnv.New128a()
	h.Write([]byte(name))
	return kind + "." + hex.EncodeToString(h.Sum(nil))
}

// Put writes a value whatever was there.
func (s *Store) Put(ctx context.Context, key string, value []byte) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if len(value) > valueBytesMax {
		return fmt.Errorf("share %s: %d bytes: want at most %d", key, len(value), valueBytesMax)
	}
	if _, err := s.kv.Put(ctx, key, value); err != nil {
		return fmt.Errorf("share %s: %w", key, err)
	}
	return nil
}

// Get reads a value; nil: there is none.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	value, _, err := s.get(ctx, key)
	return value, err
}

// get gives the value with its revision; 0: there is none.
func (s *Store) get(ctx context.Context, key string) ([]byte, uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	e, err := s.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read shared %s: %w", key, err)
	}
	return e.Value(), e.Revision(), nil
}

// Delete forgets a key.
func (s *Store) Delete(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if err := s.kv.Purge(ctx, key); err != nil {
		return fmt.Errorf("forget shared %s: %w", key, err)
	}
	return nil
}

// Read calls f with every value of a kind as it is now: all that was written before the call.
func (s *Store) Read(ctx context.Context, kind string, f func(key string, value []byte)) error {
	ctx, cancel := context.WithTimeout(ctx, 4*requestTimeout)
	defer cancel()
	return s.watch(ctx, kind, f, true)
}

// Follow calls f with every value of a kind, and with those that are written later, until ctx ends. It outlasts NATS being away; a value may come more than once.
// Keys that are forgotten are not told.
func (s *Store) Follow(ctx context.Context, kind string, f func(key string, value []byte)) {
	for ctx.Err() == nil {
		_ = s.watch(ctx, kind, f, false) // begun anew, it gives all there is
		select {
		case <-ctx.Done():
		case <-time.After(followAgain):
		}
	}
}

func (s *Store) watch(ctx context.Context, kind string, f func(key string, value []byte), once bool) error {
	w, err := s.kv.Watch(ctx, kind+".*", jetstream.IgnoreDeletes())
	if err != nil {
		return fmt.Errorf("follow shared %s: %w", kind, err)
	}
	defer func() { _ = w.Stop() }() // the server forgets it anyway
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e, open := <-w.Updates():
			switch {
			case !open:
				return fmt.Errorf("follow shared %s: the watch has ended", kind)
			case e != nil:
				f(e.Key(), e.Value())
			case once:
				return nil // nil says that all there was has been given
			}
		}
	}
}

// isConflict says whether a write failed because another came before it. (The server has two codes for it, one of replicated streams.)
func isConflict(err error) bool {
	var api *jetstream.APIError
	return errors.Is(err, jetstream.ErrKeyExists) || errors.As(err, &api) &&
		(api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}
