package backup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"clew/index"
	"clew/index/catalog"
	"clew/index/scrub"
	"clew/index/segment"
	"clew/index/store"
	"clew/ingest/deletion"
)

// Salvaged is what Salvage made.
type Salvaged struct {
	Sequence uint64 // the last commit in the snapshot that it began with; 0: there was none
	Segments int
	Rows     int64
	Shards   int      // that the segments are of
	Newer    int      // segments that the snapshot did not know
	Gone     []string // segments that it knew, and whose objects are not there: merged, expired or deleted since
	Left     []Left   // segments that are there and were not taken
	Reopened int      // objects of deletions that are carried out again
	Waiting  int      // deletions that were not done
}

// Left is a segment that is not taken, and why.
type Left struct {
	ID, Why string
}

// Salvage makes a data directory, or a store with one, of a store whose log is lost: of the newest snapshot of the catalog, and of the segments that are newer, by what
// they say of themselves. from is only read, and nothing may write there meanwhile.
//
// What commits after the snapshot said is inferred:
//   - A segment that was made of others takes their place. One whose place a later one has taken is left.
//   - A segment whose rows all are in others is what a crash left between writing and committing, which was sealed again after it: it is left.
//   - A segment of the snapshot without its objects was merged, expired or deleted.
//   - Deletions that were done since are carried out again: segments that they took out as a whole may be there.
//
// What was in no segment was in the log alone.
func Salvage(ctx context.Context, from store.Store, target Target, logger *slog.Logger) (*Salvaged, error) {
	if err := target.empty(); err != nil {
		return nil, fmt.Errorf("salvage: %w", err)
	}
	s := &salvage{from: from, says: map[string]origin{}, named: map[string]bool{}, done: &Salvaged{}}
	if err := s.read(ctx, logger); err != nil {
		return nil, fmt.Errorf("salvage: %w", err)
	}
	if err := s.infer(ctx); err != nil {
		return nil, fmt.Errorf("salvage: %w", err)
	}
	audit, err := deletion.Read(ctx, from)
	if err != nil {
		return nil, fmt.Errorf("salvage: %w", err)
	}
	if len(audit.Findings) > 0 {
		return nil, fmt.Errorf("salvage: %d objects of deletions can't be read, the first: %s", len(audit.Findings), audit.Findings[0])
	}
	to, err := target.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("salvage: %w", err)
	}
	data, v, err := s.fill(ctx, to)
	if err != nil {
		return nil, fmt.Errorf("salvage: %w", err)
	}
	for _, o := range audit.Objects {
		if err := o.Put(ctx, to); err != nil {
			return nil, fmt.Errorf("salvage: %w", err)
		}
	}
	moved, err := deletion.Reopen(ctx, to, s.since())
	if err != nil {
		return nil, fmt.Errorf("salvage: %w", err)
	}
	s.done.Reopened, s.done.Waiting = len(moved), audit.Waiting
	if err := put(ctx, to, catalog.FirstSnapshotName(), data); err != nil {
		return nil, fmt.Errorf("salvage: %w", err)
	}
	for one := range v.All() {
		s.done.Segments++
		s.done.Rows += int64(one.Rows)
		s.done.Shards = max(s.done.Shards, one.Shard+1)
		if !s.named[one.ID] {
			s.done.Newer++
		}
	}
	return s.done, target.finish()
}

// salvage is one under way.
type salvage struct {
	from     store.Store
	snapshot []byte
	known    []catalog.Segment // of the snapshot, with their objects
	named    map[string]bool   // by the snapshot
	orphans  []catalog.Segment // that it does not name, the latest first
	says     map[string]origin // what orphans, and segments of the snapshot that are as young, were made of
	changes  catalog.Changes
	done     *Salvaged
}

// origin is what a segment says it was made of.
type origin struct {
	replaces, samples []string
}

// read reads the snapshot, and lists and opens what it does not name.
func (s *salvage) read(ctx context.Context, logger *slog.Logger) error {
	c := catalog.New()
	if err := c.Restore(ctx, s.from, logger); err != nil {
		return err
	}
	v := c.Current()
	var err error
	if s.snapshot, err = v.Snapshot(); err != nil {
		return err
	}
	s.done.Sequence = v.Sequence()
	whole, err := wholeSegments(ctx, s.from)
	if err != nil {
		return err
	}
	if len(whole) == 0 {
		return errors.New("there are no segments here")
	}
	for one := range v.All() {
		s.named[one.ID] = true
		if !whole[one.ID] {
			s.done.Gone, s.changes.Removed = append(s.done.Gone, one.ID), append(s.changes.Removed, one.ID)
			continue
		}
		s.known = append(s.known, *one)
	}
	for id := range whole {
		if s.named[id] {
			continue
		}
		o, from, err := s.open(ctx, id)
		var damage *index.DamageError
		switch {
		case errors.As(err, &damage):
			s.leave(id, damage.Error())
		case err != nil:
			return err
		case from == nil:
			s.leave(id, "it does not say what it was made of: an early clew wrote it")
		default:
			s.orphans, s.says[id] = append(s.orphans, o), *from
		}
	}
	slices.SortFunc(s.orphans, func(a, b catalog.Segment) int { return b.Created.Compare(a.Created) })
	return nil
}

