package vocabulary

import (
	"math/bits"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// slots learns in which places of templates words vary a lot.
//
// Templates with the same skeleton (all that is not a word, and the number of words) form a cluster. Every so many new templates,
// the newest is compared with the recent ones of its cluster that have at least half of its words: places where those have
// slotWordsMin distinct words are a mask; so are, in a crowd of slotCrowd of them, the places that vary most. From then on templates that are the same but for the places of the mask
// are one template, with a HoleWord in each place.
type slots struct {
	clusters map[uint64]*cluster
	learned  map[uint64]struct{} // by slots.key
	bytes    int                 // estimate of the memory held

	// Of the template at hand.
	skeleton []byte
	hashes   []uint32 // of its words
	bounds   [][2]int // of its words
	column   []uint32 // the words of one place, while counting
}

// cluster is what is known of the templates of one skeleton.
type cluster struct {
	masks   []uint64 // sets of places, one bit for each word
	members []uint32 // word hashes, one row for each recent template; a ring of slotMembersMax rows
	next    int      // the row to be replaced, once the ring is full
	wait    int      // new templates until the next comparison
	pause   int      // how long to wait if that brings nothing: doubles
}

// resolve gives the places of base that are word holes. Unless learn is set, nothing new is learned.
func (s *slots) resolve(base []byte, learn bool) (mask uint64) {
	s.split(base)
	if len(s.hashes) == 0 {
		return 0
	}
	skeleton := xxhash.Sum64(s.skeleton)
	c := s.clusters[skeleton]
	if c != nil {
		// Masks learned later are wider.
		for _, m := range slices.Backward(c.masks) {
			if _, ok := s.learned[s.key(skeleton, m)]; ok {
				return m
			}
		}
	}
	if !learn || s.bytes > slotBytesMax {
		return 0
	}
	if c == nil {
		if s.clusters == nil {
			s.clusters, s.learned = map[uint64]*cluster{}, map[uint64]struct{}{}
		}
		c = &cluster{wait: slotWordsMin - 1, pause: slotEvery}
		s.clusters[skeleton] = c
		s.bytes += 160
	}
	s.remember(c)
	if c.wait--; c.wait > 0 {
		return 0
	}
	mask = s.compare(c)
	if mask == 0 || !slices.Contains(c.masks, mask) && len(c.masks) == slotMasksMax {
		c.wait = c.pause
		c.pause = min(2*c.pause, slotMembersMax)
		return 0
	}
	c.wait, c.pause = slotEvery, slotEvery
	if !slices.Contains(c.masks, mask) {
		c.masks = append(c.masks, mask)
	}
	s.learned[s.key(skeleton, mask)] = struct{}{}
	s.bytes += 32
	return mask
}

// split finds the skeleton and the words of base.
func (s *slots) split(base []byte) {
	s.skeleton, s.hashes, s.bounds = s.skeleton[:0], s.hashes[:0], s.bounds[:0]
	copied := 0
	for len(s.hashes) < slotPositionsMax {
		start, end, kind := NextToken(base, copied)
		if start < 0 {
			break
		}
		s.skeleton = append(s.skeleton, base[copied:start]...)
		copied = end
		switch {
		case kind > HoleInt, kind == HoleInt && end == start+1, aloneAt(base, start):
			s.skeleton = append(s.skeleton, base[start:end]...)
		default:
			s.skeleton = append(s.skeleton, HoleWord)
			s.hashes = append(s.hashes, uint32(xxhash.Sum64(base[start:end])))
			s.bounds = append(s.bounds, [2]int{start, end})
		}
	}
	// The base may have word holes of its own: the number of words tells them apart.
	s.skeleton = append(append(s.skeleton, base[copied:]...), byte(len(s.hashes)))
}

// key identifies the template at hand but for the words in the places of mask.
func (s *slots) key(skeleton, mask uint64) uint64 {
	h := skeleton ^ mask*0x9E3779B97F4A7C15
	for i, w := range s.hashes {
		if mask>>i&1 == 0 {
			h = bits.RotateLeft64(h^uint64(w), 27)*0x9FB21C651E98DF25 + 0x52DCE729
		}
	}
	return h
}

// remember adds the template at hand to its cluster.
func (s *slots) remember(c *cluster) {
	n := len(s.hashes)
	if len(c.members) < slotMembersMax*n {
		c.members = append(c.members, s.hashes...)
		s.bytes += 4 * n
		return
	}
	copy(c.members[c.next*n:], s.hashes)
	c.next = (c.next + 1) % slotMembersMax
}

// compare finds the places where the members similar to the template at hand differ a lot.
func (s *slots) compare(c *cluster) (mask uint64) {
	n := len(s.hashes)
	differMost := max(1, n/2)
	var similar []int
	var places uint64
	for row := 0; row < len(c.members); row += n {
		var diff uint64
		for i, w := range c.members[row : row+n] {
			if w != s.hashes[i] {
				diff |= 1 << i
			}
		}
		if bits.OnesCount64(diff) <= differMost {
			similar = append(similar, row)
			places |= diff
		}
	}
	if len(similar) < slotWordsMin {
		return 0
	}
	most, widest := 0, 0 // the place with the most distinct words
	for rest := places; rest != 0; rest &= rest - 1 {
		i := bits.TrailingZeros64(rest)
		n := s.distinct(c, similar, 1<<i)
		if n >= slotWordsMin {
			mask |= 1 << i
		}
		if n > most {
			most, widest = n, i
		}
	}
	if len(similar) < slotCrowd {
		return mask
	}
	// A crowd: a few words in each of several places, in all combinations. Open places, the most varied first, until
	// the crowd is a few templates.
	for mask == 0 || s.distinct(c, similar, places&^mask) > len(similar)/slotShrink {
		mask |= 1 << widest
		most = 0
		for rest := places &^ mask; rest != 0; rest &= rest - 1 {
			i := bits.TrailingZeros64(rest)
			if n := s.distinct(c, similar, 1<<i); n > most {
				most, widest = n, i
			}
		}
		if most == 0 {
			break
		}
	}
	return mask
}

// distinct counts the combinations of words that rows of a cluster's members have in places.
func (s *slots) distinct(c *cluster, rows []int, places uint64) int {
	s.column = s.column[:0]
	for _, row := range rows {
		h := uint32(0)
		for rest := places; rest != 0; rest &= rest - 1 {
			h = bits.RotateLeft32(h, 5)*0x9E3779B1 ^ c.members[row+bits.TrailingZeros64(rest)]
		}
		s.column = append(s.column, h)
	}
	slices.Sort(s.column)
	return len(slices.Compact(s.column))
}

// apply appends base with word holes in the places of mask. It goes by what resolve has found of base.
func (s *slots) apply(dst, base []byte, mask uint64) []byte {
	copied := 0
	for ; mask != 0; mask &= mask - 1 {
		b := s.bounds[bits.TrailingZeros64(mask)]
		dst = append(append(dst, base[copied:b[0]]...), HoleWord)
		copied = b[1]
	}
	return append(dst, base[copied:]...)
}

// aliases remembers to which template with word holes a base template was lowered, so that words met again and again don't go
// through slots each time. It is a cache: one entry a place, the newest wins, and what it says is checked (Coder.fits).
type aliases struct {
	table []alias
}

type alias struct {
	hash uint64
	code uint32 // code+1
}

const aliasesLen = 1 << 13

func (a *aliases) bytes() int64 { return 16 * int64(len(a.table)) }

func (a *aliases) find(hash uint64) (code uint32, ok bool) {
	if a.table == nil {
		return 0, false
	}
	e := a.table[hash%aliasesLen]
	return e.code - 1, e.hash == hash && e.code != 0
}

func (a *aliases) add(hash uint64, code uint32) {
	if a.table == nil {
		a.table = make([]alias, aliasesLen)
	}
	a.table[hash%aliasesLen] = alias{hash, code + 1}
}
