package chain

import (
	"cmp"
	"slices"

	"clew/internal/telemetry"
)

// builder holds the nodes while they are linked; nodes are numbered as they are made, order() renumbers them depth first.
type builder struct {
	spans []Span
	nodes []Node
	byID  map[telemetry.SpanID]int   // the first node of an id
	again map[telemetry.SpanID][]int // further nodes of an id, rare
	chain *Chain
}

func newBuilder(spans []Span) *builder {
	return &builder{spans: spans, nodes: make([]Node, 0, len(spans)), byID: make(map[telemetry.SpanID]int, len(spans)), chain: &Chain{}}
}

// link makes a node for every span and finds its parent.
func (b *builder) link() {
	for i := range b.spans {
		s := &b.spans[i]
		n := Node{
			Span: i, Parent: -1, ID: s.ID, Service: s.Service, Name: s.Name, Kind: s.Kind,
			Error: s.Status == "error", Start: s.Start, Duration: max(s.Duration, 0),
		}
		if first, seen := b.byID[s.ID]; seen {
			if b.repeats(first, s) {
				b.chain.Duplicates++
				continue
			}
			if b.again == nil {
				b.again = map[telemetry.SpanID][]int{}
			}
			b.again[s.ID] = append(b.again[s.ID], len(b.nodes))
			n.Reason = ReasonDuplicate
			// Zipkin gives the two sides of a call one id. The server's side then is the client's child, and its children stay its own.
			if c := b.spans[b.nodes[first].Span].Kind; c == "server" && s.Kind == "client" {
				b.byID[s.ID] = len(b.nodes)
				b.again[s.ID][len(b.again[s.ID])-1] = first
				b.nodes[first].Reason = ReasonDuplicate
				n.Reason = ReasonNone
			}
		} else {
			b.byID[s.ID] = len(b.nodes)
		}
		b.nodes = append(b.nodes, n)
	}
	shared := b.sharedServers()
	for i := range b.nodes {
		n := &b.nodes[i]
		s := &b.spans[n.Span]
		if client, ok := b.byID[n.ID]; ok && client != i && s.Kind == "server" && b.nodes[client].Kind == "client" {
			n.Parent, n.Reason = client, ReasonNone
			continue
		}
		if s.Parent.IsZero() {
			continue
		}
		if p, ok := b.byID[s.Parent]; ok {
			if srv, ok := shared[s.Parent]; ok && b.nodes[srv].Service == n.Service {
				p = srv
			}
			n.Parent = p
		}
	}
}

// repeats says whether s is the same as a span of its id that is there already.
func (b *builder) repeats(first int, s *Span) bool {
	if b.spans[b.nodes[first].Span] == *s {
		return true
	}
	return slices.ContainsFunc(b.again[s.ID], func(n int) bool { return b.spans[b.nodes[n].Span] == *s })
}

// sharedServers gives the server's node of ids that both sides of a call use.
func (b *builder) sharedServers() map[telemetry.SpanID]int {
	m := map[telemetry.SpanID]int{}
	for id, nodes := range b.again {
		if b.nodes[b.byID[id]].Kind != "client" {
			continue
		}
		for _, n := range nodes {
			if b.nodes[n].Kind == "server" {
				m[id] = n
				break
			}
		}
	}
	return m
}

// addMissing makes a node for every parent that is named but has not arrived.
func (b *builder) addMissing() {
	missing := map[telemetry.SpanID]int{}
	received := len(b.nodes)
	for i := range received {
		s := &b.spans[b.nodes[i].Span]
		if s.Parent.IsZero() || b.nodes[i].Parent >= 0 {
			continue
		}
		m, ok := missing[s.Parent]
		if !ok {
			m = len(b.nodes)
			missing[s.Parent] = m
			b.nodes = append(b.nodes, Node{Span: -1, Parent: -1, ID: s.Parent, Reason: ReasonMissing})
			b.chain.Missing++
		}
		b.nodes[i].Parent = m
	}
	for i := range received {
		if p := b.nodes[i].Parent; p >= received {
			nameMissing(&b.nodes[p], &b.nodes[i])
		}
	}
}