// open reads what a commit would say of a segment, and what it was made of; nil: it does not say.
func (s *salvage) open(ctx context.Context, id string) (catalog.Segment, *origin, error) {
	shard, signal, created, err := segment.ParseID(id)
	if err != nil {
		return catalog.Segment{}, nil, &index.DamageError{File: id, What: err.Error()}
	}
	part, err := segment.Open(ctx, s.from, id, nil)
	if err != nil {
		return catalog.Segment{}, nil, err
	}
	replaces, says, err := part.Replaces(ctx)
	if err != nil {
		return catalog.Segment{}, nil, err
	}
	resolution, samples, err := part.Samples(ctx)
	if err != nil {
		return catalog.Segment{}, nil, err
	}
	info := part.Info()
	one := catalog.Segment{
		ID: id, Shard: shard, Signal: signal, Tenant: info.Tenant, Rows: info.Rows, Records: part.Records(),
		MinTime: info.MinTime, MaxTime: info.MaxTime, Bytes: info.Bytes, Created: created, Resolution: resolution,
	}
	if !says {
		return one, nil, nil
	}
	return one, &origin{replaces, samples}, nil
}

// infer decides which orphans are taken, and what they replace.
func (s *salvage) infer(ctx context.Context) error {
	if len(s.orphans) == 0 {
		return nil
	}
	taken, open := map[string]bool{}, map[string]bool{} // replaced by something; segments that may be sampled
	first := s.orphans[len(s.orphans)-1].Created
	for i := range s.known {
		one := &s.known[i]
		open[one.ID] = !one.Sampled
		if one.Created.Before(first) {
			continue // it was made of nothing that is an orphan
		}
		_, from, err := s.open(ctx, one.ID)
		var damage *index.DamageError
		if err != nil && !errors.As(err, &damage) { // what is damaged is found, and left, when everything is checked
			return fmt.Errorf("segment %s: %w", one.ID, err)
		}
		if from != nil {
			for _, id := range from.replaces {
				taken[id] = true
			}
		}
	}
	var chosen []catalog.Segment
	for i := range s.orphans {
		o := &s.orphans[i]
		from := s.says[o.ID]
		replaced := taken[o.ID]
		stale := slices.ContainsFunc(from.replaces, func(id string) bool { return taken[id] })
		unsampled := slices.ContainsFunc(from.samples, func(id string) bool { return !open[id] })
		if replaced || !stale && !unsampled {
			for _, id := range from.replaces {
				taken[id], open[id] = true, false
			}
		}
		switch {
		case replaced:
			s.leave(o.ID, "a later segment was made of it")
		case stale:
			s.leave(o.ID, "a later segment was made of the same segments")
		case unsampled:
			s.leave(o.ID, "not all that it was down-sampled from is there: it is sampled again")
		default:
			chosen = append(chosen, *o)
			for _, id := range from.samples {
				open[id] = false
				s.changes.Sampled = append(s.changes.Sampled, id)
			}
		}
	}
	again, err := s.sealedTwice(ctx, chosen, taken)
	if err != nil {
		return err
	}
	for i := range chosen {
		if again[chosen[i].ID] {
			s.leave(chosen[i].ID, "others have all of its rows: it was never committed")
			continue
		}
		s.changes.Added = append(s.changes.Added, chosen[i])
	}
	for i := range s.known {
		if id := s.known[i].ID; taken[id] {
			s.changes.Removed = append(s.changes.Removed, id)
		}
	}
	return nil
}

func (s *salvage) leave(id, why string) { s.done.Left = append(s.done.Left, Left{id, why}) }

// since is before all commits that are lost: what deletions have done since then may be undone.
func (s *salvage) since() time.Time {
	var newest time.Time
	for i := range s.known {
		if c := s.known[i].Created; c.After(newest) {
			newest = c
		}
	}
	for i := range s.changes.Added {
		if c := s.changes.Added[i].Created; c.Before(newest) {
			newest = c
		}
	}
	return newest.Add(-commitAfterMost)
}

// wholeSegments are those with both objects.
func wholeSegments(ctx context.Context, st store.Store) (map[string]bool, error) {
	objects, err := st.List(ctx, segment.Prefix)
	if err != nil {
		return nil, err
	}
	parts, whole := map[string]int{}, map[string]bool{}
	for _, o := range objects {
		if id, ok := segment.IDOf(o.Name); ok {
			if parts[id]++; parts[id] == 2 {
				whole[id] = true
			}
		}
	}
	return whole, nil
}

// fill copies the segments, and gives the catalog of those that arrive whole. Objects that are there already, of the same size, are not copied again, and checked likewise.
func (s *salvage) fill(ctx context.Context, to store.Store) ([]byte, *catalog.Version, error) {
	data, v, err := s.catalog()
	if err != nil {
		return nil, nil, err
	}
	for one := range v.All() {
		parquetName, indexName := segment.Names(one.ID)
		for _, name := range []string{parquetName, indexName} {
			want, err := s.from.Size(ctx, name)
			if err != nil {
				return nil, nil, err
			}
			if have, err := to.Size(ctx, name); err == nil && have == want {
				continue
			}
			if err := scrub.Copy(ctx, s.from, name, to, name); err != nil {
				return nil, nil, err
			}
		}
	}
	report, err := scrub.Check(ctx, to, v, scrub.Options{})
	if err != nil {
		return nil, nil, err
	}
	if report.Whole() {
		return data, v, nil
	}
	for _, f := range report.Findings {
		if f.Fatal() && !slices.Contains(s.changes.Removed, f.Segment) {
			s.changes.Removed = append(s.changes.Removed, f.Segment)
			s.leave(f.Segment, f.String())
		}
	}
	return s.catalog()
}

// catalog is what is inferred, as the first snapshot of a new log.
func (s *salvage) catalog() ([]byte, *catalog.Version, error) {
	data, err := catalog.Recast(s.snapshot, s.changes)
	if err != nil {
		return nil, nil, err
	}
	c := catalog.New()
	if err := c.Load(data); err != nil {
		return nil, nil, err
	}
	return data, c.Current(), nil
}
