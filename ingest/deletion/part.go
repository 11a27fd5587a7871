package deletion

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"clew/index/store"
)

// partSuffix ends the name of a part: ID.SHARD-TIME.part. The time is hexadecimal, as wide for all, so that a shard's parts are listed in the order in which they were written: of
// several, by owners of which one did not know of the other's, the first counts.
const partSuffix = ".part"

// Part says that a deletion is done in a shard: of what was acknowledged before the request nothing that matches is left there, or to come.
type Part struct {
	Version  int       `json:"version"`
	ID       string    `json:"id"` // of the deletion
	Shard    int       `json:"shard"`
	Epoch    uint64    `json:"epoch"` // of the owner that did it
	Finished time.Time `json:"finished"`
	// Sequence is of a commit at or behind the last one that took records out: a catalog that has it knows how many they were.
	Sequence uint64   `json:"sequence"`
	Damaged  []string `json:"damaged,omitempty"`
}

// Put writes a part down.
func (p *Part) Put(ctx context.Context, st store.Store) error {
	return putJSON(ctx, st, fmt.Sprintf("%s%s.%d-%016x%s", Prefix, p.ID, p.Shard, p.Finished.UnixNano(), partSuffix), p)
}

// partOf takes the name of a part apart.
func partOf(name string) (id string, shard int, ok bool) {
	base, ok := strings.CutSuffix(strings.TrimPrefix(name, Prefix), partSuffix)
	dot := strings.LastIndexByte(base, '.')
	if !ok || dot < 0 {
		return "", 0, false
	}
	number, _, ok := strings.Cut(base[dot+1:], "-")
	shard, err := strconv.Atoi(number)
	return base[:dot], shard, ok && err == nil && shard >= 0
}

// Parts reads the parts of a deletion, one of each shard that is done, by shard.
func Parts(ctx context.Context, st store.Store, id string) ([]Part, error) {
	objects, err := st.List(ctx, Prefix+id+".")
	if err != nil {
		return nil, fmt.Errorf("list parts of deletion %s: %w", id, err)
	}
	var parts []Part
	for _, o := range objects {
		of, shard, ok := partOf(o.Name)
		if !ok || of != id || slices.ContainsFunc(parts, func(p Part) bool { return p.Shard == shard }) {
			continue
		}
		var p Part
		if err := getJSON(ctx, st, o.Name, o.Size, &p); err != nil {
			return nil, err
		}
		if err := p.verify(id); err != nil {
			return nil, fmt.Errorf("%s: %w", o.Name, err)
		}
		if p.Shard != shard {
			return nil, fmt.Errorf("%s: it says shard %d", o.Name, p.Shard)
		}
		parts = append(parts, p)
	}
	slices.SortFunc(parts, func(a, b Part) int { return a.Shard - b.Shard })
	return parts, nil
}

// done are the shards that have parts, by deletion, as the objects' names say.
func done(objects []store.Object) map[string][]int {
	shards := map[string][]int{}
	for _, o := range objects {
		if id, shard, ok := partOf(o.Name); ok && !slices.Contains(shards[id], shard) {
			shards[id] = append(shards[id], shard)
		}
	}
	for _, s := range shards {
		slices.Sort(s)
	}
	return shards
}

// Left are the shards below count, and below those that the request knew, that have no part in it.
func (s *State) Left(count int) []int {
	var left []int
	for shard := range max(count, s.Shards) {
		if _, found := slices.BinarySearch(s.Parts, shard); !found {
			left = append(left, shard)
		}
	}
	return left
}

func (p *Part) verify(id string) error { return verifyAudit(p.Version, p.ID, id) }

// partID is the deletion's id in the name of a part without its suffix.
func partID(base string) string { return strings.TrimSuffix(base, path.Ext(base)) }
