package match

import (
	"context"
	"math/bits"
	"slices"
	"strconv"
	"sync/atomic"

	"clew/index"
	"clew/index/vocabulary"
	"clew/query/engine/question"
	"clew/query/engine/rowset"
	"clew/query/engine/walk"
)

// Scan finds the rows of one row group that match. It is one goroutine's, and used for one row group after the other.
//
// Every node of the bound plan has two sets of rows: those known to match (yes) and those that may (poss). At first leaves know what
// histograms and filters tell. Then come up to four passes, each dearer than the one before: codes, numbers, raw values, texts
// rebuilt. A pass resolves only leaves on which undecided rows of the root hang. So a column is read only if what was read
// before leaves a question, and a text is rebuilt only for rows that hang on it.
type Scan struct {
	b     *Bound
	rg    int
	Rows  int // that the row group has
	arena rowset.Arena
	state []nodeState
	num   []byte
	memo  map[memoKey]*codeSet
	// walks answer for rows of text columns, by test.
	walks map[*question.Test]*walk.Walk
	// ByFilter says that a filter decided a leaf of this row group.
	ByFilter bool
	rebuilt  int64         // texts, in this row group
	total    *atomic.Int64 // and by all scans of the query
}

// NewScan makes a scan that adds to rebuilt how many texts it has rebuilt.
func NewScan(rebuilt *atomic.Int64) *Scan { return &Scan{total: rebuilt} }

// nodeState is what is known of a node in the current row group.
type nodeState struct {
	yes, poss rowset.Set
	need      rowset.Set // rows that hang on the node in the current pass
	stage     stage
	// Bitmaps that yes, poss and need may be changed in; lent by the arena when first needed.
	ownYes, ownPoss, ownNeed []uint64
	hist                     index.Histogram
	hasHist                  bool
	codes                    *codeSet // of the leaf, narrowed to this row group
	absent                   uint64   // bit i: no string variable of the row group holds the i-th of the leaf's words
	wordless                 bool     // nor any of them
}

// stage says how far a leaf has been resolved.
type stage uint8

const (
	stageOpen stage = iota // nothing read
	stageText              // codes known; rows that may match are to be rebuilt
	stageDone
)

// memoKey remembers a narrowed codeSet: row groups that lack the same words share it.
type memoKey struct {
	leaf   *columnTest
	absent uint64          // bit i: word i stands in no variable
	clause *question.Piece // nor any of the clause that begins so
}

// Start looks at a row group with what costs nothing to know. It returns false if no row can match.
func (s *Scan) Start(ctx context.Context, b *Bound, rg int) (bool, error) {
	if s.b != b {
		s.b = b
		s.memo = map[memoKey]*codeSet{}
		s.state = make([]nodeState, b.nodes)
	}
	s.rg, s.Rows, s.ByFilter, s.rebuilt = rg, b.Groups[rg].Rows, b.Filtered, 0
	s.arena.Reset(s.Rows)
	for i := range s.state {
		s.state[i] = nodeState{yes: rowset.None, poss: rowset.All}
	}
	for _, n := range b.leaves {
		st := &s.state[n.id]
		if err := s.startLeaf(ctx, n.leaf, st); err != nil {
			return false, err
		}
	}
	s.fold(b.root)
	return s.state[b.root.id].poss.Kind != rowset.KindNone, nil
}

func (s *Scan) startLeaf(ctx context.Context, l *columnTest, st *nodeState) error {
	part := s.b.Part
	switch {
	case l.isTime:
		g := s.b.Groups[s.rg]
		n := l.test.Numbers
		switch {
		case g.MinTime > n.Hi || g.MaxTime < n.Lo:
			*st = nodeState{yes: rowset.None, poss: rowset.None, stage: stageDone}
		case g.MinTime >= n.Lo && g.MaxTime <= n.Hi && l.info.NonNull == uint64(s.b.Info.Rows):
			*st = nodeState{yes: rowset.All, poss: rowset.All, stage: stageDone}
		}
	case l.info.Overflow:
	case l.codes != nil:
		st.codes = l.codes
		if err := s.narrow(ctx, l, st); err != nil {
			return err
		}
		h, ok, err := part.Histogram(ctx, l.col, s.rg)
		if err != nil || !ok {
			return err
		}
		st.hist, st.hasHist = h, true
		s.startHistogram(st)
	case l.info.Kind == index.KindRaw && idsOf(l.test) != nil:
		may, err := idsOf(l.test).mayBeIn(ctx, part, l.col, s.rg)
		if err != nil {
			return err
		}
		if !may {
			s.ByFilter = true
			*st = nodeState{yes: rowset.None, poss: rowset.None, stage: stageDone}
		}
	case l.info.Kind == index.KindRaw && l.test.Exact != nil:
		may, err := part.MayContain(ctx, l.col, s.rg, vocabulary.Hash(l.test.Exact))
		if err != nil {
			return err
		}
		if !may {
			s.ByFilter = true
			*st = nodeState{yes: rowset.None, poss: rowset.None, stage: stageDone}
		}
	}
	return nil
}

