package engine

import (
	"context"
	"errors"

	"clew/query/engine/counts"
	"clew/query/engine/match"
	"clew/query/engine/question"
)

// Groups is the answer of CountBy and Values.
type Groups struct {
	counts.ByValue
	Stats Stats
}

// errOneField is the answer to counting by "any" or by nothing.
var errOneField = errors.New(`count by field: want the name of one field, such as service`)

// CountBy counts the matching records by a field's values and gives the top most frequent ones (0: all).
func (e *Engine) CountBy(ctx context.Context, r Request, fieldName string, top int) (*Groups, error) {
	return e.groups(ctx, r, fieldName, "", top)
}

// Values are a field's most frequent values that begin with prefix, whatever its case, among the matching records.
func (e *Engine) Values(ctx context.Context, r Request, fieldName, prefix string, top int) (*Groups, error) {
	return e.groups(ctx, r, fieldName, prefix, top)
}

func (e *Engine) groups(ctx context.Context, r Request, fieldName, prefix string, top int) (*Groups, error) {
	f := question.FieldOf(r.Signal, fieldName)
	if f.Every || fieldName == "" {
		return nil, errOneField
	}
	if e.spreads(&r) {
		return e.groupsAll(ctx, r, fieldName, prefix, top)
	}
	ctx, q, err := e.begin(ctx, r)
	if err != nil {
		return nil, err
	}
	defer q.end()
	bounds, err := q.bindAll(ctx)
	if err != nil {
		return nil, err
	}
	g := &counts.Grouping{Field: f, Prefix: prefix, Most: e.limits.Groups, Matched: &q.tally.matched}
	if err := q.each(ctx, match.TasksOf(bounds), nil, g.Visit); err != nil {
		return nil, err
	}
	out, err := g.Result(top)
	if err != nil {
		return nil, err
	}
	return &Groups{ByValue: *out, Stats: q.stats()}, nil
}
