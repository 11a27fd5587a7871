package match

import (
	"context"
	"math/bits"

	"clew/index"
	"clew/index/segment"
	"clew/internal/telemetry"
	"clew/query/engine/rowset"
)

// Few rows of a row group need not cost a read of whole columns: a segment's columns are cut into pages. A bound can be narrowed to a page: the
// same plan, over a part that has the page's rows only. Everything that works on row groups works on pages.

// paged is a part whose row groups can be read by pages.
type paged interface {
	// PageRows is how many rows a page has; 0: there are no pages.
	PageRows() int
	// Page is the part that holds the rows of a page, as its only row group.
	Page(rg, page int) (index.Part, error)
	// PagesOf are the pages that may hold rows of a trace id; false if the part cannot tell.
	PagesOf(ctx context.Context, id telemetry.TraceID) ([]segment.PageRef, bool, error)
	// BringNear says that rows of these pages will be read.
	BringNear(ctx context.Context, refs []segment.PageRef) error
}

// noPage is the page of a bound that is about a whole part.
const noPage = -1

// atPage is the bound for the rows of a page.
func (b *Bound) atPage(p paged, rg, page int) (*Bound, error) {
	part, err := p.Page(rg, page)
	if err != nil {
		return nil, err
	}
	narrow := *b
	narrow.Part, narrow.Groups, narrow.narrowed = part, part.RowGroups(), nil
	narrow.Group, narrow.page = rg, page
	return &narrow, nil
}

// Narrow leaves the pages that can hold the traces the query asks for, if it asks for some by their ids and the part knows their pages.
// It returns how many row groups are left out.
func (b *Bound) Narrow(ctx context.Context) (without int, err error) {
	p, ok := b.Part.(paged)
	if !ok || p.PageRows() == 0 {
		return 0, nil
	}
	ids := b.traceIDsAsked()
	if len(ids) == 0 {
		return 0, nil
	}
	seen := map[segment.PageRef]bool{}
	groups := map[int]bool{}
	narrowed := []*Bound{}
	for _, id := range ids {
		refs, ok, err := p.PagesOf(ctx, id)
		if err == nil && ok {
			err = p.BringNear(ctx, refs)
		}
		if err != nil || !ok {
			return 0, err
		}
		for _, ref := range refs {
			if seen[ref] {
				continue
			}
			seen[ref], groups[ref.Group] = true, true
			n, err := b.atPage(p, ref.Group, ref.Page)
			if err != nil {
				return 0, err
			}
			narrowed = append(narrowed, n)
		}
	}
	if len(narrowed)*pageShare*p.PageRows() > b.Info.Rows && len(narrowed) > pageShare {
		return 0, nil
	}
	b.narrowed = narrowed
	return len(b.Groups) - len(groups), nil
}

// traceIDsAsked are the ids of which a row must have one to match; nil if that is not known.
func (b *Bound) traceIDsAsked() []telemetry.TraceID {
	leaves := []*node{b.root}
	if b.root.kind == planAnd {
		leaves = b.root.kids
	}
	for _, n := range leaves {
		if n.kind != planLeaf || n.leaf.info.Key != telemetry.FieldTraceID || n.leaf.info.Level != telemetry.LevelField || n.leaf.info.Type != telemetry.TypeBytes {
			continue
		}
		if set := idsOf(n.leaf.test); set != nil {
			return set.List
		}
		if id := n.leaf.test.Exact; len(id) == len(telemetry.TraceID{}) {
			return []telemetry.TraceID{telemetry.TraceID(id)}
		}
	}
	return nil
}

// Share is some rows of a row group, perhaps of one page of it.
type Share struct {
	Task
	Rows rowset.Set // the matching ones, counted from the first of the share
	n    int        // rows of the share, matching or not
}

// Shares cuts the matching rows of a row group by pages, if they are in few of them; else there is one share.
func (t Task) Shares(rows rowset.Set, n int) ([]Share, error) {
	whole := []Share{{t, rows, n}}
	p, ok := t.Bound.Part.(paged)
	if !ok || p.PageRows() == 0 || rows.Kind != rowset.KindSome {
		return whole, nil
	}
	words := p.PageRows() / 64
	var out []Share
	for page := 0; page*words < len(rows.Words); page++ {
		part := rows.Words[page*words : min(len(rows.Words), (page+1)*words)]
		if !anyBit(part) {
			continue
		}
		if (len(out)+1)*pageShare*words > len(rows.Words) {
			return whole, nil
		}
		b, err := t.Bound.atPage(p, t.Group, page)
		if err != nil {
			return nil, err
		}
		out = append(out, Share{Task{b, 0}, rowset.Set{Kind: rowset.KindSome, Words: part}, b.Groups[0].Rows})
	}
	return out, nil
}

func anyBit(words []uint64) bool {
	for _, w := range words {
		if bits.Len64(w) > 0 {
			return true
		}
	}
	return false
}

// byPage cuts ascending rows of a row group by pages and calls f for each, if they are in few pages; else once for all. from is the place
// of the first of them in rows.
func (b *Bound) byPage(rg int, rows []int, f func(b *Bound, rg int, rows []int, from int) error) error {
	p, ok := b.Part.(paged)
	if !ok || p.PageRows() == 0 || len(rows) == 0 {
		return f(b, rg, rows, 0)
	}
	size := p.PageRows()
	pages := 1
	for i := 1; i < len(rows); i++ {
		if rows[i]/size != rows[i-1]/size {
			pages++
		}
	}
	if pages*pageShare*size > b.Groups[rg].Rows && pages > 1 {
		return f(b, rg, rows, 0)
	}
	for from := 0; from < len(rows); {
		page := rows[from] / size
		var inPage []int
		at := from
		for ; at < len(rows) && rows[at]/size == page; at++ {
			inPage = append(inPage, rows[at]-page*size)
		}
		narrow, err := b.atPage(p, rg, page)
		if err != nil {
			return err
		}
		if err := f(narrow, 0, inPage, from); err != nil {
			return err
		}
		from = at
	}
	return nil
}
