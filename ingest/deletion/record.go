package deletion

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"clew/index/store"
)

// idTime makes ids sort by time.
const idTime = "20060102T150405.000000000Z"

func putJSON(ctx context.Context, st store.Store, name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	_, err = st.Put(ctx, name, func(w io.Writer) error { _, err := w.Write(data); return err })
	return err
}

func getJSON(ctx context.Context, st store.Store, name string, size int64, v any) error {
	if size > objectBytesMax {
		return fmt.Errorf("%s: %d bytes, at most %d are allowed", name, size, objectBytesMax)
	}
	data := make([]byte, size)
	if err := st.ReadAt(ctx, name, data, 0); err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

// NewID is a name for a request of this time.
func NewID(now time.Time) string {
	var random [8]byte
	rand.Read(random[:]) // never fails: crypto/rand ends the process instead
	return now.UTC().Format(idTime) + "-" + hex.EncodeToString(random[:])
}

// Put writes a request down. Once it returns nil the deletion happens, whatever crashes; after an error it may.
func (r *Request) Put(ctx context.Context, st store.Store) error {
	return putJSON(ctx, st, Prefix+r.ID+requestSuffix, r)
}

// Put writes an outcome down: the deletion is done.
func (o *Outcome) Put(ctx context.Context, st store.Store) error {
	return putJSON(ctx, st, Prefix+o.ID+outcomeSuffix, o)
}

// List reads deletions, the newest first, at most limit of them. waiting: only those that are not done. Their Records are those of their outcomes.
func List(ctx context.Context, st store.Store, waiting bool, limit int) ([]State, error) {
	return list(ctx, st, "", waiting, limit)
}

// Get reads one deletion; false: there is none of that name.
func Get(ctx context.Context, st store.Store, id string) (State, bool, error) {
	found, err := list(ctx, st, id+".", false, 1)
	if err != nil || len(found) == 0 || found[0].ID != id {
		return State{}, false, err
	}
	return found[0], true, nil
}

// list is List of the deletions whose objects' names begin so, behind Prefix.
func list(ctx context.Context, st store.Store, begin string, waiting bool, limit int) ([]State, error) {
	objects, err := st.List(ctx, Prefix+begin)
	if err != nil {
		return nil, fmt.Errorf("list deletions: %w", err)
	}
	parts := done(objects)
	outcomes := map[string]store.Object{}
	for _, o := range objects {
		if id, ok := strings.CutSuffix(strings.TrimPrefix(o.Name, Prefix), outcomeSuffix); ok {
			outcomes[id] = o
		}
	}
	var list []State
	for _, o := range slices.Backward(objects) {
		id, ok := strings.CutSuffix(strings.TrimPrefix(o.Name, Prefix), requestSuffix)
		outcome, done := outcomes[id]
		if !ok || waiting && done {
			continue
		}
		if len(list) == limit {
			break
		}
		var s State
		if err := getJSON(ctx, st, o.Name, o.Size, &s.Request); err != nil {
			return nil, err
		}
		if done {
			s.Outcome = &Outcome{}
			if err := getJSON(ctx, st, outcome.Name, outcome.Size, s.Outcome); err != nil {
				return nil, err
			}
			s.Records = s.Outcome.Records
		} else {
			s.Parts = parts[id]
		}
		list = append(list, s)
	}
	return list, nil
}
