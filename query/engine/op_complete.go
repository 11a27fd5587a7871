package engine

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"clew/internal/telemetry"
	"clew/query/engine/question"
)

// Completions is the answer of Complete.
type Completions struct {
	Completions []Group // by count, descending
	OfSegments  bool    // counts are of segments with the value, not of records
	Stats       Stats
}

// Complete gives the values of a field that begin with prefix, whatever its case, or, where no field is given, the names of fields, with the matching
// records that have them: at most top. Where counting a field's values takes longer than completeFor, or they are too many, the vocabulary index answers, with the
// values that begin exactly so and with counts of segments.
func (e *Engine) Complete(ctx context.Context, r Request, fieldName, prefix string, top int) (*Completions, error) {
	if fieldName == "" {
		return e.completeField(ctx, r, prefix, top)
	}
	limited, cancel := context.WithTimeout(ctx, completeFor)
	defer cancel()
	g, err := e.Values(limited, r, fieldName, prefix, top)
	if err == nil {
		return &Completions{Completions: g.Groups, Stats: g.Stats}, nil
	}
	_, tooMany := errors.AsType[*LimitError](err)
	if e.answers.Index() == nil || ctx.Err() != nil || limited.Err() == nil && !tooMany {
		return nil, err
	}
	out := &Completions{OfSegments: true}
	for _, want := range question.FieldOf(r.Signal, fieldName).Wants {
		name := telemetry.Column{Level: want.Level, Key: want.Key, Type: telemetry.TypeString}.Name()
		found, err := e.answers.Index().Complete(ctx, r.Tenant, name, prefix, top)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			out.Completions = append(out.Completions, Group{Value: f.Text, Count: uint64(f.Segments)})
		}
	}
	out.Completions = out.Completions[:min(len(out.Completions), top)]
	return out, nil
}

// completeField completes the name of a field.
func (e *Engine) completeField(ctx context.Context, r Request, prefix string, top int) (*Completions, error) {
	fields, err := e.Fields(ctx, r)
	if err != nil {
		return nil, err
	}
	counts := map[string]uint64{}
	low := strings.ToLower(prefix)
	for _, f := range fields.Fields {
		for _, spelling := range spellings(f.Column) {
			if strings.HasPrefix(strings.ToLower(spelling), low) {
				counts[spelling] += f.Count
			}
		}
	}
	out := &Completions{Stats: fields.Stats}
	for name, n := range counts {
		out.Completions = append(out.Completions, Group{Value: name, Count: n})
	}
	slices.SortFunc(out.Completions, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value))
	})
	out.Completions = out.Completions[:min(len(out.Completions), top)]
	return out, nil
}
