package chain

import (
	"cmp"
	"math"
	"slices"
)

// A call between two processes bounds how far their clocks are apart: the callee's span lies inside the caller's. With the caller
// at [a,b] and the callee at [c,d], the callee's clock needs an offset in [a-c, b-d]. All calls between two processes share one
// offset, so their bounds intersect. Zero in the intersection means that the clocks agree as far as the trace can tell.

// calls between two processes, seen from the callee.
type calls struct {
	low, high int64
	midpoints []int64
	count     int
}

type processes struct{ from, to string }

// adjustClocks moves the spans of processes whose clocks cannot be right.
func (b *builder) adjustClocks() {
	pairs := b.boundOffsets()
	if len(pairs) == 0 {
		return
	}
	offsets := b.spreadOffsets(pairs)
	for i := range b.nodes {
		n := &b.nodes[i]
		if n.Span < 0 {
			continue
		}
		n.Skew = offsets[b.process(n.Span)].Offset
		n.Start += n.Skew
	}
	for _, c := range offsets {
		if c.Offset != 0 {
			b.chain.Clocks = append(b.chain.Clocks, c)
		}
	}
	slices.SortFunc(b.chain.Clocks, func(x, y Clock) int { return cmp.Compare(x.Process, y.Process) })
}

func (b *builder) process(span int) string {
	if p := b.spans[span].Process; p != "" {
		return p
	}
	return b.spans[span].Service
}

// boundOffsets collects what the calls between each two processes allow.
func (b *builder) boundOffsets() map[processes]*calls {
	pairs := map[processes]*calls{}
	for i := range b.nodes {
		child := &b.nodes[i]
		if child.Span < 0 || child.Parent < 0 || b.nodes[child.Parent].Span < 0 {
			continue
		}
		parent := &b.nodes[child.Parent]
		key := processes{b.process(parent.Span), b.process(child.Span)}
		if key.from == key.to {
			continue
		}
		c := pairs[key]
		if c == nil {
			c = &calls{low: math.MinInt64, high: math.MaxInt64}
			pairs[key] = c
		}
		low, high := parent.Start-child.Start, parent.End()-child.End()
		c.count++
		c.low = max(c.low, low)
		// A consumer, or a callee that outlives its caller, is not waited for: only its start is bounded.
		if child.Kind == "consumer" || child.Duration > parent.Duration {
			continue
		}
		c.high = min(c.high, high)
		c.midpoints = append(c.midpoints, low+(high-low)/2)
	}
	return pairs
}

// offset is the callee's offset against the caller's clock.
func (c *calls) offset() int64 {
	if c.low <= 0 && 0 <= c.high {
		return 0
	}
	if c.low <= c.high {
		if c.high == math.MaxInt64 {
			return c.low
		}
		return c.low + (c.high-c.low)/2
	}
	// The calls contradict each other (a clock that was stepped, or spans that are not nested): the median call decides.
	slices.Sort(c.midpoints)
	return c.midpoints[len(c.midpoints)/2]
}

// spreadOffsets walks from the processes of the roots along the calls; a process takes its offset from the first caller that reaches it.
func (b *builder) spreadOffsets(pairs map[processes]*calls) map[string]Clock {
	offsets := map[string]Clock{}
	var queue []string
	visit := func(p string, c Clock) {
		if _, ok := offsets[p]; !ok {
			offsets[p] = c
			queue = append(queue, p)
		}
	}
	next := map[string][]processes{}
	for key := range pairs {
		next[key.from] = append(next[key.from], key)
	}
	for _, keys := range next {
		slices.SortFunc(keys, func(x, y processes) int { return cmp.Compare(x.to, y.to) })
	}
	drain := func() {
		for ; len(queue) > 0; queue = queue[1:] {
			from := queue[0]
			base := offsets[from].Offset
			for _, key := range next[from] {
				c := pairs[key]
				visit(key.to, Clock{Process: key.to, Offset: base + c.offset(), Low: addBound(base, c.low), High: addBound(base, c.high), Calls: c.count})
			}
		}
	}
	roots := b.rootProcesses()
	for _, p := range roots {
		visit(p, Clock{Process: p})
	}
	drain()
	// Processes that only a cycle of callers reaches keep their own time.
	for i := range b.nodes {
		if b.nodes[i].Span >= 0 {
			visit(b.process(b.nodes[i].Span), Clock{Process: b.process(b.nodes[i].Span)})
			drain()
		}
	}
	return offsets
}

func addBound(base, bound int64) int64 {
	if bound == math.MinInt64 || bound == math.MaxInt64 {
		return bound
	}
	return base + bound
}

// rootProcesses are the processes of spans without a received parent, true roots first, then by start.
func (b *builder) rootProcesses() []string {
	var roots []int
	for i := range b.nodes {
		if b.nodes[i].Span >= 0 && (b.nodes[i].Parent < 0 || b.nodes[b.nodes[i].Parent].Span < 0) {
			roots = append(roots, i)
		}
	}
	slices.SortFunc(roots, func(x, y int) int {
		orphan := func(n int) int {
			if b.nodes[n].Parent < 0 {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(orphan(x), orphan(y)), cmp.Compare(b.nodes[x].Start, b.nodes[y].Start))
	})
	names := make([]string, len(roots))
	for i, r := range roots {
		names[i] = b.process(b.nodes[r].Span)
	}
	return names
}
