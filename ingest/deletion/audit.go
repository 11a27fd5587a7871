package deletion

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"strings"
	"time"

	"clew/index/scrub"
	"clew/index/store"
)

// Audit is the record of deletions in a store, as it is there.
type Audit struct {
	Objects  []Object
	Requests int
	Waiting  int             // requests without an outcome
	Findings []scrub.Finding // objects that are not what was written, which are not in Objects
}

// Object is a request, an outcome or a part.
type Object struct {
	Name string          `json:"name"`
	Data json.RawMessage `json:"data"`
}

// Read reads all objects of deletions and looks whether they are what was written. An error is the store's.
func Read(ctx context.Context, st store.Store) (*Audit, error) {
	objects, err := st.List(ctx, Prefix)
	if err != nil {
		return nil, fmt.Errorf("read the record of deletions: %w", err)
	}
	a := &Audit{}
	requests, outcomes, parts := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, o := range objects {
		base := strings.TrimPrefix(o.Name, Prefix)
		id := strings.TrimSuffix(base, path.Ext(base))
		var into interface{ verify(id string) error }
		var of map[string]bool
		switch path.Ext(base) {
		case requestSuffix:
			into, of = &Request{}, requests
		case outcomeSuffix:
			into, of = &Outcome{}, outcomes
		case partSuffix:
			id = partID(id)
			into, of = &Part{}, parts
		default:
			a.Findings = append(a.Findings, scrub.Finding{Problem: scrub.Unreferenced, File: o.Name, Bytes: o.Size, What: "not the name of a deletion's object"})
			continue
		}
		of[id] = true
		data, err := readAudit(ctx, st, o, into, id)
		switch {
		case err == nil:
			a.Objects = append(a.Objects, Object{Name: o.Name, Data: data})
		case errors.As(err, new(*newerError)):
			a.Findings = append(a.Findings, scrub.Finding{Problem: scrub.NewerVersion, File: o.Name, What: err.Error()})
		case errors.As(err, new(*auditError)):
			a.Findings = append(a.Findings, scrub.Finding{Problem: scrub.Damaged, File: o.Name, What: err.Error()})
		default:
			return nil, fmt.Errorf("read the record of deletions: %w", err)
		}
	}
	a.Requests = len(requests)
	for id := range requests {
		if !outcomes[id] {
			a.Waiting++
		}
	}
	for id := range outcomes {
		if !requests[id] {
			a.Findings = append(a.Findings, scrub.Finding{Problem: scrub.Disagrees, File: Prefix + id + outcomeSuffix, What: "its request is missing"})
		}
	}
	for id := range parts {
		if !requests[id] {
			a.Findings = append(a.Findings, scrub.Finding{Problem: scrub.Disagrees, File: Prefix + id + ".*" + partSuffix, What: "its request is missing"})
		}
	}
	return a, nil
}

// auditError says what is wrong with an object of a deletion.
type auditError struct{ what string }

func (e *auditError) Error() string { return e.what }

// newerError says that a newer clew wrote it.
type newerError struct{ version int }

func (e *newerError) Error() string {
	return fmt.Sprintf("version %d, written by a newer clew (have %d)", e.version, Version)
}

func readAudit(ctx context.Context, st store.Store, o store.Object, into interface{ verify(id string) error }, id string) ([]byte, error) {
	if o.Size > objectBytesMax {
		return nil, &auditError{fmt.Sprintf("%d bytes, at most %d are allowed", o.Size, objectBytesMax)}
	}
	data := make([]byte, o.Size)
	if err := st.ReadAt(ctx, o.Name, data, 0); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return nil, &auditError{err.Error()}
	}
	return data, into.verify(id)
}

func verifyAudit(version int, id, want string) error {
	if version > Version {
		return &newerError{version}
	}
	if id != want {
		return &auditError{fmt.Sprintf("it is of deletion %.80q", id)}
	}
	return nil
}

func (r *Request) verify(id string) error {
	if err := verifyAudit(r.Version, r.ID, id); err != nil {
		return err
	}
	if err := r.Check(); err != nil {
		return &auditError{err.Error()}
	}
	return nil
}

func (o *Outcome) verify(id string) error { return verifyAudit(o.Version, o.ID, id) }

// Put writes the object to a store.
func (o Object) Put(ctx context.Context, st store.Store) error {
	if !strings.HasPrefix(o.Name, Prefix) {
		return fmt.Errorf("%.200q is not the name of a deletion's object", o.Name)
	}
	_, err := st.Put(ctx, o.Name, func(w io.Writer) error { _, err := w.Write(o.Data); return err })
	return err
}

// Reopen makes deletions that were done after a time be carried out again, because commits from then on may be lost, and with them what they took out. It returns
// where their outcomes are now. Carrying a deletion out again takes nothing else than the first time.
func Reopen(ctx context.Context, st store.Store, since time.Time) (moved []string, err error) {
	all, err := List(ctx, st, false, math.MaxInt)
	if err != nil {
		return nil, err
	}
	if moved, err = reopenParts(ctx, st, since); err != nil {
		return moved, err
	}
	for _, s := range all {
		if s.Outcome == nil || s.Outcome.Finished.Before(since) {
			continue
		}
		to, err := scrub.SetAside(ctx, st, Prefix+s.ID+outcomeSuffix)
		if err != nil {
			return moved, err
		}
		moved = append(moved, to)
	}
	return moved, nil
}

// reopenParts is Reopen for what shards have done, whether or not the deletion is done as a whole. It comes before the outcomes: a crash in between leaves deletions that are
// done, and no part to trust in when Reopen is called again.
func reopenParts(ctx context.Context, st store.Store, since time.Time) (moved []string, err error) {
	objects, err := st.List(ctx, Prefix)
	if err != nil {
		return nil, fmt.Errorf("list deletions: %w", err)
	}
	for _, o := range objects {
		if _, _, ok := partOf(o.Name); !ok {
			continue
		}
		var p Part
		if err := getJSON(ctx, st, o.Name, o.Size, &p); err != nil {
			return moved, err
		}
		if p.Finished.Before(since) {
			continue
		}
		to, err := scrub.SetAside(ctx, st, o.Name)
		if err != nil {
			return moved, err
		}
		moved = append(moved, to)
	}
	return moved, nil
}
