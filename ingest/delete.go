package ingest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"clew/index"
	"clew/index/store"
	"clew/internal/telemetry"
)

// A deletion is two objects, written once each: the request, durable before it is answered, and the outcome. Together they are the audit record. A request
// without an outcome is a job to be done, whatever crashes lie between.
const (
	deletionPrefix  = "deletions/"
	requestSuffix   = ".request"
	outcomeSuffix   = ".outcome"
	deletionVersion = 1
)

// Deletion is a request to delete records: log records or spans of a tenant that match a query, and whose time is in a range.
//
// What it covers is everything that was acknowledged before it was requested, wherever it is by then. What arrives while it runs may be taken too, but
// nothing whose time is after the request's.
type Deletion struct {
	Version   int              `json:"version"`
	ID        string           `json:"id"` // ids sort by time
	Tenant    string           `json:"tenant"`
	Signal    telemetry.Signal `json:"signal"`
	Query     string           `json:"query"`
	From      int64            `json:"from"` // nanoseconds, inclusive; 0 is unbounded
	To        int64            `json:"to"`   // exclusive; at most right after Requested
	Requested time.Time        `json:"requested"`
	By        string           `json:"by"` // who asked, as far as is known
}

// Outcome is what became of a deletion.
type Outcome struct {
	Version  int       `json:"version"`
	ID       string    `json:"id"`
	Finished time.Time `json:"finished"`
	Records  int64     `json:"records"` // that are gone
	// Damaged says what could not be read, so that it is not known whether it holds records that match.
	Damaged []string `json:"damaged,omitempty"`
}

// DeletionState is a deletion and how far it has got.
type DeletionState struct {
	Deletion
	Outcome *Outcome // nil: not done yet
	Records int64    // that are gone so far
	Error   string   // why the last attempt failed; it is repeated
}

// Selector says which rows of a part a deletion takes. Select is not called concurrently. Its answer is by row group, bit i%64 of word i/64 for row i, nil for
// none. An error for which errors.As finds an *index.DamageError says that the part can't be read; any other that it should be tried again.
type Selector interface {
	Select(ctx context.Context, part index.Part) ([][]uint64, error)
}

// RefusedError says why a deletion is not begun.
type RefusedError struct{ What string }

func (e *RefusedError) Error() string { return e.What }

func (d *Deletion) check() error {
	if d.Version != deletionVersion {
		return fmt.Errorf("version %d: this program knows %d", d.Version, deletionVersion)
	}
	if d.Signal != telemetry.Logs && d.Signal != telemetry.Spans {
		return &RefusedError{fmt.Sprintf("%v can't be deleted by query: a row of them is many points", d.Signal)}
	}
	if d.Query == "" || len(d.Query) > deletionQueryMax {
		return &RefusedError{fmt.Sprintf("query of %d bytes: want 1 to %d; * is everything", len(d.Query), deletionQueryMax)}
	}
	if len(d.By) > deletionByMax {
		return &RefusedError{fmt.Sprintf("by: %d bytes, at most %d", len(d.By), deletionByMax)}
	}
	return telemetry.CheckTenant(d.Tenant)
}

// Delete requests a deletion and returns once the request is durable: from then on it happens, in the background, whatever crashes. d gives tenant, signal,
// query, times and who asks; the rest is filled in. A *RefusedError says what is wrong with it.
func (in *Ingest) Delete(ctx context.Context, d Deletion, now time.Time) (Deletion, error) {
	now = now.UTC()
	d.Version, d.Requested = deletionVersion, now
	if d.To == 0 || d.To > now.UnixNano()+1 {
		d.To = now.UnixNano() + 1
	}
	if err := d.check(); err != nil {
		return d, fmt.Errorf("delete: %w", err)
	}
	if in.newSelector == nil {
		return d, errors.New("delete: there is nothing here to select records with")
	}
	if _, err := in.newSelector(d); err != nil {
		return d, fmt.Errorf("delete: %w", err)
	}
	waiting, err := in.Deletions(ctx, true, deletionsWaiting)
	if err != nil {
		return d, fmt.Errorf("delete: %w", err)
	}
	if len(waiting) == deletionsWaiting {
		return d, fmt.Errorf("delete: %w", &RefusedError{fmt.Sprintf("%d deletions are waiting already", deletionsWaiting)})
	}
	var random [8]byte
	rand.Read(random[:]) // never fails: crypto/rand ends the process instead
	d.ID = now.Format(deletionTime) + "-" + hex.EncodeToString(random[:])
	defer in.rewriter.wakeUp() // after a failure the request may be there all the same
	if err := putJSON(ctx, in.store, deletionPrefix+d.ID+requestSuffix, d); err != nil {
		return d, fmt.Errorf("delete: %w", err)
	}
	in.log.Info("a deletion is requested", "deletion", d.ID, "tenant", d.Tenant, "signal", d.Signal.String(), "query", d.Query, "by", d.By)
	in.step("requested")
	return d, nil
}

// deletionTime makes ids sort by time.
const deletionTime = "20060102T150405.000000000Z"

func putJSON(ctx context.Context, st store.Store, name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	_, err = st.Put(ctx, name, func(w io.Writer) error { _, err := w.Write(data); return err })
	return err
}

func getJSON(ctx context.Context, st store.Store, name string, size int64, v any) error {
	if size > deletionBytesMax {
		return fmt.Errorf("%s: %d bytes, at most %d are allowed", name, size, deletionBytesMax)
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

// Deletions lists deletions, the newest first, at most limit of them: the audit record. waiting: only those that are not done.
func (in *Ingest) Deletions(ctx context.Context, waiting bool, limit int) ([]DeletionState, error) {
	objects, err := in.store.List(ctx, deletionPrefix)
	if err != nil {
		return nil, fmt.Errorf("list deletions: %w", err)
	}
	outcomes := map[string]store.Object{}
	for _, o := range objects {
		if id, ok := strings.CutSuffix(strings.TrimPrefix(o.Name, deletionPrefix), outcomeSuffix); ok {
			outcomes[id] = o
		}
	}
	var list []DeletionState
	for _, o := range slices.Backward(objects) {
		id, ok := strings.CutSuffix(strings.TrimPrefix(o.Name, deletionPrefix), requestSuffix)
		outcome, done := outcomes[id]
		if !ok || waiting && done {
			continue
		}
		if len(list) == limit {
			break
		}
		s := DeletionState{Records: in.catalog.Current().Deleted(id), Error: in.rewriter.failure(id)}
		if err := getJSON(ctx, in.store, o.Name, o.Size, &s.Deletion); err != nil {
			return nil, err
		}
		if done {
			s.Outcome = &Outcome{}
			if err := getJSON(ctx, in.store, outcome.Name, outcome.Size, s.Outcome); err != nil {
				return nil, err
			}
			s.Records = s.Outcome.Records
		}
		list = append(list, s)
	}
	return list, nil
}