// nameMissing tells what a child knows about its missing parent. The parent of a client, producer or internal span ran in the same
// service; the parent of a server or consumer span is a caller, whose service the child cannot know.
func nameMissing(parent, child *Node) {
	switch child.Kind {
	case "server":
		if parent.Name == "" {
			parent.Name, parent.Kind = "caller of "+child.Service, "client"
		}
	case "consumer":
		if parent.Name == "" {
			parent.Name, parent.Kind = "producer for "+child.Service, "producer"
		}
	default:
		if parent.Service == "" {
			parent.Service, parent.Name, parent.Kind = child.Service, "span of "+child.Service, "unspecified"
		}
	}
}

// cutCycles makes a root of one node of every cycle: the one that starts first.
func (b *builder) cutCycles() {
	const (
		unseen = iota
		onPath
		done
	)
	state := make([]uint8, len(b.nodes))
	var path []int
	for i := range b.nodes {
		path = path[:0]
		at := i
		for at >= 0 && state[at] == unseen {
			state[at] = onPath
			path = append(path, at)
			at = b.nodes[at].Parent
		}
		if at >= 0 && state[at] == onPath {
			first := at
			for _, n := range path[slices.Index(path, at):] {
				if b.nodes[n].Start < b.nodes[first].Start {
					first = n
				}
			}
			b.nodes[first].Parent, b.nodes[first].Reason = -1, ReasonCycle
		}
		for _, n := range path {
			state[n] = done
		}
	}
}

// coverMissing gives missing parents the time that their children cover. A missing parent has no parent itself, so its children are
// spans, and one pass is enough.
func (b *builder) coverMissing() {
	seen := map[int]bool{}
	for i := range b.nodes {
		p := b.nodes[i].Parent
		if p < 0 || b.nodes[p].Span >= 0 {
			continue
		}
		m, n := &b.nodes[p], &b.nodes[i]
		if !seen[p] {
			seen[p] = true
			m.Start, m.Duration = n.Start, n.Duration
			continue
		}
		start, end := min(m.Start, n.Start), max(m.End(), n.End())
		m.Start, m.Duration = start, end-start
	}
}

// order puts the nodes depth first, siblings by start, and fills in Children, Depth and Roots.
func (b *builder) order() {
	children := make([][]int, len(b.nodes))
	var roots []int
	for i := range b.nodes {
		if p := b.nodes[i].Parent; p >= 0 {
			children[p] = append(children[p], i)
		} else {
			roots = append(roots, i)
		}
	}
	byStart := func(x, y int) int {
		return cmp.Or(cmp.Compare(b.nodes[x].Start, b.nodes[y].Start), cmp.Compare(b.nodes[y].Duration, b.nodes[x].Duration),
			slices.Compare(b.nodes[x].ID[:], b.nodes[y].ID[:]))
	}
	slices.SortFunc(roots, byStart)
	for _, c := range children {
		slices.SortFunc(c, byStart)
	}

	type place struct{ old, parent, depth int }
	stack := make([]place, 0, len(roots))
	for _, r := range slices.Backward(roots) {
		stack = append(stack, place{r, -1, 0})
	}
	out := make([]Node, 0, len(b.nodes))
	for len(stack) > 0 {
		p := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		n := b.nodes[p.old]
		at := len(out)
		n.Parent, n.Depth, n.Children = p.parent, p.depth, nil
		out = append(out, n)
		if p.parent >= 0 {
			out[p.parent].Children = append(out[p.parent].Children, at)
		} else {
			b.chain.Roots = append(b.chain.Roots, at)
		}
		for _, c := range slices.Backward(children[p.old]) {
			stack = append(stack, place{c, at, p.depth + 1})
		}
	}
	b.nodes = out
	b.chain.Nodes = out
}
