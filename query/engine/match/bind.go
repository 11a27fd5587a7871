package match

import (
	"context"
	"fmt"
	"slices"

	"clew/index"
	"clew/index/vocabulary"
	"clew/internal/telemetry"
	"clew/query/engine/question"
)

// Bound is a plan rewritten by what one part knows: leaves have become columns of the part, and those that its vocabularies and filters
// decide are gone. Pruning a part is rewriting its plan to "never".
type Bound struct {
	Part    index.Part
	Info    index.Info           // of Part, as are the next two
	Columns []index.ColumnInfo   // in the part's order: a column's number is its place here
	Groups  []index.RowGroupInfo // of a page: the one that it is
	timeCol int                  // the ordering time, or -1
	root    *node
	leaves  []*node // all leaves of root, cheapest first
	nodes   int
	// narrowed are the pages in which matching rows can be, if that is known; nil: the row groups.
	narrowed []*Bound
	// Group and page say of which page the bound is: the row group, and the page in it. page is noPage if it is about a whole part.
	Group, page int
	// Filtered says that a filter, not only vocabularies, had a part in the rewriting.
	Filtered bool
	answers  *Answers
}

// node is a node of a bound plan.
type node struct {
	kind   planKind
	value  bool // planConst
	kids   []*node
	parent *node
	id     int // index into a scan's states
	leaf   *columnTest
}

// columnTest is a leaf: one column and what is asked of it.
type columnTest struct {
	col  int
	info index.ColumnInfo
	test *question.Test
	// members, if not nil, are the tests of a leaf that asks all overflow columns at once; col is one of them.
	members map[telemetry.Type]*question.Test
	// codes answers by code (KindValue, KindText).
	codes *codeSet
	// lo and hi bound the ordering time (inclusive); only in the leaf that stands for the query's time range.
	isTime bool
	cost   int
}

// Costs order the columns that a scan reads: see Scan.resolve.
const (
	costCodes  = 1
	costNumber = 2
	costRaw    = 3
	costText   = 4
)

// Bind rewrites a plan for a part. from and to are the query's times, both inclusive.
func Bind(ctx context.Context, answers *Answers, part index.Part, p *Plan, from, to int64) (*Bound, error) {
	b := &Bound{
		Part: part, Info: part.Info(), Columns: part.Columns(), Groups: part.RowGroups(), timeCol: -1, page: noPage, answers: answers,
	}
	order := question.TimeField(b.Info.Signal)
	for i, c := range b.Columns {
		if c.Level == telemetry.LevelField && c.Key == order && c.Type == telemetry.TypeTime {
			b.timeCol = i
		}
	}
	root, err := b.rewrite(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("plan for part %s: %w", b.Info.ID, err)
	}
	b.root = b.within(root, from, to)
	b.number(b.root, nil)
	slices.SortStableFunc(b.leaves, func(x, y *node) int { return x.leaf.cost - y.leaf.cost })
	return b, nil
}

// within adds the query's time range, unless all of the part is inside.
func (b *Bound) within(root *node, from, to int64) *node {
	if b.timeCol < 0 || b.Info.MinTime >= from && b.Info.MaxTime <= to {
		return root
	}
	n := question.IntsBetween(from, to)
	leaf := &columnTest{col: b.timeCol, info: b.Columns[b.timeCol], test: question.NumbersTest(n), isTime: true, cost: costNumber}
	return join(planAnd, []*node{root, {kind: planLeaf, leaf: leaf}})
}

// MatchesNone says that it is known of the part as a whole that no record matches.
func (b *Bound) MatchesNone() bool { return b.root.kind == planConst && !b.root.value }

// MatchesAll says that it is known of the part as a whole that every record matches.
func (b *Bound) MatchesAll() bool { return b.root.kind == planConst && b.root.value }

func (b *Bound) number(n, parent *node) {
	n.id, n.parent = b.nodes, parent
	b.nodes++
	if n.kind == planLeaf {
		b.leaves = append(b.leaves, n)
	}
	for _, k := range n.kids {
		b.number(k, n)
	}
}

func constant(v bool) *node { return &node{kind: planConst, value: v} }

