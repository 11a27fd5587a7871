// Package backup copies what a catalog names to another store, and makes a data directory of such a copy.
//
// Segments never change, so a backup is the catalog's snapshot and the segments in it, copied while clew goes on. What is merged or dropped meanwhile is
// no longer in a newer snapshot: that one is taken then. A target holds any number of backups, which share their segments:
//
//	segments/<id>.parquet, .index    as in the data directory
//	backups/<time>.snapshot          the catalog, in the form of its snapshots
//	backups/<time>.deletions         the record of deletions, requests and outcomes: an deletion.Object a line
//	backups/<time>.json              a Description; written last: a backup without one is not complete
package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"time"

	"clew/index"
	"clew/index/catalog"
	"clew/index/scrub"
	"clew/index/segment"
	"clew/index/store"
	"clew/ingest/deletion"
)

// descriptionVersion is the version of the form of a target.
//
//	1  the first
//	2  with the record of deletions
const descriptionVersion = 2

const (
	prefix            = "backups/"
	snapshotSuffix    = ".snapshot"
	deletionsSuffix   = ".deletions"
	descriptionSuffix = ".json"
	nameLayout        = "20060102T150405Z"
)

// Description says what a backup is.
type Description struct {
	Version     int       `json:"version"`
	Name        string    `json:"name"`
	Time        time.Time `json:"time"`
	Clew        string    `json:"clew"`
	Source      string    `json:"source"`
	Segments    int       `json:"segments"`
	Rows        int64     `json:"rows"`
	Bytes       int64     `json:"bytes"`
	Shards      int       `json:"shards"`      // that the segments are of
	Sequence    uint64    `json:"sequence"`    // the last commit in it
	LogMessages uint64    `json:"logMessages"` // messages of the source's log that were in no segment
	Damaged     []string  `json:"damaged"`     // segments, and objects of deletions, that could not be read and are not in it
	// Deletions is how many were requested, Waiting how many of them were not done: they go on where it is restored. DeletionsCRC is the CRC32C of the object
	// that has them.
	Deletions    int    `json:"deletions"`
	Waiting      int    `json:"waiting"`
	DeletionsCRC uint32 `json:"deletionsCRC"`
}

// Source is what a backup is taken of.
type Source struct {
	Store store.Store
	// Catalog gives the catalog's snapshot as it is now.
	Catalog func(ctx context.Context) ([]byte, error)
}

// Taken is what Take did.
type Taken struct {
	Description
	Copied  int             // objects
	Damaged []scrub.Finding // what could not be copied
}

// Take makes a backup in target. d's Time, Clew, Source and LogMessages are the caller's to fill in. Segments that are damaged are left out and listed: a backup
// that stops at them would save nothing of the rest.
func Take(ctx context.Context, source Source, target store.Store, d Description) (*Taken, error) {
	t := &taking{Source: source, target: target, sound: map[string]bool{}, damaged: map[string]scrub.Finding{}}
	// Before the catalog: of a deletion that is done by now, no snapshot taken from here on has the records.
	var err error
	if t.audit, err = deletion.Read(ctx, source.Store); err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	for range snapshotsMax {
		data, c, err := t.snapshot(ctx)
		if err != nil {
			return nil, fmt.Errorf("backup: %w", err)
		}
		again, err := t.copyAll(ctx, c.Current())
		if err != nil {
			return nil, fmt.Errorf("backup: %w", err)
		}
		if !again {
			return t.finish(ctx, data, c.Current(), d)
		}
	}
	return nil, fmt.Errorf("backup: the catalog changed %d times while its segments were copied; try again", snapshotsMax)
}

// taking is a backup under way.
type taking struct {
	Source
	target  store.Store
	sound   map[string]bool // segments that are in the target, whole
	damaged map[string]scrub.Finding
	copied  int
	audit   *deletion.Audit
}

func (t *taking) snapshot(ctx context.Context) ([]byte, *catalog.Catalog, error) {
	data, err := t.Catalog(ctx)
	if err != nil {
		return nil, nil, err
	}
	c := catalog.New()
	return data, c, c.Load(data)
}

// copyAll copies the version's segments. again is true if one has gone meanwhile that the catalog no longer names.
func (t *taking) copyAll(ctx context.Context, v *catalog.Version) (again bool, err error) {
	for s := range v.All() {
		if t.sound[s.ID] {
			continue
		}
		err := t.copySegment(ctx, s.ID)
		var damage *index.DamageError
		switch {
		case err == nil:
			t.sound[s.ID] = true
		case errors.As(err, &damage):
			still, err := t.named(ctx, s.ID)
			if err != nil {
				return false, err
			}
			if !still {
				return true, nil
			}
			t.damaged[s.ID] = scrub.Finding{Problem: scrub.Damaged, File: damage.File, Offset: damage.Offset, What: damage.What, Segment: s.ID}
		default:
			return false, fmt.Errorf("segment %s: %w", s.ID, err)
		}
	}
	return false, nil
}

