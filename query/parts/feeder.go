package parts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"time"

	"clew/index"
	"clew/index/catalog"
	"clew/index/segment"
	"clew/index/wordindex"
	"clew/internal/telemetry"
)

// Feeder feeds the vocabulary index with what the catalog's segments hold: the names of columns, templates, and the values of columns
// that have few. It also says when the index has too much that no segment holds any more, and has it rebuilt.
type Feeder struct {
	segments *Segments
	index    *wordindex.Index
	log      *slog.Logger
}

// NewFeeder returns a feeder for the segments of a source.
func NewFeeder(s *Segments, ix *wordindex.Index, log *slog.Logger) *Feeder {
	return &Feeder{segments: s, index: ix, log: log}
}

// Run feeds the segments there are, and each new one, until ctx ends, which is no error. An error means that the index can't be written any more; it goes
// on answering from what it holds.
func (f *Feeder) Run(ctx context.Context) error {
	for {
		sequence, err := f.Pass(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("feed the vocabulary index: %w", err)
		}
		if !f.rest(ctx) {
			return nil
		}
		if err := f.wait(ctx, sequence); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("feed the vocabulary index: %w", err)
		}
	}
}

// rest lets time pass between two passes, as each looks at all segments. It says whether ctx still holds.
func (f *Feeder) rest(ctx context.Context) bool {
	select {
	case <-time.After(time.Duration(f.segments.catalog.Current().Len()) * feederRest):
		return true
	case <-ctx.Done():
		return false
	}
}

// wait returns when the catalog is beyond sequence, or after a while: entries also grow too old.
func (f *Feeder) wait(ctx context.Context, sequence uint64) error {
	wait, cancel := context.WithTimeout(ctx, feederLooks)
	defer cancel()
	err := f.segments.catalog.Wait(wait, func(v *catalog.Version) bool { return v.Sequence() > sequence })
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil
	}
	return err
}

// Pass feeds what has not been fed, and rebuilds the index if it is stale.
func (f *Feeder) Pass(ctx context.Context) (sequence uint64, err error) {
	version := f.segments.catalog.Acquire()
	defer version.Release()
	live := map[string]bool{}
	var all []*catalog.Segment
	for seg := range version.All() {
		live[seg.ID] = true
		if seg.Signal != telemetry.Metrics {
			all = append(all, seg)
		}
	}
	f.index.Retain(func(id string) bool { return live[id] })
	// The newest first: what finds no room is the oldest.
	slices.SortFunc(all, func(a, b *catalog.Segment) int { return cmp.Compare(b.MaxTime, a.MaxTime) })
	fed := false
	for _, seg := range all {
		if f.index.Fed(seg.ID) {
			continue
		}
		fed = true
		if err := f.feed(ctx, seg, f.index.Feed); err != nil {
			return 0, err
		}
	}
	if f.index.Stale(time.Now()) {
		began, before := time.Now(), f.index.Stats()
		err := f.index.Rebuild(ctx, func(feed func(wordindex.Source, iter.Seq[wordindex.Entry]) error) error {
			for _, seg := range all {
				err := f.feed(ctx, seg, func(_ context.Context, s wordindex.Source, entries iter.Seq[wordindex.Entry]) error {
					return feed(s, entries)
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
		f.log.Debug("vocabulary index rebuilt", "entries_before", before.Entries, "dead", before.Dead, "entries", f.index.Len(), "took", time.Since(began))
	} else if fed {
		if err := f.index.Save(); err != nil {
			return 0, err
		}
	}
	return version.Sequence(), nil
}

// feed gives a segment's entries to into. What is wrong with a segment is no error: the queries that need it will say so.
func (f *Feeder) feed(ctx context.Context, seg *catalog.Segment, into func(context.Context, wordindex.Source, iter.Seq[wordindex.Entry]) error) error {
	part := f.segments.opened(seg.ID)
	if part == nil {
		// Not through the source: a segment that no query asks for need not stay open.
		opened, err := segment.Open(ctx, f.segments.store, seg.ID, nil)
		if err != nil {
			f.passOver(ctx, seg, err)
			return ctx.Err()
		}
		part = opened
	}
	return into(ctx, wordindex.Source{Name: seg.ID, Newest: seg.MaxTime}, func(yield func(wordindex.Entry) bool) {
		if err := entriesOf(ctx, part, seg.Tenant, yield); err != nil {
			f.passOver(ctx, seg, err)
		}
	})
}

func (f *Feeder) passOver(ctx context.Context, seg *catalog.Segment, err error) {
	if ctx.Err() == nil {
		f.log.Warn("segment is not fed to the vocabulary index", "segment", seg.ID, "error", err)
	}
}

// entriesOf gives the entries of a part that are worth an index.
func entriesOf(ctx context.Context, part index.Part, tenant string, yield func(wordindex.Entry) bool) error {
	for col, c := range part.Columns() {
		if !yield(wordindex.Entry{Tenant: tenant, Text: []byte(c.Name())}) {
			return nil
		}
		if c.Overflow || c.Type == telemetry.TypeBytes || c.Kind != index.KindText && (c.Kind != index.KindValue || c.Distinct > fedValuesMax) {
			continue
		}
		entries, err := part.Vocabulary(ctx, col)
		if err != nil {
			return err
		}
		for i := range entries.Len() {
			if !yield(wordindex.Entry{Tenant: tenant, Field: c.Name(), Template: c.Kind == index.KindText, Text: entries.At(i)}) {
				return nil
			}
		}
	}
	return nil
}