// join folds constants: "never" rules an AND and vanishes from an OR, "always" the other way round.
func join(kind planKind, kids []*node) *node {
	ruling := kind == planOr
	var rest []*node
	for _, k := range kids {
		switch {
		case k.kind == planConst && k.value == ruling:
			return k
		case k.kind == planConst:
		case k.kind == kind:
			rest = append(rest, k.kids...)
		default:
			rest = append(rest, k)
		}
	}
	switch len(rest) {
	case 0:
		return constant(!ruling)
	case 1:
		return rest[0]
	}
	return &node{kind: kind, kids: rest}
}

func negate(k *node) *node {
	switch k.kind {
	case planConst:
		return constant(!k.value)
	case planNot:
		return k.kids[0]
	}
	return &node{kind: planNot, kids: []*node{k}}
}

func (b *Bound) rewrite(ctx context.Context, p *Plan) (*node, error) {
	switch p.kind {
	case planConst:
		return constant(p.value), nil
	case planLeaf:
		return b.rewriteLeaf(ctx, p)
	}
	var kids []*node
	for _, k := range p.kids {
		n, err := b.rewrite(ctx, k)
		if err != nil {
			return nil, err
		}
		if p.kind == planNot {
			return negate(n), nil
		}
		if n.kind == planConst && n.value == (p.kind == planOr) {
			return n, nil // the rest need not be asked
		}
		kids = append(kids, n)
	}
	return join(p.kind, kids), nil
}

// rewriteLeaf turns a leaf into the columns of this part that it means, joined by OR.
func (b *Bound) rewriteLeaf(ctx context.Context, p *Plan) (*node, error) {
	kids, err := b.askOverflow(ctx, p)
	if err != nil {
		return nil, err
	}
	_, together := b.Part.(Overflowing)
	asked := false // the overflow columns are, all of them
	for i, c := range b.Columns {
		if _, ok := p.field.Has(c.Column); !ok || c.NonNull == 0 {
			continue
		}
		if c.Overflow && p.field.Every && together {
			if !asked { // there may be thousands of them: each row's object is looked through once for all
				kids = append(kids, &node{kind: planLeaf, leaf: &columnTest{col: i, info: c, members: p.tests, cost: costText}})
			}
			asked = true
			continue
		}
		t := p.tests[c.Type]
		if t == nil {
			continue
		}
		n, err := b.ask(ctx, i, t)
		if err != nil {
			return nil, err
		}
		kids = append(kids, n)
	}
	return join(planOr, kids), nil
}

// ask puts a test to a column: a constant if the part as a whole answers it.
func (b *Bound) ask(ctx context.Context, col int, t *question.Test) (*node, error) {
	info := b.Columns[col]
	whole := info.NonNull == uint64(b.Info.Rows)
	leaf := &columnTest{col: col, info: info, test: t, cost: costRaw}
	if t.Exists && whole {
		return constant(true), nil
	}
	switch {
	case info.Overflow:
		leaf.cost = costText
	case info.Kind == index.KindInt || info.Kind == index.KindDouble:
		leaf.cost = costNumber
	case t.Exists && info.Kind != index.KindRaw:
		leaf.cost = costCodes
		leaf.codes = anyCode
	case info.Kind == index.KindRaw && idsOf(t) != nil:
		leaf.cost = costCodes // a look at 16 bits of each row spares most of what other leaves would read
		may, err := idsOf(t).mayBeIn(ctx, b.Part, col, index.Whole)
		if err != nil {
			return nil, err
		}
		if !may {
			b.Filtered = true
			return constant(false), nil
		}
	case info.Kind == index.KindRaw:
		if t.Exact == nil {
			break
		}
		may, err := b.Part.MayContain(ctx, col, index.Whole, vocabulary.Hash(t.Exact))
		if err != nil {
			return nil, err
		}
		if !may {
			b.Filtered = true
			return constant(false), nil
		}
	default:
		codes, err := b.answer(ctx, col, t)
		if err != nil {
			return nil, err
		}
		if codes.always+codes.may == 0 {
			return constant(false), nil
		}
		if whole && codes.always == codes.len() {
			return constant(true), nil
		}
		leaf.codes, leaf.cost = codes, costCodes
	}
	return &node{kind: planLeaf, leaf: leaf}, nil
}
