package alert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"

	"clew/internal/telemetry"
	"clew/query/alert/rulefile"
	"clew/query/engine"
	"clew/query/lang"
	"clew/query/metrics"
)

// Answers answers what rules ask, from the data there is.
type Answers struct {
	Records   *engine.Engine
	PromQL    promql.QueryEngine
	Metrics   storage.Queryable         // the tenant is the context's (metrics.WithTenant)
	Exemplars storage.ExemplarQueryable // nil: none
}

// PartialError says that an answer is not everything there is. A rule that counts what it cannot see decides nothing.
type PartialError struct{ Why []string }

func (e *PartialError) Error() string { return "the answer is partial: " + strings.Join(e.Why, "; ") }

// overlaid is answers that also see what a group has recorded and the index may not have yet.
func (a *Answers) overlaid(with storage.Queryable) *Answers {
	both := *a
	both.Metrics = storage.QueryableFunc(func(mint, maxt int64) (storage.Querier, error) {
		below, err := a.Metrics.Querier(mint, maxt)
		if err != nil {
			return nil, err
		}
		above, err := with.Querier(mint, maxt)
		if err != nil {
			return nil, errors.Join(err, below.Close())
		}
		return storage.NewMergeQuerier([]storage.Querier{below, above}, nil, storage.ChainedSeriesMerge), nil
	})
	return &both
}

// Vector is a rule's value at a time: for alerting rules only the members that meet the condition.
func (a *Answers) Vector(ctx context.Context, tenant string, r *rulefile.Rule, ts time.Time) (promql.Vector, error) {
	if r.Lang == rulefile.PromQL {
		return a.Query(ctx, tenant, r.PromQL.String(), ts)
	}
	return a.count(ctx, tenant, r, ts)
}

// Query evaluates PromQL at a time. A scalar is a vector of one member without labels.
func (a *Answers) Query(ctx context.Context, tenant, expr string, ts time.Time) (promql.Vector, error) {
	q, err := a.PromQL.NewInstantQuery(metrics.WithTenant(ctx, tenant), a.Metrics, nil, expr, ts)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	result := q.Exec(metrics.WithTenant(ctx, tenant))
	if result.Err != nil {
		return nil, result.Err
	}
	if err := partial(result.Warnings); err != nil {
		return nil, err
	}
	switch v := result.Value.(type) {
	case promql.Vector:
		return slices.Clone(v), nil // the engine takes its own back
	case promql.Scalar:
		return promql.Vector{{T: v.T, F: v.V, Metric: labels.EmptyLabels()}}, nil
	}
	return nil, fmt.Errorf("the expression gives a %s: want a vector or a scalar", result.Value.Type())
}

// partial is an error if a warning is about the data, not about the expression.
func partial(warnings annotations.Annotations) error {
	var why []string
	for text, err := range warnings {
		if !errors.Is(err, annotations.PromQLInfo) && !errors.Is(err, annotations.PromQLWarning) {
			why = append(why, text)
		}
	}
	if len(why) > 0 {
		slices.Sort(why)
		return &PartialError{why}
	}
	return nil
}

// member is the records of one combination of a rule's fields.
type member struct {
	labels []string // the fields' values as labels have them; "": the records lack the field
	query  lang.Expr
	count  uint64
}

// count counts the records of the window that ends at ts, which it does not include.
func (a *Answers) count(ctx context.Context, tenant string, r *rulefile.Rule, ts time.Time) (promql.Vector, error) {
	members, err := a.members(ctx, tenant, r, ts)
	if err != nil {
		return nil, err
	}
	var out promql.Vector
	for _, m := range members {
		if v := float64(m.count); r.Condition.Holds(v) {
			out = append(out, promql.Sample{T: ts.UnixMilli(), F: v, Metric: labelsOf(r, m.labels)})
		}
	}
	return out, nil
}

func labelsOf(r *rulefile.Rule, values []string) labels.Labels {
	b := labels.NewBuilder(labels.EmptyLabels())
	for i, field := range r.By {
		b.Set(rulefile.LabelOf(field), values[i])
	}
	return b.Labels()
}

func (a *Answers) members(ctx context.Context, tenant string, r *rulefile.Rule, ts time.Time) ([]member, error) {
	query := asOf(r.Query, ts)
	request := engine.Request{Tenant: tenant, Signal: r.Lang.Signal(), Query: query, From: ts.Add(-r.Window).UnixNano(), To: ts.UnixNano()}
	if len(r.By) == 0 {
		n, err := a.Records.Count(ctx, request)
		if err != nil {
			return nil, err
		}
		if len(n.Stats.Partial) > 0 {
			return nil, &PartialError{n.Stats.Partial}
		}
		return []member{{query: query, count: n.Count}}, nil
	}
	// A field after the other: most rules have one, and of several the first leaves few records to the next.
	members := []member{{query: query}}
	for _, field := range r.By {
		var next []member
		for _, m := range members {
			request.Query = m.query
			groups, err := a.Records.CountBy(ctx, request, field, groupsMax)
			if err != nil {
				return nil, err
			}
			if len(groups.Stats.Partial) > 0 {
				return nil, &PartialError{groups.Stats.Partial}
			}
			if next = m.split(next, field, groups); len(next) > groupsMax || groups.Other > 0 {
				return nil, fmt.Errorf("more than %d groups by %s: choose fields with fewer values, or narrow the expression", groupsMax, strings.Join(r.By, ", "))
			}
		}
		members = next
	}
	return members, nil
}

// split adds a member's parts by a field.
func (m *member) split(next []member, field string, groups *engine.Groups) []member {
	for _, g := range groups.Groups {
		equal := &lang.Match{Field: field, Op: lang.OpEqual, Value: lang.Value{Text: g.Value}}
		next = append(next, member{append(slices.Clone(m.labels), labelValue(field, g.Value)), lang.Conj(m.query, equal), g.Count})
	}
	if groups.Absent > 0 {
		has := &lang.Match{Field: field, Value: lang.Value{Form: lang.FormExists}}
		next = append(next, member{append(slices.Clone(m.labels), ""), lang.Conj(m.query, lang.Neg(has)), groups.Absent})
	}
	return next
}

// labelValue is a field's value as people know it.
func labelValue(field, value string) string {
	if field == telemetry.FieldSeverity {
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			return telemetry.SeverityText(n)
		}
	}
	return value
}
