package datadir

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"clew/index"
	"clew/index/catalog"
	"clew/index/segment"
	"clew/index/store"
	"clew/internal/telemetry"
)

// Hole is an entry of the commit stream that is needed and cannot be read, and what is inferred of it.
type Hole struct {
	Sequence uint64   `json:"sequence"` // 0: at the end of the stream, beyond its last entry
	Shard    int      `json:"shard"`
	What     string   `json:"what"`
	Added    []string `json:"added"`   // segments that it must have added
	Removed  []string `json:"removed"` // segments that it must have removed
	Note     string   `json:"note,omitempty"`
}

func (h Hole) String() string {
	where := fmt.Sprintf("commit %d of shard %d", h.Sequence, h.Shard)
	if h.Sequence == 0 {
		where = fmt.Sprintf("the last commits of shard %d", h.Shard)
	}
	text := fmt.Sprintf("%s: %s; it must have added %d segments and removed %d", where, h.What, len(h.Added), len(h.Removed))
	if h.Note != "" {
		text += "; " + h.Note
	}
	return text
}

// fold applies the entries in order, with an inferred commit in the place of each that cannot be read.
func (d *Dir) fold(ctx context.Context, entries []entry, ends bool) error {
	assign(entries)
	names := namesOf(entries)
	for s := range d.Catalog.Current().All() {
		names[s.ID] = true
	}
	var orphans []catalog.Segment
	if slices.ContainsFunc(entries, func(e entry) bool { return e.damage != nil }) {
		var err error
		if orphans, err = d.orphans(ctx, names); err != nil {
			return err
		}
	}
	for i := range entries {
		e := &entries[i]
		switch {
		case e.damage == nil:
			if err := d.Catalog.Apply(e.seq, e.commit); err != nil {
				return fmt.Errorf("commit %d cannot follow, even with what is missing before it inferred: %w; restore a backup", e.seq, err)
			}
		case e.shard >= 0:
			if err := d.bridge(ctx, entries, i, &orphans); err != nil {
				return err
			}
		}
	}
	if !ends {
		return nil
	}
	lost, err := d.endLost(ctx)
	if err != nil || len(lost) == 0 {
		return err
	}
	for _, h := range d.Holes {
		for _, id := range h.Added {
			names[id] = true
		}
	}
	if orphans, err = d.orphans(ctx, names); err != nil {
		return err
	}
	for _, shard := range lost {
		if err := d.bridgeEnd(ctx, shard, orphans, false); err != nil {
			return err
		}
	}
	return nil
}

// namesOf are the segments that any commit that can be read names.
func namesOf(entries []entry) map[string]bool {
	names := map[string]bool{}
	for _, e := range entries {
		for _, s := range e.commit.Added {
			names[s.ID] = true
		}
		for _, id := range e.commit.Removed {
			names[id] = true
		}
	}
	return names
}

// orphans are the whole segments in the store that have no name, as a commit would have them.
func (d *Dir) orphans(ctx context.Context, names map[string]bool) ([]catalog.Segment, error) {
	objects, err := d.Store.List(ctx, segment.Prefix)
	if err != nil {
		return nil, err
	}
	var orphans []catalog.Segment
	for _, o := range objects {
		id, ok := segment.IDOf(o.Name)
		if _, indexName := segment.Names(id); !ok || names[id] || o.Name != indexName {
			continue
		}
		shard, signal, created, err := segment.ParseID(id)
		if err != nil {
			continue
		}
		s, err := segment.Open(ctx, d.Store, id, nil)
		var damage *index.DamageError
		if errors.As(err, &damage) {
			continue // scrub names it
		}
		if err != nil {
			return nil, err
		}
		info := s.Info()
		orphans = append(orphans, catalog.Segment{
			ID: id, Shard: shard, Signal: signal, Tenant: info.Tenant, Rows: info.Rows, Records: s.Records(),
			MinTime: info.MinTime, MaxTime: info.MaxTime, Bytes: info.Bytes, Created: created,
		})
	}
	return orphans, nil
}

