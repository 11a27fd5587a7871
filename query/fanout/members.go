package fanout

import (
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"
)

// Member is a process that answers questions.
type Member struct {
	Name    string // unique; it stands in messages to people
	Address string // of its Flight server: host:port
	Query   bool   // it reads segments
}

// ShardOwner says who has a shard's head.
type ShardOwner struct {
	Shard int
	Owner string // a member's name; empty: nobody
	Epoch uint64 // of the owner; of two that claim a shard, the higher one counts
	Since time.Time
}

// Membership is who is there, as far as one process knows. It is not changed once it was given.
type Membership struct {
	Self    string // this process's name
	Members []Member
	// Shards are all shards whose log may hold records that are in no segment yet. One may be there several times, when two claim it.
	Shards []ShardOwner
}

// Members says who is there. It is asked for each question, concurrently, and must not wait for anything.
type Members interface {
	Members() Membership
}

// Static is a membership that does not change.
type Static struct{ Membership }

// Members implements Members.
func (s Static) Members() Membership { return s.Membership }

// owners are the shards with the owner of the highest epoch each, by number.
func (m *Membership) owners() []ShardOwner {
	owners := slices.Clone(m.Shards)
	slices.SortStableFunc(owners, func(a, b ShardOwner) int {
		switch {
		case a.Shard != b.Shard:
			return a.Shard - b.Shard
		case (a.Owner == "") != (b.Owner == ""):
			if a.Owner == "" {
				return 1
			}
			return -1
		case a.Epoch > b.Epoch:
			return -1
		case a.Epoch < b.Epoch:
			return 1
		}
		return 0
	})
	return slices.CompactFunc(owners, func(a, b ShardOwner) bool { return a.Shard == b.Shard })
}

// member is the member of a name.
func (m *Membership) member(name string) (Member, bool) {
	i := slices.IndexFunc(m.Members, func(x Member) bool { return x.Name == name })
	if i < 0 {
		return Member{}, false
	}
	return m.Members[i], true
}

// reader is who reads a segment: of the names the one whose hash with the segment's id is highest. When a name goes, only its own segments move, and when one comes, only those
// that it takes. There must be a name.
func reader(segment string, names []string) string {
	best, most := "", uint64(0)
	var digest xxhash.Digest
	for _, name := range names {
		digest.Reset()
		_, _ = digest.WriteString(name)
		_, _ = digest.Write([]byte{0})
		_, _ = digest.WriteString(segment)
		if h := digest.Sum64(); best == "" || h > most || h == most && name < best {
			best, most = name, h
		}
	}
	return best
}
