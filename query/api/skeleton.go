package api

import (
	"context"
	"encoding/hex"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"clew/internal/telemetry"
	"clew/query/chain"
	"clew/query/engine"
)

func (s *Server) skeleton(c *gin.Context) {
	name, id, err := traceParams(c)
	if err != nil {
		s.failed(c, err)
		return
	}
	from, to, err := timeRange(c)
	if err != nil {
		s.failed(c, err)
		return
	}
	answer, cost, err := s.build(c.Request.Context(), name, id, from, to)
	switch {
	case err != nil:
		s.failed(c, err)
	case answer == nil:
		noTrace(c, id, cost)
	default:
		c.JSON(http.StatusOK, answer)
	}
}

// build makes the answer in turn with others. It is nil if there is no such trace. Sending it needs no turn: a slow reader holds up
// nobody.
func (s *Server) build(ctx context.Context, tenant string, id telemetry.TraceID, from, to int64) (*Skeleton, engine.Stats, error) {
	select {
	case s.building <- struct{}{}:
		defer func() { <-s.building }()
	case <-ctx.Done():
		return nil, engine.Stats{}, ctx.Err()
	}
	t, err := s.deps.Engine.Skeleton(ctx, tenant, id, from, to)
	if err != nil {
		return nil, engine.Stats{}, err
	}
	if len(t.Spans) == 0 && len(t.Logs) == 0 {
		return nil, t.Stats, nil
	}
	return skeletonAnswer(t), t.Stats, nil
}

// skeletonAnswer rebuilds the chain and lays it out in columns.
func skeletonAnswer(t *engine.Skeleton) *Skeleton {
	spans := make([]chain.Span, len(t.Spans))
	for i := range t.Spans {
		v := &t.Spans[i]
		spans[i] = chain.Span{
			ID: v.ID, Parent: v.Parent, Service: v.Service, Process: v.Process, Name: v.Name, Kind: v.Kind, Status: v.Status,
			Start: v.Start, Duration: v.Duration,
		}
	}
	built := chain.Build(spans)
	if len(t.Spans) == 0 {
		built.Start, built.End = t.Logs[0].Time, t.Logs[len(t.Logs)-1].Time
	}
	out := &Skeleton{
		TraceID: t.ID.String(), Start: formatTime(built.Start), StartNano: strconv.FormatInt(built.Start, 10), DurationNano: built.End - built.Start,
		Clocks: clocks(built), Missing: built.Missing, Errors: built.Errors, ErrorOrigins: append([]int{}, built.ErrorOrigins...),
		Duplicates: built.Duplicates, Truncated: t.Truncated, ServiceTimes: services(built), Stats: stats(t.Stats),
	}
	out.layNodes(t, built)
	out.layCritical(built)
	out.layLogs(t, built)
	return out
}

// names numbers texts in the order of their coming.
type names struct {
	list   []string
	number map[string]int
}

func newNames() *names { return &names{list: []string{}, number: map[string]int{}} }

func (n *names) of(text string) int {
	i, ok := n.number[text]
	if !ok {
		i = len(n.list)
		n.list = append(n.list, text)
		n.number[text] = i
	}
	return i
}

func (s *Skeleton) layNodes(t *engine.Skeleton, built *chain.Chain) {
	n := len(built.Nodes)
	ints := func() []int { return make([]int, n) }
	nanos := func() []int64 { return make([]int64, n) }
	s.Nodes = SkeletonNodes{
		Span: make([]string, n), Parent: ints(), Depth: ints(), Service: ints(), Name: ints(), Kind: ints(), Flags: ints(),
		Offset: nanos(), Duration: nanos(), Self: nanos(),
	}
	serviceNames, spanNames, kinds := newNames(), newNames(), newNames()
	const idChars = 2 * len(telemetry.SpanID{})
	ids := make([]byte, 0, idChars*n)
	for i := range built.Nodes {
		v := &built.Nodes[i]
		ids = hex.AppendEncode(ids, v.ID[:])
		s.Nodes.Parent[i], s.Nodes.Depth[i] = v.Parent, v.Depth
		s.Nodes.Service[i], s.Nodes.Name[i], s.Nodes.Kind[i] = serviceNames.of(v.Service), spanNames.of(v.Name), kinds.of(v.Kind)
		s.Nodes.Flags[i] = flags(t, v)
		s.Nodes.Offset[i], s.Nodes.Duration[i], s.Nodes.Self[i] = v.Start-built.Start, v.Duration, v.SelfTime
		if v.Skew != 0 {
			s.Nodes.Skew.nodes, s.Nodes.Skew.nanos = append(s.Nodes.Skew.nodes, i), append(s.Nodes.Skew.nanos, v.Skew)
		}
	}
	all := string(ids) // one allocation for all ids
	for i := range n {
		s.Nodes.Span[i] = all[i*idChars : (i+1)*idChars]
	}
	s.Services, s.Names, s.Kinds = serviceNames.list, spanNames.list, kinds.list
}

func flags(t *engine.Skeleton, n *chain.Node) (f int) {
	if n.Error {
		f |= flagError
	}
	switch n.Reason {
	case chain.ReasonMissing:
		f |= flagMissing
	case chain.ReasonCycle:
		f |= flagCycle
	case chain.ReasonDuplicate:
		f |= flagDuplicate
	case chain.ReasonNone:
	}
	if n.Span >= 0 && t.Spans[n.Span].HasEvents {
		f |= flagEvents
	}
	return f
}

func (s *Skeleton) layCritical(built *chain.Chain) {
	s.Critical = SkeletonSteps{Node: []int{}, From: []int64{}, To: []int64{}}
	for _, step := range built.Critical {
		s.Critical.Node = append(s.Critical.Node, step.Node)
		s.Critical.From = append(s.Critical.From, step.From-built.Start)
		s.Critical.To = append(s.Critical.To, step.To-built.Start)
	}
}

func (s *Skeleton) layLogs(t *engine.Skeleton, built *chain.Chain) {
	s.Logs = SkeletonLogs{ID: []string{}, Node: []int{}, Offset: []int64{}, Severity: []int{}, Body: []string{}}
	if len(t.Logs) == 0 {
		return
	}
	bySpan := make(map[telemetry.SpanID]int, len(built.Nodes))
	for i := range built.Nodes {
		if _, seen := bySpan[built.Nodes[i].ID]; !seen {
			bySpan[built.Nodes[i].ID] = i
		}
	}
	for i := range t.Logs {
		r := &t.Logs[i]
		node, skew := -1, int64(0)
		if f, ok := r.Get(telemetry.LevelField, telemetry.FieldSpanID); ok {
			var id telemetry.SpanID
			copy(id[:], f.Value.Text)
			if at, ok := bySpan[id]; ok {
				node, skew = at, built.Nodes[at].Skew
			}
		}
		s.Logs.ID = append(s.Logs.ID, engine.CursorAt(r).String())
		s.Logs.Node = append(s.Logs.Node, node)
		s.Logs.Offset = append(s.Logs.Offset, r.Time+skew-built.Start)
		s.Logs.Severity = append(s.Logs.Severity, int(r.Int(telemetry.FieldSeverity)))
		s.Logs.Body = append(s.Logs.Body, firstChars(r.Text(telemetry.FieldBody), logBodyChars))
	}
}

// firstChars is the first n characters of a text.
func firstChars(text string, n int) string {
	for i := range text {
		if n == 0 {
			return text[:i]
		}
		n--
	}
	return text
}