// named says whether the catalog names a segment now.
func (t *taking) named(ctx context.Context, id string) (bool, error) {
	_, c, err := t.snapshot(ctx)
	if err != nil {
		return false, err
	}
	for s := range c.Current().All() {
		if s.ID == id {
			return true, nil
		}
	}
	return false, nil
}

// copySegment copies what the target lacks of a segment, the .index last, and reads back what was copied.
func (t *taking) copySegment(ctx context.Context, id string) error {
	fresh := false
	parquetName, indexName := segment.Names(id)
	for _, name := range []string{parquetName, indexName} {
		size, err := t.Store.Size(ctx, name)
		if store.IsNotExist(err) {
			return &index.DamageError{File: name, What: "object is missing"}
		}
		if err != nil {
			return err
		}
		if have, err := t.target.Size(ctx, name); err == nil && have == size {
			continue
		}
		if err := scrub.Copy(ctx, t.Store, name, t.target, name); store.IsNotExist(err) {
			return &index.DamageError{File: name, What: "object is missing"}
		} else if err != nil {
			return err
		}
		fresh = true
		t.copied++
	}
	if !fresh {
		return nil
	}
	s, err := segment.Open(ctx, t.target, id, nil)
	if err == nil {
		err = s.Verify(ctx)
	}
	if err != nil {
		return errors.Join(err, segment.Delete(ctx, t.target, id))
	}
	return nil
}

// finish writes the catalog, without what is damaged, and the description.
func (t *taking) finish(ctx context.Context, data []byte, v *catalog.Version, d Description) (*Taken, error) {
	d.Version, d.Name, d.Sequence, d.Damaged = descriptionVersion, d.Time.UTC().Format(nameLayout), v.Sequence(), []string{}
	done := &Taken{Copied: t.copied, Damaged: t.audit.Findings}
	for _, f := range t.audit.Findings {
		d.Damaged = append(d.Damaged, f.File)
	}
	for s := range v.All() {
		d.Shards = max(d.Shards, s.Shard+1)
		if f, ok := t.damaged[s.ID]; ok {
			done.Damaged = append(done.Damaged, f)
			d.Damaged = append(d.Damaged, s.ID)
			continue
		}
		d.Segments++
		d.Rows += int64(s.Rows)
		d.Bytes += s.Bytes
	}
	if err := put(ctx, t.target, prefix+d.Name+snapshotSuffix, data); err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	deletions, err := encodeAudit(t.audit.Objects)
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	d.Deletions, d.Waiting, d.DeletionsCRC = t.audit.Requests, t.audit.Waiting, crc32.Checksum(deletions, castagnoli)
	if err := put(ctx, t.target, prefix+d.Name+deletionsSuffix, deletions); err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := put(ctx, t.target, prefix+d.Name+descriptionSuffix, append(text, '\n')); err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	done.Description = d
	return done, nil
}

// List gives the complete backups of a target, oldest first.
func List(ctx context.Context, st store.Store) ([]Description, error) {
	objects, err := st.List(ctx, prefix)
	if err != nil {
		return nil, err
	}
	var all []Description
	for _, o := range objects {
		if !strings.HasSuffix(o.Name, descriptionSuffix) {
			continue
		}
		data, err := get(ctx, st, o.Name)
		if err != nil {
			return nil, err
		}
		var d Description
		if err := json.Unmarshal(data, &d); err != nil {
			return nil, fmt.Errorf("%s: %w", o.Name, err)
		}
		if d.Version < 1 || d.Version > descriptionVersion {
			return nil, fmt.Errorf("%s: version %d is not known (have up to %d): written by a newer clew", o.Name, d.Version, descriptionVersion)
		}
		all = append(all, d)
	}
	return all, nil
}

func put(ctx context.Context, st store.Store, name string, data []byte) error {
	_, err := st.Put(ctx, name, func(w io.Writer) error { _, err := w.Write(data); return err })
	return err
}

func get(ctx context.Context, st store.Store, name string) ([]byte, error) {
	size, err := st.Size(ctx, name)
	if err != nil {
		return nil, err
	}
	if size > objectBytesMax {
		return nil, fmt.Errorf("%s: %d bytes, at most %d are allowed", name, size, objectBytesMax)
	}
	data := make([]byte, size)
	return data, st.ReadAt(ctx, name, data, 0)
}
