package engine

import (
	"context"
	"fmt"
	"slices"

	"clew/index"
	"clew/index/vocabulary"
	"clew/internal/telemetry"
	"clew/query/engine/question"
)

// bound is a plan rewritten by what one part knows: leaves have become columns of the part, and those that its vocabularies and filters
// decide are gone. Pruning a part is rewriting its plan to "never".
type bound struct {
	part    index.Part
	info    index.Info
	columns []index.ColumnInfo
	groups  []index.RowGroupInfo
	timeCol int // the ordering time, or -1
	root    *node
	leaves  []*node // all leaves of root, cheapest first
	nodes   int
	// narrowed are the pages in which matching rows can be, if that is known; nil: the row groups.
	narrowed []*bound
	// group and page say of which page the bound is; page is noPage if it is about a whole part.
	group, page int
	// filtered says that a filter, not only vocabularies, had a part in the rewriting.
	filtered bool
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

// Costs order the columns that a scan reads: see scan.resolve.
const (
	costCodes  = 1
	costNumber = 2
	costRaw    = 3
	costText   = 4
)

// bind rewrites a plan for a part. from and to are the query's times, both inclusive.
func bind(ctx context.Context, answers *Answers, part index.Part, p *plan, from, to int64) (*bound, error) {
	b := &bound{
		part: part, info: part.Info(), columns: part.Columns(), groups: part.RowGroups(), timeCol: -1, page: noPage, answers: answers,
	}
	order := question.TimeField(b.info.Signal)
	for i, c := range b.columns {
		if c.Level == telemetry.LevelField && c.Key == order && c.Type == telemetry.TypeTime {
			b.timeCol = i
		}
	}
	root, err := b.rewrite(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("plan for part %s: %w", b.info.ID, err)
	}
	b.root = b.within(root, from, to)
	b.number(b.root, nil)
	slices.SortStableFunc(b.leaves, func(x, y *node) int { return x.leaf.cost - y.leaf.cost })
	return b, nil
}

// within adds the query's time range, unless all of the part is inside.
func (b *bound) within(root *node, from, to int64) *node {
	if b.timeCol < 0 || b.info.MinTime >= from && b.info.MaxTime <= to {
		return root
	}
	n := question.IntsBetween(from, to)
	leaf := &columnTest{col: b.timeCol, info: b.columns[b.timeCol], test: question.NumbersTest(n), isTime: true, cost: costNumber}
	return join(planAnd, []*node{root, {kind: planLeaf, leaf: leaf}})
}

func (b *bound) number(n, parent *node) {
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

func (b *bound) rewrite(ctx context.Context, p *plan) (*node, error) {
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
func (b *bound) rewriteLeaf(ctx context.Context, p *plan) (*node, error) {
	kids, err := b.askOverflow(ctx, p)
	if err != nil {
		return nil, err
	}
	_, together := b.part.(overflowing)
	asked := false // the overflow columns are, all of them
	for i, c := range b.columns {
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
func (b *bound) ask(ctx context.Context, col int, t *question.Test) (*node, error) {
	info := b.columns[col]
	whole := info.NonNull == uint64(b.info.Rows)
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
		may, err := idsOf(t).mayBeIn(ctx, b.part, col, index.Whole)
		if err != nil {
			return nil, err
		}
		if !may {
			b.filtered = true
			return constant(false), nil
		}
	case info.Kind == index.KindRaw:
		if t.Exact == nil {
			break
		}
		may, err := b.part.MayContain(ctx, col, index.Whole, vocabulary.Hash(t.Exact))
		if err != nil {
			return nil, err
		}
		if !may {
			b.filtered = true
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
