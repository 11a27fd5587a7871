package wordindex

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"slices"
)

// marks say of each entry of a generation where it was met. An entry whose last segment is gone is dead: retention takes the oldest segments, and what
// compaction and deletion write is fed as a new segment. (One that an older segment still has is taken for dead too; a rebuild then finds it again.)
type marks struct {
	entries  map[uint64]entryMark
	segments []segmentMark // by number, in the order of feeding; number 0 is "unknown"
	byName   map[string]uint32
	tenants  map[string]int // entries held, by tenant
	bytes    int64          // of texts
	dead     int
	passed   int64
}

// entryMark is what is known of an entry.
type entryMark struct {
	last uint32 // the newest segment in which it was met
	met  uint32 // in how many segments it was met
}

type segmentMark struct {
	name    string
	newest  int64 // nanoseconds: of its records
	live    bool
	fed     bool   // to the end
	entries uint32 // whose last segment it is
}

func newMarks() *marks {
	return &marks{entries: map[uint64]entryMark{}, segments: make([]segmentMark, 1), byName: map[string]uint32{}, tenants: map[string]int{}}
}

// begin gives a segment its number. One that was begun before and not fed to the end goes on with its own.
func (m *marks) begin(name string, newest int64) uint32 {
	if n, ok := m.byName[name]; ok {
		return n
	}
	n := uint32(len(m.segments))
	m.segments = append(m.segments, segmentMark{name: name, newest: newest, live: true})
	m.byName[name] = n
	return n
}

func (m *marks) end(segment uint32) { m.segments[segment].fed = true }

func (m *marks) fed(name string) bool {
	n, ok := m.byName[name]
	return ok && m.segments[n].fed
}

// live is the number of segments fed that are there.
func (m *marks) live() int { return len(m.byName) }

// meet notes that the segment has an entry, if the entry is held.
func (m *marks) meet(id uint64, segment uint32) bool {
	e, ok := m.entries[id]
	if !ok {
		return false
	}
	if e.last == segment {
		return true
	}
	e.met++
	if last := &m.segments[e.last]; !last.live || last.newest <= m.segments[segment].newest {
		m.leave(e.last)
		m.segments[segment].entries++
		e.last = segment
	}
	m.entries[id] = e
	return true
}

// leave notes that an entry has its last place elsewhere now.
func (m *marks) leave(segment uint32) {
	s := &m.segments[segment]
	s.entries--
	if !s.live {
		m.dead--
	}
}

// add notes an entry that has been written.
func (m *marks) add(e *Entry, segment uint32) {
	m.entries[e.ID()] = entryMark{last: segment, met: 1}
	m.segments[segment].entries++
	if !m.segments[segment].live {
		m.dead++
	}
	m.tenants[e.Tenant]++
	m.bytes += int64(len(e.Text))
}

// retain forgets the segments that are not live.
func (m *marks) retain(live func(string) bool) {
	for name, n := range m.byName {
		if s := &m.segments[n]; !live(name) {
			s.live, s.fed, s.name = false, false, ""
			m.dead += int(s.entries)
			delete(m.byName, name)
		}
	}
}

// alive says in how many segments an entry was met, and of when the newest is; ok is false if it is dead or not held.
func (m *marks) alive(id uint64) (met uint32, newest int64, ok bool) {
	e, held := m.entries[id]
	last := &m.segments[e.last]
	return e.met, last.newest, held && last.live
}

// hold makes the entries exactly ids: those that bleve has.
func (m *marks) hold(ids map[uint64]struct{}) {
	for id, e := range m.entries {
		if _, ok := ids[id]; !ok {
			m.leave(e.last)
			delete(m.entries, id)
		}
	}
	for id := range ids {
		if _, ok := m.entries[id]; !ok {
			m.entries[id] = entryMark{}
			m.segments[0].entries++
			m.dead++
		}
	}
}