// bridge applies what entries[i] must have said. What it takes from orphans is not taken again.
func (d *Dir) bridge(ctx context.Context, entries []entry, i int, orphans *[]catalog.Segment) error {
	e := &entries[i]
	hole := Hole{Sequence: e.seq, Shard: e.shard, What: e.damage.Error(), Added: []string{}, Removed: []string{}}
	before, after := time.Time{}, time.Time{}
	var next *catalog.Commit // of the shard
	for _, other := range entries[:i] {
		if other.damage == nil && other.shard == e.shard {
			before = other.commit.Time
		}
	}
	for j := range slices.Backward(entries[i+1:]) {
		if other := &entries[i+1+j]; other.damage == nil && other.shard == e.shard {
			after, next = other.commit.Time, &other.commit
		}
	}
	state := d.Catalog.Current().Shard(e.shard)
	cm := catalog.Commit{
		Version: catalog.CommitVersion, Shard: e.shard, Epoch: state.Epoch, Last: state.Last, Time: before, Reason: reasonRepair,
		Floor: state.Floor, Sources: state.Sources,
	}
	if after.IsZero() {
		// The shard's last commit. What it sealed is still in the log, and sealed again, unless the log has been trimmed since.
		log, err := d.Log.State(ctx, e.shard)
		if err != nil {
			return err
		}
		if log.First <= state.Floor+1 {
			hole.Note = "its records are still in the log and are sealed again"
			d.Holes = append(d.Holes, hole)
			return d.Catalog.Apply(e.seq, cm)
		}
		cm.Floor = log.First - 1
	}
	inWindow := func(s catalog.Segment) bool {
		return s.Shard == e.shard && (before.IsZero() || s.Created.After(before.Add(-sealingMost))) && (after.IsZero() || s.Created.Before(after))
	}
	for _, s := range *orphans {
		if inWindow(s) {
			cm.Added = append(cm.Added, s)
			hole.Added = append(hole.Added, s.ID)
		}
	}
	*orphans = slices.DeleteFunc(*orphans, inWindow)
	if err := d.inferRemoved(ctx, &cm, laterNames(entries[i+1:])); err != nil {
		return err
	}
	hole.Removed = append(hole.Removed, cm.Removed...)
	for _, s := range d.passed(e.shard, entries[i+1:]) {
		if after.IsZero() || s.Created.Before(after) {
			cm.Added = append(cm.Added, s)
			hole.Added = append(hole.Added, s.ID)
		}
	}
	if !repeated(cm.Added, next) {
		hole.Note = "some records of the segments it added may be there twice, if the log still holds them"
	}
	d.Holes = append(d.Holes, hole)
	return d.Catalog.Apply(e.seq, cm)
}

// passed are segments that later entries of a shard remove and nothing that can be read adds: the lost one added them, and they have been merged, rewritten
// or dropped since. Their names tell what must be known of them until then; the tenant is that of what they were made into, where there is such.
func (d *Dir) passed(shard int, later []entry) []catalog.Segment {
	added := map[string]bool{}
	var segments []catalog.Segment
	for _, e := range later {
		if e.damage != nil || e.shard != shard {
			continue
		}
		for _, id := range e.commit.Removed {
			of, signal, created, err := segment.ParseID(id)
			if err != nil || of != shard || added[id] || d.Catalog.Has(id) {
				continue
			}
			s := catalog.Segment{ID: id, Shard: shard, Signal: signal, Tenant: telemetry.DefaultTenant, Rows: 1, Created: created}
			for _, a := range e.commit.Added {
				if a.Signal == signal {
					s.Tenant = a.Tenant
				}
			}
			segments = append(segments, s)
		}
		for _, s := range e.commit.Added {
			added[s.ID] = true
		}
	}
	return segments
}

// repeated says whether the commit after a lost one tells how far the log is in the segments that the lost one added: then no record of
// theirs is taken from the log again.
func repeated(added []catalog.Segment, next *catalog.Commit) bool {
	for _, s := range added {
		if next == nil || !slices.ContainsFunc(next.Positions, func(p catalog.Position) bool { return p.Signal == s.Signal && p.Tenant == s.Tenant }) {
			return false
		}
	}
	return true
}

// laterNames are the segments that later commits remove: they were there then.
func laterNames(entries []entry) map[string]bool {
	names := map[string]bool{}
	for _, e := range entries {
		for _, id := range e.commit.Removed {
			names[id] = true
		}
	}
	return names
}

// inferRemoved fills in what a commit must have removed: the segments that are gone from the store, and those that one of the added ones was made
// of, which has as many rows as they have and covers their times.
func (d *Dir) inferRemoved(ctx context.Context, cm *catalog.Commit, later map[string]bool) error {
	type key struct {
		tenant string
		signal telemetry.Signal
	}
	of := map[key][]*catalog.Segment{}
	for s := range d.Catalog.Current().All() {
		if s.Shard != cm.Shard || later[s.ID] {
			continue
		}
		_, name := segment.Names(s.ID)
		if _, err := d.Store.Size(ctx, name); store.IsNotExist(err) {
			cm.Removed = append(cm.Removed, s.ID)
			continue
		} else if err != nil {
			return err
		}
		k := key{s.Tenant, s.Signal}
		of[k] = append(of[k], s)
	}
	for _, a := range cm.Added {
		var inside []string
		rows := 0
		for _, s := range of[key{a.Tenant, a.Signal}] {
			if s.MinTime >= a.MinTime && s.MaxTime <= a.MaxTime && !s.Created.After(a.Created) {
				inside = append(inside, s.ID)
				rows += s.Rows
			}
		}
		if len(inside) > 0 && rows == a.Rows {
			cm.Removed = append(cm.Removed, inside...)
		}
	}
	slices.Sort(cm.Removed)
	cm.Removed = slices.Compact(cm.Removed)
	return nil
}
