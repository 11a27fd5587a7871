// Package pair keeps the log of a cluster and the object store of its segments together. What exists is what the log's commits say, and objects that no commit
// names are removed after a while. So a store under another log (a second cluster by mistake, or servers of NATS that came back empty) would lose its segments
// within minutes, and a log under another store would commit segments where nobody looks for them.
//
// The first process to see both gives the log an identity and writes it into the store, as the object LOG. From then on both have to say the same.
package pair

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"clew/index/segment"
	"clew/index/store"
)

// Object is the name of the object that says whose segments a store has: the log's identity and a line feed.
const Object = "LOG"

// Log is a cluster's log. *shardlog.Cluster is one.
type Log interface {
	// Identity is "" while the log has none. Identify gives it one if so, and returns the one that it has.
	Identity(ctx context.Context) (string, error)
	Identify(ctx context.Context, id string) (string, error)
	// Committed says whether anything has ever been committed.
	Committed(ctx context.Context) (bool, error)
}

// Catalog is what the store's newest snapshot of the catalog says: the sequence of the last commit in it, and how many segments it names. A restored one has
// segments and the sequence 0: it belongs to no log yet. Without a snapshot both are 0.
type Catalog struct {
	Sequence uint64
	Segments int
}

// StrangerError says that a log and a store do not belong together.
type StrangerError struct {
	Why string
}

func (e *StrangerError) Error() string {
	return "the log and the object store are not of one cluster: " + e.Why +
		". Nothing was changed. Is nats.urls or store of another cluster? If NATS has lost its streams, or the store its objects: docs/deploy.md, Backup and restore"
}

// Check returns the identity that log and st share, and gives them one where both are new. st must read the store itself, not a cache of it.
// It is patient with a log whose servers have just started. Errors: *StrangerError; *store.AwayError at once; the log's.
func Check(ctx context.Context, log Log, st store.Store, have Catalog) (id string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := false
	for {
		id, err = check(ctx, log, st, have)
		var stranger *StrangerError
		var away *store.AwayError
		switch {
		case err == nil || errors.As(err, &away):
			return id, err
		case errors.As(err, &stranger):
			if again {
				return "", err
			}
			// Once more: processes that start together see what one of them has only half written.
			again = true
			continue
		}
		select {
		case <-time.After(retryEvery):
		case <-ctx.Done():
			return "", err
		}
	}
}

func check(ctx context.Context, log Log, st store.Store, have Catalog) (string, error) {
	theirs, err := Of(ctx, st)
	if err != nil {
		return "", err
	}
	ours, err := log.Identity(ctx)
	if err != nil {
		return "", err
	}
	switch {
	case ours != "" && ours == theirs:
		return ours, nil
	case theirs != "" && ours == "":
		return "", &StrangerError{fmt.Sprintf("the store has segments of the log %s, and this NATS has never been told of it", theirs)}
	case theirs != "":
		return "", &StrangerError{fmt.Sprintf("the store has segments of the log %s, and NATS has the log %s", theirs, ours)}
	}
	if err := unclaimed(ctx, log, st, have, ours); err != nil {
		return "", err
	}
	if ours == "" {
		if ours, err = log.Identify(ctx, strings.ToLower(rand.Text())); err != nil {
			return "", err
		}
	}
	return ours, write(ctx, st, ours)
}

// unclaimed says whether a store that says nothing of its log may be that of a log with the identity ours, or with none.
func unclaimed(ctx context.Context, log Log, st store.Store, have Catalog, ours string) error {
	committed, err := log.Committed(ctx)
	switch {
	case err != nil:
		return err
	case committed && ours != "":
		return &StrangerError{fmt.Sprintf("NATS has the log %s, whose segments are in a store that says so in its object %s, and this one has none", ours, Object)}
	case committed: // of a clew that knew no identities
		return nil
	case have.Sequence > 0:
		return &StrangerError{fmt.Sprintf("the store's catalog has commits up to %d, and the log in NATS has none", have.Sequence)}
	case have.Segments > 0: // restored
		return nil
	}
	objects, err := st.List(ctx, segment.Prefix)
	if err != nil {
		return err
	}
	if len(objects) > 0 {
		return &StrangerError{fmt.Sprintf("the store has segments (%s), and the log in NATS knows none", objects[0].Name)}
	}
	return nil
}

// Of returns the identity of the log that a store has segments of, "" if it says nothing. What it says and is none is a *StrangerError.
func Of(ctx context.Context, st store.Store) (string, error) {
	size, err := st.Size(ctx, Object)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if size == 0 || size > identityBytesMax {
		return "", &StrangerError{fmt.Sprintf("%s in the store has %d bytes, want the identity of a log", Object, size)}
	}
	data := make([]byte, size)
	if err := st.ReadAt(ctx, Object, data, 0); err != nil {
		return "", err
	}
	id := string(bytes.TrimSpace(data))
	if id == "" {
		return "", &StrangerError{fmt.Sprintf("%s in the store is blank, want the identity of a log", Object)}
	}
	return id, nil
}

func write(ctx context.Context, st store.Store, id string) error {
	_, err := st.Put(ctx, Object, func(w io.Writer) error {
		_, err := io.WriteString(w, id+"\n")
		return err
	})
	return err
}
