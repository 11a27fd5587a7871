package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"clew/index/scrub"
	"clew/index/store"
)

// DeletionPrefix begins the names of the objects of deletions: requests and outcomes.
const DeletionPrefix = deletionPrefix

// Audit is the record of deletions in a store, as it is there.
type Audit struct {
	Objects  []AuditObject
	Requests int
	Waiting  int             // requests without an outcome
	Findings []scrub.Finding // objects that are not what was written, which are not in Objects
}

// AuditObject is a request or an outcome.
type AuditObject struct {
	Name string          `json:"name"`
	Data json.RawMessage `json:"data"`
}

// ReadAudit reads all objects of deletions and looks whether they are what was written. An error is the store's.
func ReadAudit(ctx context.Context, st store.Store) (*Audit, error) {
	objects, err := st.List(ctx, deletionPrefix)
	if err != nil {
		return nil, fmt.Errorf("read the record of deletions: %w", err)
	}
	a := &Audit{}
	requests, outcomes := map[string]bool{}, map[string]bool{}
	for _, o := range objects {
		base := strings.TrimPrefix(o.Name, deletionPrefix)
		id := strings.TrimSuffix(base, path.Ext(base))
		var into interface{ verify(id string) error }
		var of map[string]bool
		switch path.Ext(base) {
		case requestSuffix:
			into, of = &Deletion{}, requests
		case outcomeSuffix:
			into, of = &Outcome{}, outcomes
		default:
			a.Findings = append(a.Findings, scrub.Finding{Problem: scrub.Unreferenced, File: o.Name, Bytes: o.Size, What: "not the name of a deletion's object"})
			continue
		}
		of[id] = true
		data, err := readAudit(ctx, st, o, into, id)
		switch {
		case err == nil:
			a.Objects = append(a.Objects, AuditObject{Name: o.Name, Data: data})
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
			a.Findings = append(a.Findings, scrub.Finding{Problem: scrub.Disagrees, File: deletionPrefix + id + outcomeSuffix, What: "its request is missing"})
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
	return fmt.Sprintf("version %d, written by a newer clew (have %d)", e.version, deletionVersion)
}

func readAudit(ctx context.Context, st store.Store, o store.Object, into interface{ verify(id string) error }, id string) ([]byte, error) {
	if o.Size > deletionBytesMax {
		return nil, &auditError{fmt.Sprintf("%d bytes, at most %d are allowed", o.Size, deletionBytesMax)}
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
	if version > deletionVersion {
		return &newerError{version}
	}
	if id != want {
		return &auditError{fmt.Sprintf("it is of deletion %.80q", id)}
	}
	return nil
}

func (d *Deletion) verify(id string) error {
	if err := verifyAudit(d.Version, d.ID, id); err != nil {
		return err
	}
	if err := d.check(); err != nil {
		return &auditError{err.Error()}
	}
	return nil
}

func (o *Outcome) verify(id string) error { return verifyAudit(o.Version, o.ID, id) }

// Put writes the object to a store.
func (o AuditObject) Put(ctx context.Context, st store.Store) error {
	if !strings.HasPrefix(o.Name, deletionPrefix) {
		return fmt.Errorf("%.200q is not the name of a deletion's object", o.Name)
	}
	_, err := st.Put(ctx, o.Name, func(w io.Writer) error { _, err := w.Write(o.Data); return err })
	return err
}