// marksFile is where marks are kept. It is little-endian: the magic; the numbers of segments, tenants and entries, bytes and passed, 8 bytes each; for each segment but the first
// flags (1 live, 2 fed), the time of its newest record (8), the length of its name (4 bytes) and the name; for each tenant its entries (8), the length of its name (4) and the name; for each entry its
// id (8), last (4) and met (4); and the CRC32C of all that.
const (
	marksFile  = "marks"
	marksMagic = "clewvm01"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errMarks = errors.New("marks of the vocabulary index are damaged")

func (m *marks) encode() []byte {
	le := binary.LittleEndian
	b := make([]byte, 0, len(marksMagic)+64+64*len(m.segments)+16*len(m.entries))
	b = append(b, marksMagic...)
	for _, n := range []int64{int64(len(m.segments)), int64(len(m.tenants)), int64(len(m.entries)), m.bytes, m.passed} {
		b = le.AppendUint64(b, uint64(n))
	}
	for _, s := range m.segments[1:] {
		var flags byte
		if s.live {
			flags |= 1
		}
		if s.fed {
			flags |= 2
		}
		b = append(b, flags)
		b = le.AppendUint64(b, uint64(s.newest))
		b = le.AppendUint32(b, uint32(len(s.name)))
		b = append(b, s.name...)
	}
	for _, t := range slices.Sorted(maps.Keys(m.tenants)) {
		b = le.AppendUint64(b, uint64(m.tenants[t]))
		b = le.AppendUint32(b, uint32(len(t)))
		b = append(b, t...)
	}
	for id, e := range m.entries {
		b = le.AppendUint64(b, id)
		b = le.AppendUint32(b, e.last)
		b = le.AppendUint32(b, e.met)
	}
	return le.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func readMarks(name string) (*marks, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read marks: %w", err)
	}
	return decodeMarks(data)
}

func decodeMarks(data []byte) (*marks, error) {
	le := binary.LittleEndian
	const head = len(marksMagic) + 5*8
	if len(data) < head+4 || string(data[:len(marksMagic)]) != marksMagic || crc32.Checksum(data[:len(data)-4], castagnoli) != le.Uint32(data[len(data)-4:]) {
		return nil, errMarks
	}
	var counts [5]uint64
	for i := range counts {
		counts[i] = le.Uint64(data[len(marksMagic)+8*i:])
	}
	b := data[head : len(data)-4]
	if counts[0] == 0 || counts[0] > uint64(len(b))+1 || counts[1] > uint64(len(b)) || counts[2] > uint64(len(b)) {
		return nil, errMarks
	}
	m := newMarks()
	m.bytes, m.passed = int64(counts[3]), int64(counts[4])
	take := func(n int) []byte {
		if n < 0 || n > len(b) {
			return nil
		}
		out := b[:n]
		b = b[n:]
		return out
	}
	text := func() (string, bool) {
		n := take(4)
		if n == nil {
			return "", false
		}
		size := int(le.Uint32(n))
		s := take(size)
		return string(s), len(s) == size
	}
	for i := uint64(1); i < counts[0]; i++ {
		head := take(9)
		name, ok := text()
		if head == nil || !ok {
			return nil, errMarks
		}
		s := segmentMark{name: name, newest: int64(le.Uint64(head[1:])), live: head[0]&1 != 0, fed: head[0]&2 != 0}
		m.segments = append(m.segments, s)
		if s.live {
			m.byName[name] = uint32(i)
		}
	}
	for range counts[1] {
		n := take(8)
		name, ok := text()
		if n == nil || !ok {
			return nil, errMarks
		}
		m.tenants[name] = int(le.Uint64(n))
	}
	if uint64(len(b)) != 16*counts[2] {
		return nil, errMarks
	}
	m.entries = make(map[uint64]entryMark, counts[2])
	for ; len(b) > 0; b = b[16:] {
		e := entryMark{last: le.Uint32(b[8:]), met: le.Uint32(b[12:])}
		if int(e.last) >= len(m.segments) {
			return nil, errMarks
		}
		m.entries[le.Uint64(b)] = e
		m.segments[e.last].entries++
		if !m.segments[e.last].live {
			m.dead++
		}
	}
	return m, nil
}
