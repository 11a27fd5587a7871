package parts

import (
	"context"
	"fmt"
	"slices"

	"clew/index"
	"clew/index/catalog"
	"clew/internal/telemetry"
)

// Share is a part of a view: what one process answers for, while others answer for the rest. Who divides a view ([Segments.Survey]) fixes a version of the catalog, and
// says with it which segments are whose, and up to where the version has each shard's log: a head answers for what lies above.
type Share struct {
	Version  uint64 // of the catalog
	Segments []string
	Shards   []ShardShare
}

// ShardShare is a shard whose head is asked.
type ShardShare struct {
	Shard int
	// Epoch is that of the owner who wrote the shard's last commit in the version. An owner of an earlier one may hold rows that another has committed.
	Epoch uint64
	// Positions are up to where the version's segments have the messages of the tenant, by signal.
	Positions map[telemetry.Signal]uint64
}

// StaleError says that a head has given up records that the asker's version of the catalog does not know to be in segments: it is too old, and has to wait.
type StaleError struct {
	Shard     int
	Signal    telemetry.Signal
	Committed uint64 // the position that the version has to reach
}

func (e *StaleError) Error() string {
	return fmt.Sprintf("shard %d has committed %s up to %d: the version of the catalog that was asked with is too old", e.Shard, e.Signal, e.Committed)
}

// OwnerError says that a process does not own a shard that it was asked about, or no longer: another one knows better.
type OwnerError struct {
	Shard int
	Epoch uint64 // of the head that is here; 0: there is none
}

func (e *OwnerError) Error() string {
	if e.Epoch == 0 {
		return fmt.Sprintf("shard %d is not owned here", e.Shard)
	}
	return fmt.Sprintf("shard %d is not owned here any more: its owner of epoch %d has been followed by another", e.Shard, e.Epoch)
}

// Survey is what there is in a scope, for dividing it. The version is the holder's until Release.
type Survey struct {
	Version  *catalog.Version
	Segments []*catalog.Segment
	Skipped  int // segments that hold none of the scope's traces
}

// Release ends the use of the version.
func (s *Survey) Release() { s.Version.Release() }

// Survey says which segments hold records of a scope, and opens none.
func (s *Segments) Survey(scope Scope) *Survey {
	version := s.catalog.Acquire()
	out := &Survey{Version: version}
	out.Segments, out.Skipped = s.pick(version, scope)
	return out
}

// WaitPosition waits until the catalog has the messages of a key up to a position in segments.
func (s *Segments) WaitPosition(ctx context.Context, k catalog.Key, position uint64) error {
	return s.catalog.WaitPosition(ctx, k, position)
}

// pick are the version's segments that hold records of the scope, and how many were left out for their traces.
func (s *Segments) pick(version *catalog.Version, scope Scope) (segments []*catalog.Segment, skipped int) {
	segments = version.Segments(scope.Tenant, scope.Signal, scope.From, scope.To)
	if !scope.Resolutions {
		segments = slices.DeleteFunc(segments, func(s *catalog.Segment) bool { return s.Resolution > 0 })
	}
	if s.traces == nil || scope.Traces == nil {
		return segments, 0
	}
	all := len(segments)
	segments = s.traces.Pick(version, scope.Tenant, scope.Signal, segments, scope.Traces)
	return segments, all - len(segments)
}

// shareView is the view of a share: its segments, whatever this process's catalog knows, and of its shards' heads what the asker's version lacks.
func (s *Segments) shareView(ctx context.Context, scope Scope) (*View, error) {
	share := scope.Share
	v := &View{Version: share.Version}
	if len(share.Shards) > 0 {
		if err := s.shareHeads(ctx, scope, v); err != nil {
			return nil, err
		}
	}
	segments := make([]*catalog.Segment, len(share.Segments))
	for i, id := range share.Segments {
		segments[i] = &catalog.Segment{ID: id}
	}
	held, reasons := s.hold(ctx, segments)
	v.Release = func() { s.release(held) }
	if ctx.Err() != nil {
		v.Release()
		return nil, ctx.Err()
	}
	for i := range held {
		v.add(held[i], reasons[i])
	}
	return v, nil
}

// shareHeads adds the generations that the asker's version does not have.
func (s *Segments) shareHeads(ctx context.Context, scope Scope, v *View) error {
	if s.heads == nil {
		return &OwnerError{Shard: scope.Share.Shards[0].Shard}
	}
	heads, err := s.heads.Heads(ctx, scope.Tenant, scope.Signal)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		v.Partial = append(v.Partial, "unsealed records: "+err.Error())
	}
	byShard := map[int][]*index.HeadView{}
	for i := range heads {
		byShard[heads[i].Shard] = append(byShard[heads[i].Shard], &heads[i])
	}
	for _, asked := range scope.Share.Shards {
		views := byShard[asked.Shard]
		if len(views) == 0 {
			return &OwnerError{Shard: asked.Shard}
		}
		for _, h := range views {
			position := asked.Positions[h.Signal]
			switch {
			case h.Epoch < asked.Epoch:
				return &OwnerError{Shard: asked.Shard, Epoch: h.Epoch}
			case h.Committed > position:
				return &StaleError{Shard: asked.Shard, Signal: h.Signal, Committed: h.Committed}
			}
			for _, g := range h.Generations {
				if g.To > position {
					v.Parts = append(v.Parts, g.Part)
				}
			}
		}
	}
	return nil
}
