package shared

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"clew/query/alert"
)

const stateKind = "group"

// States keeps what groups must not forget, for all processes, fenced. It implements alert.States and alert.Watched.
type States struct {
	store  *Store
	pack   *zstd.Encoder
	unpack *zstd.Decoder

	mu    sync.Mutex
	known map[string]*known // by group: of those that this process has taken over
}

// known is what this process knows of a group's key.
type known struct {
	revision uint64
	unsure   []byte // a write whose outcome is unknown; nil: there is none
}

// NewStates returns the states that a store keeps.
func NewStates(store *Store) (*States, error) {
	pack, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("compressor of alerts' state: %w", err)
	}
	unpack, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(unpackedBytesMax), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("compressor of alerts' state: %w", err)
	}
	return &States{store: store, pack: pack, unpack: unpack, known: map[string]*known{}}, nil
}

// A value is the group's key with its length (four bytes, little-endian), and its compressed state. An empty state is one that was claimed or removed.
func (s *States) encode(group string, state []byte) []byte {
	out := binary.LittleEndian.AppendUint32(nil, uint32(len(group)))
	out = append(out, group...)
	if len(state) == 0 {
		return out
	}
	return s.pack.EncodeAll(state, out)
}

func (s *States) decode(value []byte) (group string, state []byte, err error) {
	if len(value) == 0 {
		return "", nil, nil
	}
	if len(value) < 4 {
		return "", nil, errors.New("a shared state is torn")
	}
	n := binary.LittleEndian.Uint32(value)
	if uint64(n) > uint64(len(value)-4) {
		return "", nil, errors.New("a shared state is torn")
	}
	group, value = string(value[4:4+n]), value[4+n:]
	if len(value) == 0 {
		return group, nil, nil
	}
	if state, err = s.unpack.DecodeAll(value, nil); err != nil {
		return group, nil, fmt.Errorf("shared state of %s: %w", group, err)
	}
	return group, state, nil
}

// Load implements alert.States: it takes the group over from whoever wrote its state before.
func (s *States) Load(ctx context.Context, group string) ([]byte, error) {
	key := KeyOf(stateKind, group)
	for try := 0; ; try++ {
		value, revision, err := s.store.get(ctx, key)
		if err != nil {
			return nil, err
		}
		claimed := value
		if len(claimed) == 0 {
			claimed = s.encode(group, nil)
		}
		revision, err = s.update(ctx, key, claimed, revision)
		switch {
		case isConflict(err) && try < claimTries:
			// Its owner before is still writing.
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(claimPause):
			}
			continue
		case err != nil:
			return nil, fmt.Errorf("take over the state of %s: %w", group, err)
		}
		s.mu.Lock()
		s.known[group] = &known{revision: revision}
		s.mu.Unlock()
		_, state, err := s.decode(value)
		return state, err
	}
}

func (s *States) update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if revision == 0 {
		return s.store.kv.Create(ctx, key, value)
	}
	return s.store.kv.Update(ctx, key, value, revision)
}

// Save implements alert.States. alert.ErrFenced: another process has taken the group over.
func (s *States) Save(ctx context.Context, group string, state []byte) error {
	s.mu.Lock()
	k := s.known[group]
	s.mu.Unlock()
	if k == nil {
		return fmt.Errorf("share the state of %s: %w: it was not taken over", group, alert.ErrFenced)
	}
	value, key := s.encode(group, state), KeyOf(stateKind, group)
	if len(value) > valueBytesMax {
		return fmt.Errorf("share the state of %s: %d bytes, compressed: want at most %d", group, len(value), valueBytesMax)
	}
	if k.unsure != nil {
		if err := s.settle(ctx, group, key, k); err != nil {
			return err
		}
	}
	revision, err := s.update(ctx, key, value, k.revision)
	switch {
	case isConflict(err):
		return fmt.Errorf("share the state of %s: %w", group, alert.ErrFenced)
	case err != nil:
		k.unsure = value
		return fmt.Errorf("share the state of %s: %w", group, err)
	}
	k.revision = revision
	return nil
}

// settle finds out what became of a write that was not answered.
func (s *States) settle(ctx context.Context, group, key string, k *known) error {
	value, revision, err := s.store.get(ctx, key)
	switch {
	case err != nil:
		return err
	case revision != k.revision && !bytes.Equal(value, k.unsure):
		return fmt.Errorf("share the state of %s: %w", group, alert.ErrFenced)
	}
	k.revision, k.unsure = revision, nil
	return nil
}

// Peek implements alert.Watched: the state as whoever evaluates the group left it, without taking it over.
func (s *States) Peek(ctx context.Context, group string) ([]byte, error) {
	value, _, err := s.store.get(ctx, KeyOf(stateKind, group))
	if err != nil {
		return nil, err
	}
	_, state, err := s.decode(value)
	return state, err
}

// Stored are the groups that have a state.
func (s *States) Stored(ctx context.Context) []string {
	var out []string
	_ = s.store.Read(ctx, stateKind, func(_ string, value []byte) { // asked again at the next start
		if group, state, err := s.decode(value); err == nil && len(state) > 0 {
			out = append(out, group)
		}
	})
	return out
}
