package promlang

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
)

// Options are what engines differ in.
type Options struct {
	Logger *slog.Logger
	// Samples is how many points a query may hold at once, and Timeout how long it may take.
	Samples int
	Timeout time.Duration
}

// Engine evaluates PromQL. It is safe for concurrent use.
type Engine struct{ engine *promql.Engine }

// NewEngine returns an engine; Close ends it.
func NewEngine(o Options) *Engine {
	return &Engine{promql.NewEngine(promql.EngineOpts{
		Logger: o.Logger, MaxSamples: o.Samples, Timeout: o.Timeout, LookbackDelta: Lookback, Parser: Parser(),
		NoStepSubqueryIntervalFn: func(int64) int64 { return subqueryStep.Milliseconds() },
		EnableAtModifier:         true, EnableNegativeOffset: true,
	})}
}

// Close ends the engine.
func (e *Engine) Close() error { return e.engine.Close() }

// NewInstantQuery implements promql.QueryEngine.
func (e *Engine) NewInstantQuery(ctx context.Context, q storage.Queryable, opts promql.QueryOpts, text string, ts time.Time) (promql.Query, error) {
	query, err := e.engine.NewInstantQuery(ctx, q, opts, text, ts)
	return bounded(query, err)
}

// NewRangeQuery implements promql.QueryEngine.
func (e *Engine) NewRangeQuery(ctx context.Context, q storage.Queryable, opts promql.QueryOpts, text string, start, end time.Time, step time.Duration) (promql.Query, error) {
	if step < stepMin {
		return nil, fmt.Errorf("the step, %v, is less than %v", step, stepMin)
	}
	query, err := e.engine.NewRangeQuery(ctx, q, opts, text, start, end, step)
	return bounded(query, err)
}

// bounded refuses a query whose subqueries have too many steps.
func bounded(query promql.Query, err error) (promql.Query, error) {
	if err != nil {
		return nil, err
	}
	s, ok := query.Statement().(*parser.EvalStmt)
	if !ok {
		return query, nil
	}
	if err := checkSteps(s.Expr, s.End.Sub(s.Start)); err != nil {
		query.Close()
		return nil, err
	}
	return query, nil
}

// Check says what an engine would refuse of an expression that is evaluated at single times, as rules' are. It does so on a copy: whoever evaluates parses anew.
func Check(text string) error {
	e, err := Parser().ParseExpr(text)
	if err != nil {
		return err
	}
	now := time.Unix(0, 0) // steps do not depend on when
	if e, err = promql.PreprocessExpr(e, now, now, 0); err != nil {
		return err
	}
	return checkSteps(e, 0)
}

// checkSteps checks the subqueries below a node that is evaluated over a span of time. The engine evaluates a subquery once for all of them: over that span, and
// its own range before.
func checkSteps(n parser.Node, span time.Duration) error {
	switch n := n.(type) {
	case *parser.StepInvariantExpr: // has the same value everywhere, and is evaluated at one time
		span = 0
	case *parser.SubqueryExpr:
		step := n.Step
		if step == 0 {
			step = subqueryStep
		}
		span += n.Range
		if span < 0 || span/max(step, stepMin) > stepsMax {
			return fmt.Errorf("the subquery [%v:%v] has more than %d steps over the time that is asked for: make its step wider", model.Duration(n.Range), model.Duration(step), stepsMax)
		}
	}
	for child := range parser.ChildrenIter(n) {
		if err := checkSteps(child, span); err != nil {
			return err
		}
	}
	return nil
}
