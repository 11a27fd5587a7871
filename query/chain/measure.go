package chain

import (
	"cmp"
	"slices"
)

// measure fills in what is computed from the ordered tree: extent, self times, critical path, errors and services.
func (b *builder) measure() {
	c := b.chain
	for i := range c.Nodes {
		n := &c.Nodes[i]
		if i == 0 || n.Start < c.Start {
			c.Start = n.Start
		}
		if i == 0 || n.End() > c.End {
			c.End = n.End()
		}
		if n.Span >= 0 { // what a missing span did itself is not known
			n.SelfTime = n.Duration - covered(c.Nodes, n)
		}
		if n.Error {
			c.Errors++
			if !slices.ContainsFunc(n.Children, func(k int) bool { return c.Nodes[k].Error }) {
				c.ErrorOrigins = append(c.ErrorOrigins, i)
			}
		}
	}
	slices.SortStableFunc(c.ErrorOrigins, func(x, y int) int { return cmp.Compare(c.Nodes[x].Start, c.Nodes[y].Start) })
	c.Critical = criticalPath(c)
	for _, s := range c.Critical {
		c.Nodes[s.Node].OnCritical += s.To - s.From
	}
	c.Services = serviceTimes(c.Nodes)
}

// covered is how much of n its children cover. Children are sorted by start.
func covered(nodes []Node, n *Node) int64 {
	var sum int64
	upTo := n.Start
	for _, k := range n.Children {
		from, to := max(nodes[k].Start, upTo), min(nodes[k].End(), n.End())
		if to > from {
			sum += to - from
			upTo = to
		}
	}
	return sum
}

// criticalPath walks back from the end of the main root: what finished last before a moment is what was waited for. Time that no
// child accounts for passed in the span itself.
func criticalPath(c *Chain) []Step {
	if len(c.Roots) == 0 {
		return nil
	}
	main := c.Roots[0]
	for _, r := range c.Roots {
		if c.Nodes[r].Duration > c.Nodes[main].Duration {
			main = r
		}
	}
	type frame struct {
		node int
		from int64 // the span's start, or its parent's if that is later: nobody waited for what came before
		at   int64 // the walk back has come to here
		next int   // into kids, from the last
		kids []int // children by end
	}
	var steps []Step
	open := func(node int, from, at int64) frame {
		kids := slices.Clone(c.Nodes[node].Children)
		slices.SortStableFunc(kids, func(x, y int) int { return cmp.Compare(c.Nodes[x].End(), c.Nodes[y].End()) })
		return frame{node, max(c.Nodes[node].Start, from), at, len(kids) - 1, kids}
	}
	own := func(node int, from, to int64) {
		if to > from {
			steps = append(steps, Step{node, from, to})
		}
	}
	stack := []frame{open(main, c.Nodes[main].Start, c.Nodes[main].End())}
	for len(stack) > 0 {
		f := &stack[len(stack)-1]
		child := -1
		for ; f.next >= 0 && child < 0; f.next-- {
			k := &c.Nodes[f.kids[f.next]]
			// A child that ends after the moment was not waited for at that moment; one without time of its own explains nothing.
			if k.End() <= f.at && k.End() > f.from && k.Duration > 0 {
				child = f.kids[f.next]
			}
		}
		if child < 0 {
			own(f.node, f.from, f.at)
			from := f.from
			stack = stack[:len(stack)-1]
			if len(stack) > 0 {
				stack[len(stack)-1].at = from
			}
			continue
		}
		k := &c.Nodes[child]
		own(f.node, k.End(), f.at)
		f.at = k.End()
		stack = append(stack, open(child, f.from, k.End()))
	}
	slices.Reverse(steps)
	return steps
}

func serviceTimes(nodes []Node) []ServiceTime {
	at := map[string]int{}
	var out []ServiceTime
	for i := range nodes {
		n := &nodes[i]
		if n.Span < 0 {
			continue
		}
		k, ok := at[n.Service]
		if !ok {
			k = len(out)
			at[n.Service] = k
			out = append(out, ServiceTime{Service: n.Service})
		}
		out[k].Spans++
		out[k].SelfTime += n.SelfTime
		if n.Error {
			out[k].Errors++
		}
	}
	slices.SortFunc(out, func(x, y ServiceTime) int {
		return cmp.Or(cmp.Compare(y.SelfTime, x.SelfTime), cmp.Compare(x.Service, y.Service))
	})
	return out
}