// startHistogram decides a leaf if all rows of the row group have codes of one answer.
func (s *Scan) startHistogram(st *nodeState) {
	always, may := st.histogramRows()
	switch {
	case always+may == 0:
		st.poss, st.stage = rowset.None, stageDone
	case always == s.Rows:
		st.yes, st.stage = rowset.All, stageDone
	}
}

// histogramRows are how many rows of the row group have a code that always matches, and how many one that may.
func (st *nodeState) histogramRows() (always, may int) {
	if st.codes.always+st.codes.may == 1 { // a rare word is in one template of thousands
		i, ok := slices.BinarySearch(st.hist.Codes, st.codes.only)
		switch {
		case !ok:
			return 0, 0
		case st.codes.always == 1:
			return int(st.hist.Counts[i]), 0
		}
		return 0, int(st.hist.Counts[i])
	}
	for i, code := range st.hist.Codes {
		switch st.codes.of(code) {
		case vocabulary.Always:
			always += int(st.hist.Counts[i])
		case vocabulary.May:
			may += int(st.hist.Counts[i])
		}
	}
	return always, may
}

// narrow asks the row group's word filter, which is sharper than the part's.
func (s *Scan) narrow(ctx context.Context, l *columnTest, st *nodeState) error {
	words := l.codes.words
	if l.codes.may == 0 || len(words) == 0 || len(words) > 64 {
		return nil
	}
	for i, w := range words {
		may, err := s.b.Part.MayContain(ctx, l.col, s.rg, w)
		if err != nil {
			return err
		}
		if !may {
			st.absent |= 1 << i
		}
	}
	if st.absent == 0 {
		return nil
	}
	st.wordless = bits.OnesCount64(st.absent) == len(words)
	known, err := s.withoutWords(ctx, l, st.absent)
	if err != nil {
		return err
	}
	if known.always+known.may == 0 {
		s.ByFilter = true
	}
	st.codes = known
	return nil
}

// withoutWords is the leaf's answer where some words (absent: bit i is the i-th) stand in no variable. Like all answers of parts that don't change it
// is kept for the next query: row groups lack different words, so there are many of them.
func (s *Scan) withoutWords(ctx context.Context, l *columnTest, absent uint64) (*codeSet, error) {
	memo := memoKey{leaf: l, absent: absent}
	if known, ok := s.memo[memo]; ok {
		return known, nil
	}
	var key []byte
	if !s.b.Info.Head {
		key = answerKey(s.b.Info.ID, l.col, strconv.FormatUint(absent, 16)+" absent: "+l.test.Key)
		if known := s.b.answers.cached(key); known != nil {
			s.memo[memo] = known
			return known, nil
		}
	}
	arena, err := s.b.Part.Vocabulary(ctx, l.col)
	if err != nil {
		return nil, err
	}
	hashes := map[uint64]bool{}
	for i, w := range l.codes.words {
		if absent>>i&1 == 1 {
			hashes[w] = true
		}
	}
	known := l.codes.narrow(arena, l.test.Matcher, func(w uint64) bool { return !hashes[w] })
	s.memo[memo] = known
	if key != nil {
		s.b.answers.keep(key, known)
	}
	return known, nil
}

// fold computes the sets of n from those of its kids, and theirs before.
func (s *Scan) fold(n *node) {
	for _, k := range n.kids {
		s.fold(k)
	}
	s.combine(n)
}

