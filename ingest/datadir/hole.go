package datadir

import (
	"context"
	"fmt"
	"slices"
	"time"

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
	// Since is the time of the shard's commit before it; zero if that is not known. What was done of deletions since may have been lost with it.
	Since time.Time `json:"since,omitzero"`
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
	var orphans []orphan
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
			if err := d.bridge(ctx, entries, i, names, &orphans); err != nil {
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
		if err := d.bridgeEnd(ctx, shard, names, orphans, false); err != nil {
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

// bridge applies what entries[i] must have said. What it takes from orphans is not taken again.
func (d *Dir) bridge(ctx context.Context, entries []entry, i int, names map[string]bool, orphans *[]orphan) error {
	e := &entries[i]
	before, after, next := neighbours(entries, i)
	hole := Hole{Sequence: e.seq, Shard: e.shard, What: e.damage.Error(), Added: []string{}, Removed: []string{}, Since: before}
	state := d.Catalog.Current().Shard(e.shard)
	cm := catalog.Commit{
		Version: catalog.CommitVersion, Shard: e.shard, Epoch: state.Epoch, Last: state.Last, Time: before, Reason: reasonRepair,
		Floor: state.Floor, Sources: state.Sources,
	}
	var mine []orphan
	*orphans = slices.DeleteFunc(*orphans, func(o orphan) bool {
		within := o.Shard == e.shard && (before.IsZero() || o.Created.After(before.Add(-sealingMost))) && (after.IsZero() || o.Created.Before(after))
		if within {
			mine = append(mine, o)
		}
		return within
	})
	logHasIt := false
	if after.IsZero() {
		// The shard's last commit. What it sealed is still in the log, and sealed again, unless the log has been trimmed since.
		log, err := d.Log.State(ctx, e.shard)
		if err != nil {
			return err
		}
		if logHasIt = log.First <= state.Floor+1; logHasIt {
			mine = slices.DeleteFunc(mine, func(o orphan) bool { return len(o.replaces) == 0 })
			hole.Note = "what it sealed is still in the log and is sealed again"
		} else {
			cm.Floor = log.First - 1
		}
	}
	later := laterNames(entries[i+1:])
	d.add(&cm, &hole, mine, names, later)
	if logHasIt && len(cm.Added) == 0 {
		d.Holes = append(d.Holes, hole)
		return d.Catalog.Apply(e.seq, cm)
	}
	if err := d.inferRemoved(ctx, &cm, mine, later); err != nil {
		return err
	}
	hole.Removed = append(hole.Removed, cm.Removed...)
	for _, s := range d.passed(e.shard, entries[i+1:]) {
		if after.IsZero() || s.Created.Before(after) {
			cm.Added = append(cm.Added, s)
			hole.Added = append(hole.Added, s.ID)
		}
	}
	if !logHasIt && !repeated(sealed(cm.Added, mine), next) {
		hole.Note = maybeTwice(before, after)
	}
	d.Holes = append(d.Holes, hole)
	return d.Catalog.Apply(e.seq, cm)
}

// neighbours are the times of the shard's commits around entries[i], zero where there is none, and the one after it.
func neighbours(entries []entry, i int) (before, after time.Time, next *catalog.Commit) {
	shard := entries[i].shard
	for _, other := range entries[:i] {
		if other.damage == nil && other.shard == shard {
			before = other.commit.Time
		}
	}
	for j := range entries[i+1:] {
		if other := &entries[i+1+j]; other.damage == nil && other.shard == shard {
			return before, other.commit.Time, &other.commit
		}
	}
	return before, after, nil
}

// add puts into a commit what it must have added of the segments that nothing names.
func (d *Dir) add(cm *catalog.Commit, hole *Hole, orphans []orphan, names, later map[string]bool) {
	added, removed, sampled := d.choose(orphans, names, later)
	for _, s := range added {
		cm.Added = append(cm.Added, s)
		hole.Added = append(hole.Added, s.ID)
	}
	cm.Removed = append(cm.Removed, removed...)
	cm.Sampled = slices.DeleteFunc(sampled, func(id string) bool { return slices.Contains(cm.Removed, id) })
}

// maybeTwice tells an operator what may be wrong after a repair, and what can be done about it.
func maybeTwice(before, after time.Time) string {
	when := "around the time of the lost commit"
	if !before.IsZero() && !after.IsZero() {
		when = fmt.Sprintf("between %s and %s", before.UTC().Format(time.RFC3339), after.UTC().Format(time.RFC3339))
	}
	return "nothing is lost by a repair, but records that were received " + when + " may be counted twice afterwards, because the log may still hold what these segments hold" +
		" (spans that are there twice go when their segments are merged; log records and points stay): if that is worse than what came since the last backup, restore that instead"
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

// inferRemoved fills in what a commit must have removed: the segments that are gone from the store, and, of added segments that don't say what they were made
// of, those that have as many rows together and lie in their time.
func (d *Dir) inferRemoved(ctx context.Context, cm *catalog.Commit, orphans []orphan, later map[string]bool) error {
	silent := map[string]bool{}
	for _, o := range orphans {
		silent[o.ID] = !o.says
	}
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
			if silent[a.ID] && s.MinTime >= a.MinTime && s.MaxTime <= a.MaxTime && !s.Created.After(a.Created) {
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
	cm.Sampled = slices.DeleteFunc(cm.Sampled, func(id string) bool { return slices.Contains(cm.Removed, id) })
	return nil
}
