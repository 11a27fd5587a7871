// Package scrub compares what a catalog says exists with the objects that do, and reads every byte of them.
//
// The catalog names segments; each is two objects. An object that is named and not there is missing; one whose bytes do not have their
// checksums is damaged; one that no name leads to is unreferenced, which a crash leaves behind and collection removes. Findings say which
// object, at which offset, and what. Nothing is changed here: what to do about findings is the caller's to decide.
package scrub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"clew/index"
	"clew/index/catalog"
	"clew/index/segment"
	"clew/index/store"
)

// Problem is what is wrong with an object.
type Problem string

// The problems.
const (
	Missing      Problem = "missing"      // the catalog names it and it is not there
	Damaged      Problem = "damaged"      // it is not what was written
	Disagrees    Problem = "disagrees"    // it is whole, and not what the catalog says of it
	NewerVersion Problem = "version"      // it is of a format version that this program does not know
	Unreferenced Problem = "unreferenced" // no commit names it
)

// Finding is one thing that is not as it should be.
type Finding struct {
	Problem Problem `json:"problem"`
	File    string  `json:"file"`              // the object
	Offset  int64   `json:"offset"`            // where in it, bytes
	What    string  `json:"what"`              // in words
	Segment string  `json:"segment,omitempty"` // the segment it belongs to
	Bytes   int64   `json:"bytes,omitempty"`   // of an unreferenced object
}

// Fatal says whether something is lost or unreadable. Unreferenced objects are only room to be regained.
func (f Finding) Fatal() bool { return f.Problem != Unreferenced }

func (f Finding) String() string {
	switch f.Problem {
	case Damaged:
		return fmt.Sprintf("%s: damaged at offset %d: %s", f.File, f.Offset, f.What)
	case Unreferenced:
		return fmt.Sprintf("%s: unreferenced: %s (%d bytes)", f.File, f.What, f.Bytes)
	}
	return fmt.Sprintf("%s: %s: %s", f.File, f.Problem, f.What)
}

// Report is what a check found.
type Report struct {
	Segments int       `json:"segments"` // that the catalog names
	Rows     int64     `json:"rows"`
	Objects  int       `json:"objects"` // under segments/ and catalog/
	Bytes    int64     `json:"bytes"`   // of those
	Findings []Finding `json:"findings"`
}

// Whole says whether nothing is lost.
func (r *Report) Whole() bool { return !slices.ContainsFunc(r.Findings, Finding.Fatal) }

// Options of Check. The zero value reads every byte and takes all that no commit names for unreferenced.
type Options struct {
	// Quick looks at names, lengths and metadata, and not at every byte.
	Quick bool
	// Younger objects than this at Now are not called unreferenced: somebody may be about to commit them.
	Grace time.Duration
	Now   time.Time
	// Progress, if set, is called after each segment, from one goroutine at a time.
	Progress func(done, of int)
}

// Check compares v with the objects of st. Findings are in order of file and offset. The error is the context's or the medium's.
func Check(ctx context.Context, st store.Store, v *catalog.Version, opt Options) (*Report, error) {
	r := &Report{}
	named := map[string]bool{}
	var segments []*catalog.Segment
	for s := range v.All() {
		segments = append(segments, s)
		named[s.ID] = true
		r.Segments++
		r.Rows += int64(s.Rows)
	}
	if err := r.list(ctx, st, named, opt); err != nil {
		return nil, err
	}
	var mu sync.Mutex
	done := 0
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(segmentsAtOnce)
	for _, s := range segments {
		group.Go(func() error {
			findings, err := checkSegment(ctx, st, s, opt.Quick)
			if err != nil {
				return fmt.Errorf("check segment %s: %w", s.ID, err)
			}
			mu.Lock()
			defer mu.Unlock()
			r.Findings = append(r.Findings, findings...)
			done++
			if opt.Progress != nil {
				opt.Progress(done, len(segments))
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(r.Findings, func(a, b Finding) int {
		if c := strings.Compare(a.File, b.File); c != 0 {
			return c
		}
		return int(a.Offset - b.Offset)
	})
	return r, nil
}

// list counts the objects and finds those that no commit names.
func (r *Report) list(ctx context.Context, st store.Store, named map[string]bool, opt Options) error {
	objects, err := st.List(ctx, "")
	if err != nil {
		return err
	}
	for _, o := range objects {
		r.Objects++
		r.Bytes += o.Size
		if !strings.HasPrefix(o.Name, segment.Prefix) {
			continue // snapshots of the catalog, what is in quarantine, and what is not ours
		}
		f := Finding{Problem: Unreferenced, File: o.Name, Bytes: o.Size, What: "no commit names its segment"}
		id, ok := segment.IDOf(o.Name)
		switch {
		case !ok:
			f.What = "not the name of a segment's object"
		case named[id]:
			continue
		default:
			f.Segment = id
			if _, _, created, err := segment.ParseID(id); err == nil && opt.Grace > 0 && opt.Now.Sub(created) < opt.Grace {
				continue
			}
		}
		r.Findings = append(r.Findings, f)
	}
	return nil
}

// checkSegment opens a segment, which checks both lengths and the metadata, compares it with the catalog's entry, and reads all of it.
func checkSegment(ctx context.Context, st store.Store, s *catalog.Segment, quick bool) ([]Finding, error) {
	seg, err := segment.Open(ctx, st, s.ID, nil)
	if err != nil {
		return finding(s.ID, err)
	}
	info := seg.Info()
	if info.Rows != s.Rows || info.Signal != s.Signal || info.Tenant != s.Tenant || info.MinTime != s.MinTime || info.MaxTime != s.MaxTime ||
		info.Bytes != s.Bytes || seg.Records() != s.Records {
		_, name := segment.Names(s.ID)
		return []Finding{{Problem: Disagrees, File: name, Segment: s.ID, What: fmt.Sprintf(
			"it holds %d rows of %s of tenant %q from %d to %d in %d bytes, the catalog says %d rows of %s of tenant %q from %d to %d in %d bytes",
			info.Rows, info.Signal, info.Tenant, info.MinTime, info.MaxTime, info.Bytes, s.Rows, s.Signal, s.Tenant, s.MinTime, s.MaxTime, s.Bytes)}}, nil
	}
	if quick {
		return nil, nil
	}
	if err := seg.Verify(ctx); err != nil {
		return finding(s.ID, err)
	}
	return nil, nil
}

// finding turns an error about a segment into a finding; errors of the medium stay errors.
func finding(id string, err error) ([]Finding, error) {
	var damage *index.DamageError
	var version *segment.VersionError
	switch {
	case errors.As(err, &version):
		return []Finding{{Problem: NewerVersion, File: version.File, Segment: id, What: fmt.Sprintf("format version %d, written by a newer clew", version.Version)}}, nil
	case errors.As(err, &damage):
		f := Finding{Problem: Damaged, File: damage.File, Offset: damage.Offset, Segment: id, What: damage.What}
		if store.IsNotExist(err) {
			f.Problem = Missing
		}
		return []Finding{f}, nil
	}
	return nil, err
}
