package fanout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"clew/query/engine"
	"clew/query/fanout/frame"
	"clew/query/metrics/lent"
	"clew/query/parts"
)

// Segments of metrics are shared out as all others are. Who reads one matches a selector in it and lends the rows that match (package lent); all selectors of a query divide the
// segments in the same way, and what a process does not answer for is read where the question is.

// kindMetrics is a question about metrics in segments.
const kindMetrics = "metrics"

// metricsQuestion is such a question.
type metricsQuestion struct {
	Tenant string
	lent.Question
}

// Lender reads metrics for other processes. It is a metrics.Storage. An answer is released when it has been sent.
type Lender interface {
	Lend(ctx context.Context, tenant string, q *lent.Question) (*lent.Answer, error)
}

// UseMetrics makes the server lend metrics. It is called before Run.
func (s *Server) UseMetrics(l Lender) { s.lender = l }

// What the rows of lent metrics are called.
const (
	rowsFamilies = "families"
	rowsBases    = "bases"
	rowsLent     = "rows"
	rowsSeries   = "series"
	rowsOrigins  = "origins"
	rowsTexts    = "texts"
	rowsCounted  = "counted"
)

// lend answers a question about metrics.
func (s *Server) lend(ctx context.Context, t *ticket, to send) (json.RawMessage, error) {
	q := &metricsQuestion{}
	if err := json.Unmarshal(t.Question, q); err != nil {
		return nil, &frame.DamageError{What: "a question: " + err.Error()}
	}
	if s.lender == nil {
		return nil, errors.New("this process reads no metrics")
	}
	a, err := s.lender.Lend(ctx, q.Tenant, &q.Question)
	if err != nil {
		return nil, limited(err)
	}
	if a.Release != nil {
		defer a.Release()
	}
	for _, f := range []func() error{
		func() error {
			return sendRows(to, rowsFamilies, a.Families, func(f *lent.Family) int { return 64 + len(f.Name) + len(f.OTel) + len(f.Help) }, tableOf)
		},
		func() error {
			return sendRows(to, rowsBases, a.Bases, func(b *lent.Base) int { return 32 + len(b.Type) }, tableOf)
		},
		func() error {
			return sendRows(to, rowsLent, a.Rows, func(r *lent.Row) int { return 48 + len(r.Data) + len(r.Extra) }, tableOf)
		},
		func() error {
			return sendRows(to, rowsSeries, a.Series, func(s *lent.Series) int { return 24 + len(s.Labels) }, tableOf)
		},
		func() error {
			return sendRows(to, rowsOrigins, a.Origins, func(*lent.Origin) int { return 24 }, tableOf)
		},
		func() error {
			return sendRows(to, rowsTexts, a.Texts, func(t *lent.Text) int { return 8 + len(t.Text) }, tableOf)
		},
		func() error {
			return sendRows(to, rowsCounted, a.Counted, func(*lent.Counted) int { return 24 }, tableOf)
		},
	} {
		if err := f(); err != nil {
			return nil, err
		}
	}
	return json.Marshal(a)
}

// limited is an error as other processes know it.
func limited(err error) error {
	var limit *lent.LimitError
	if errors.As(err, &limit) {
		return &engine.LimitError{What: "bytes of points in other processes", Max: int(limit.Max), Hint: "narrow the time range, or select fewer series"}
	}
	if errors.Is(err, lent.ErrBusy) {
		return fmt.Errorf("%w: %w", engine.ErrBusy, err)
	}
	return err
}

// Divide says for each segment of metrics who reads it; "" is this process. It is for metrics.Readers.
func (c *Coordinator) Divide(segments []string) []string {
	out := make([]string, len(segments))
	membership := c.members.Members()
	c.nodes.keep(membership.Members)
	readers := c.readers(&membership, nil)
	if len(readers) == 0 {
		return out
	}
	for i, id := range segments {
		if name := reader(id, readers); name != membership.Self {
			out[i] = name
		}
	}
	return out
}

// Lend asks a process for metrics. It is for metrics.Readers.
func (c *Coordinator) Lend(ctx context.Context, from, tenant string, q *lent.Question, keep func(bytes int64) error) (*lent.Answer, error) {
	membership := c.members.Members()
	m, there := membership.member(from)
	if !there {
		return nil, fmt.Errorf("%s is not there", from)
	}
	if c.suspected(from) {
		return nil, errSilent
	}
	c.counts.asked.WithLabelValues("elsewhere").Inc()
	a, err := c.lend(ctx, m, tenant, q, keep)
	if err == nil || ctx.Err() != nil {
		return a, err
	}
	c.counts.failed.WithLabelValues(reasonOf(err)).Inc()
	var told *toldError
	var limit *engine.LimitError
	switch {
	case lent.Refused(err): // by keep
		return nil, err
	case errors.As(err, &limit):
		return nil, &lent.LimitError{Max: int64(limit.Max)}
	case errors.Is(err, engine.ErrBusy):
		return nil, lent.ErrBusy
	case !errors.As(err, &told):
		c.suspect(from, err)
	}
	return nil, fmt.Errorf("metrics of %s: %w", from, err)
}

func (c *Coordinator) lend(ctx context.Context, m Member, tenant string, q *lent.Question, keep func(bytes int64) error) (*lent.Answer, error) {
	text, err := json.Marshal(metricsQuestion{tenant, *q})
	if err != nil {
		return nil, err
	}
	a := &lent.Answer{}
	answer, err := c.nodes.ask(ctx, m, &ticket{Kind: kindMetrics, Question: text, Share: &parts.Share{}}, func(rows string, t frame.Table) (err error) {
		switch rows {
		case rowsFamilies:
			a.Families, err = rowsOf(a.Families, t)
		case rowsBases:
			a.Bases, err = rowsOf(a.Bases, t)
		case rowsLent:
			a.Rows, err = rowsOf(a.Rows, t)
		case rowsSeries:
			a.Series, err = rowsOf(a.Series, t)
		case rowsOrigins:
			a.Origins, err = rowsOf(a.Origins, t)
		case rowsTexts:
			a.Texts, err = rowsOf(a.Texts, t)
		case rowsCounted:
			a.Counted, err = rowsOf(a.Counted, t)
		default:
			return fmt.Errorf("rows of an unknown kind %.20q", rows)
		}
		if err != nil {
			return err
		}
		return keep(lentInMemory(rows, t))
	})
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(answer, a); err != nil {
		return nil, &frame.DamageError{What: "what is said beside lent metrics: " + err.Error()}
	}
	return a, nil
}

// lentInMemory is about what rows of lent metrics take: the bytes of chunks once, and labels twice, as they came and in series.
func lentInMemory(rows string, t frame.Table) int64 {
	bytes := t.Bytes() + lent.RowBytes*int64(t.Rows)
	if rows != rowsLent {
		bytes += t.Bytes()
	}
	return bytes
}
