package fanout

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"clew/index/catalog"
	"clew/internal/telemetry"
	"clew/query/parts"
)

// division is a scope being divided: what has not been answered for yet, and what will not be.
type division struct {
	c       *Coordinator
	scope   parts.Scope
	survey  *parts.Survey
	members Membership

	segments []string
	shards   []int
	failures map[string]error // by member
	denied   map[int]denial   // by shard
	missing  []string
}

// denial is an owner that said that it is none, or was too far ahead.
type denial struct {
	owner ShardOwner
	err   error
}

// memberShare is what one member is asked about.
type memberShare struct {
	member Member
	here   bool // it is this process
	share  parts.Share
	owners []ShardOwner // of the shards
}

func (c *Coordinator) newDivision(scope parts.Scope, survey *parts.Survey) *division {
	d := &division{c: c, scope: scope, survey: survey, members: c.members.Members(), failures: map[string]error{}, denied: map[int]denial{}}
	c.nodes.keep(d.members.Members)
	d.segments = make([]string, len(survey.Segments))
	for i, s := range survey.Segments {
		d.segments[i] = s.ID
	}
	d.missing = parts.LostIn(survey.Version, scope)
	for _, o := range d.members.owners() {
		d.shards = append(d.shards, o.Shard)
	}
	return d
}

func (d *division) done() bool { return len(d.segments) == 0 && len(d.shards) == 0 }

// divide gives everything that is left to somebody; last: what others did not answer for is read here.
func (d *division) divide(last bool) []*memberShare {
	byName := map[string]*memberShare{}
	var shares []*memberShare
	of := func(m Member) *memberShare {
		s := byName[m.Name]
		if s == nil {
			s = &memberShare{member: m, here: m.Name == d.members.Self, share: parts.Share{Version: d.survey.Version.Sequence()}}
			byName[m.Name] = s
			shares = append(shares, s)
		}
		return s
	}
	self, ok := d.members.member(d.members.Self)
	if !ok {
		self = Member{Name: d.members.Self}
	}
	readers := d.c.readers(&d.members, d.failures)
	if len(readers) == 0 || last {
		readers = []string{self.Name}
	}
	for _, id := range d.segments {
		m := self
		if name := reader(id, readers); name != self.Name {
			m, _ = d.members.member(name)
		}
		s := of(m)
		s.share.Segments = append(s.share.Segments, id)
	}
	if len(d.shards) > 0 {
		owners := d.members.owners()
		for _, shard := range d.shards {
			d.shard(shard, owners, of)
		}
	}
	d.segments, d.shards = nil, nil
	// What is here is asked on the goroutine that asks.
	slices.SortStableFunc(shares, func(a, b *memberShare) int {
		switch {
		case a.here == b.here:
			return strings.Compare(a.member.Name, b.member.Name)
		case a.here:
			return -1
		}
		return 1
	})
	return shares
}

// shard gives a shard to its owner, or says why nobody is asked.
func (d *division) shard(shard int, owners []ShardOwner, of func(Member) *memberShare) {
	i := slices.IndexFunc(owners, func(o ShardOwner) bool { return o.Shard == shard })
	if i < 0 {
		return // no longer a shard: all of its log is in segments
	}
	o := owners[i]
	m, there := d.members.member(o.Owner)
	denied, wasDenied := d.denied[shard]
	switch {
	case o.Owner == "" && o.Since.IsZero():
		d.lacks(shard, "it has no owner")
	case o.Owner == "":
		d.lacks(shard, "it has no owner since "+o.Since.UTC().Format(time.RFC3339))
	case !there:
		d.lacks(shard, fmt.Sprintf("its owner %s is not there", o.Owner))
	case wasDenied && denied.owner == o:
		d.lacks(shard, fmt.Sprintf("%s: %v", o.Owner, denied.err))
	case d.failures[o.Owner] != nil:
		d.lacks(shard, fmt.Sprintf("its owner %s does not answer: %v", o.Owner, d.failures[o.Owner]))
	case m.Name != d.members.Self && d.c.suspected(m.Name):
		d.lacks(shard, fmt.Sprintf("its owner %s did not answer a moment ago", o.Owner))
	default:
		s := of(m)
		s.owners = append(s.owners, o)
		s.share.Shards = append(s.share.Shards, d.shardShare(shard))
	}
}

// shardShare is what a shard's owner has to know of the version.
func (d *division) shardShare(shard int) parts.ShardShare {
	s := parts.ShardShare{Shard: shard, Epoch: d.survey.Version.Shard(shard).Epoch, Positions: map[telemetry.Signal]uint64{}}
	for _, signal := range telemetry.Signals {
		s.Positions[signal] = d.survey.Version.Position(catalog.Key{Shard: shard, Signal: signal, Tenant: d.scope.Tenant})
	}
	return s
}

func (d *division) lacks(shard int, why string) {
	d.missing = append(d.missing, missingShard(shard, why))
}

// failed takes back what a member did not answer for. If it was about one shard, the rest is asked again of the same member; else others are asked.
func (d *division) failed(s *memberShare, err error) {
	d.segments = append(d.segments, s.share.Segments...)
	for _, o := range s.owners {
		d.shards = append(d.shards, o.Shard)
	}
	shard := -1
	var owner *parts.OwnerError
	var stale *parts.StaleError
	switch {
	case errors.As(err, &owner):
		shard = owner.Shard
	case errors.As(err, &stale):
		shard = stale.Shard
	}
	if i := slices.IndexFunc(s.owners, func(o ShardOwner) bool { return o.Shard == shard }); i >= 0 {
		d.denied[shard] = denial{s.owners[i], err}
	} else {
		d.failures[s.member.Name] = err
		var told *toldError
		if !s.here && !errors.As(err, &told) {
			d.c.suspect(s.member.Name, err)
		}
	}
	d.members = d.c.members.Members()
}

// giveUp says of all that is left that nobody answered for it.
func (d *division) giveUp() {
	for _, shard := range d.shards {
		why := "nobody answers for it"
		if denied, ok := d.denied[shard]; ok {
			why = fmt.Sprintf("%s: %v", denied.owner.Owner, denied.err)
		}
		d.lacks(shard, why)
	}
	if n := len(d.segments); n > 0 {
		why := errors.New("nobody answers for them")
		if err := d.failures[d.members.Self]; err != nil {
			why = err
		}
		d.missing = append(d.missing, fmt.Sprintf("%d segments: %v", n, why))
	}
}