// combine computes the sets of n from those of its kids.
func (s *Scan) combine(n *node) {
	st := &s.state[n.id]
	switch n.kind {
	case planConst:
		if st.yes, st.poss = rowset.None, rowset.None; n.value {
			st.yes, st.poss = rowset.All, rowset.All
		}
	case planNot:
		k := &s.state[n.kids[0].id]
		s.arena.Copy(&st.yes, &st.ownYes, rowset.All)
		s.arena.Copy(&st.poss, &st.ownPoss, rowset.All)
		s.arena.Remove(&st.yes, &st.ownYes, k.poss)
		s.arena.Remove(&st.poss, &st.ownPoss, k.yes)
	case planAnd:
		st.yes, st.poss = rowset.All, rowset.All
		for _, kid := range n.kids {
			k := &s.state[kid.id]
			s.arena.Keep(&st.yes, &st.ownYes, k.yes)
			s.arena.Keep(&st.poss, &st.ownPoss, k.poss)
		}
	case planOr:
		st.yes, st.poss = rowset.None, rowset.None
		for _, kid := range n.kids {
			k := &s.state[kid.id]
			s.arena.Add(&st.yes, &st.ownYes, k.yes)
			s.arena.Add(&st.poss, &st.ownPoss, k.poss)
		}
	}
}

// RowsMatching decides every row. The result is the scan's until the next start.
func (s *Scan) RowsMatching(ctx context.Context) (rowset.Set, error) {
	root := &s.state[s.b.root.id]
	for level := costCodes; level <= costText; level++ {
		if err := s.pass(ctx, s.b.root, rowset.All, level); err != nil {
			return rowset.None, err
		}
	}
	s.total.Add(s.rebuilt)
	s.rebuilt = 0
	return root.yes, nil
}

// pass resolves the leaves below n as far as level allows, for those of the rows whose answer hangs on them.
func (s *Scan) pass(ctx context.Context, n *node, rows rowset.Set, level int) error {
	st := &s.state[n.id]
	s.arena.Copy(&st.need, &st.ownNeed, rows)
	s.arena.Keep(&st.need, &st.ownNeed, st.poss)
	s.arena.Remove(&st.need, &st.ownNeed, st.yes)
	if st.need.Empty() {
		return nil
	}
	if n.kind == planLeaf {
		if st.stage == stageDone || st.stage == stageOpen && n.leaf.cost > level || st.stage == stageText && level < costText {
			return nil
		}
		return s.resolve(ctx, n.leaf, st, st.need)
	}
	for _, kid := range n.kids {
		if err := s.pass(ctx, kid, st.need, level); err != nil {
			return err
		}
		switch k := &s.state[kid.id]; n.kind {
		case planAnd: // a row that this kid excludes asks nothing of the next ones
			s.arena.Keep(&st.need, &st.ownNeed, k.poss)
		case planOr:
			s.arena.Remove(&st.need, &st.ownNeed, k.yes)
		}
	}
	s.combine(n)
	return nil
}

// sole is the leaf that alone decides the root of this row group, if there is one: all else is constant here.
func (s *Scan) sole() (leaf *node, negated bool) {
	n := s.b.root
	for {
		switch n.kind {
		case planLeaf:
			return n, negated
		case planConst:
			return nil, false
		case planNot:
			negated, n = !negated, n.kids[0]
			continue
		}
		var open *node
		for _, k := range n.kids {
			st := &s.state[k.id]
			if st.yes.Kind == rowset.KindAll || st.poss.Kind == rowset.KindNone {
				continue
			}
			if open != nil {
				return nil, false
			}
			open = k
		}
		if open == nil {
			return nil, false
		}
		n = open
	}
}

// CountByHistogram counts the matching rows without reading any, if the histogram of one column can tell.
func (s *Scan) CountByHistogram() (int, bool) {
	root := &s.state[s.b.root.id]
	if root.yes.Kind == rowset.KindAll {
		return s.Rows, true
	}
	leaf, negated := s.sole()
	if leaf == nil {
		return 0, false
	}
	st := &s.state[leaf.id]
	if !st.hasHist {
		return 0, false
	}
	count, may := st.histogramRows()
	if may > 0 {
		return 0, false
	}
	if negated {
		count = s.Rows - count
	}
	return count, true
}
