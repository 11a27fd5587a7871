package sources

// Spans remembers the hashes of the most recent spans, at least spansRemembered of them and at most twice as many. Hashes have 64 bits: the
// chance that a new span is taken for one of two million others is 1 in 10^13.
//
// It is two hash tables: what is new goes to the younger; once that is full the older is forgotten and the younger takes its place.
type Spans struct {
	bound          int
	younger, older hashTable
}

// NewSpans makes a set that remembers at least so many spans.
func NewSpans(bound int) *Spans { return &Spans{bound: bound} }

// Add says whether h is new, and remembers it.
func (s *Spans) Add(h uint64) bool {
	if s.older.has(h) || !s.younger.add(h) {
		return false
	}
	if s.younger.used >= s.bound {
		s.older, s.younger = s.younger, s.older
		s.younger.reset()
	}
	return true
}

// hashTable is a set of hashes with open addressing. Hashes are random already, so their low bits choose the slot; 0 marks an
// empty slot and stands for 1.
type hashTable struct {
	slots []uint64
	used  int
}

func (t *hashTable) reset() {
	clear(t.slots)
	t.used = 0
}

func (t *hashTable) has(h uint64) bool {
	if t.used == 0 {
		return false
	}
	return t.slots[t.find(h)] != 0
}

// find is the slot that holds h, or the empty one where it belongs.
func (t *hashTable) find(h uint64) uint64 {
	h = max(h, 1)
	mask := uint64(len(t.slots) - 1)
	i := h & mask
	for t.slots[i] != 0 && t.slots[i] != h {
		i = (i + 1) & mask
	}
	return i
}

func (t *hashTable) add(h uint64) bool {
	if 2*t.used >= len(t.slots) {
		t.grow()
	}
	i := t.find(h)
	if t.slots[i] != 0 {
		return false
	}
	t.slots[i] = max(h, 1)
	t.used++
	return true
}

func (t *hashTable) grow() {
	old := t.slots
	t.slots = make([]uint64, max(1024, 2*len(old)))
	for _, h := range old {
		if h != 0 {
			t.slots[t.find(h)] = h
		}
	}
}
