package suggest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"clew/query/engine"
	"clew/query/engine/question"
)

// Completions is the answer of Complete.
type Completions struct {
	Completions []engine.Group // by count, descending
	OfSegments  bool           // counts are of segments with the value, not of records
	Stats       engine.Stats
}

// Complete gives the values of a field that begin with prefix, whatever its case, or, where no field is given, the names of fields, with the matching
// records that have them: at most top. Where counting a field's values takes longer than completeFor, or they are too many, the vocabulary index answers, with the
// values that begin exactly so and with counts of segments.
func Complete(ctx context.Context, e *engine.Engine, r engine.Request, fieldName, prefix string, top int) (*Completions, error) {
	if fieldName == "" {
		return completeField(ctx, e, r, prefix, top)
	}
	limited, cancel := context.WithTimeout(ctx, completeFor)
	defer cancel()
	g, err := e.Values(limited, r, fieldName, prefix, top)
	if err == nil {
		return &Completions{Completions: g.Groups, Stats: g.Stats}, nil
	}
	_, tooMany := errors.AsType[*engine.LimitError](err)
	if ctx.Err() != nil || limited.Err() == nil && !tooMany {
		return nil, err
	}
	values, known, failed := e.IndexedValues(ctx, r, fieldName, prefix, top)
	if !known {
		return nil, err
	}
	if failed != nil {
		return nil, failed
	}
	return &Completions{Completions: values, OfSegments: true}, nil
}

// completeField completes the name of a field.
func completeField(ctx context.Context, e *engine.Engine, r engine.Request, prefix string, top int) (*Completions, error) {
	fields, err := e.Fields(ctx, r)
	if err != nil {
		return nil, err
	}
	counts := map[string]uint64{}
	low := strings.ToLower(prefix)
	for _, f := range fields.Fields {
		for _, spelling := range question.Spellings(f.Column) {
			if strings.HasPrefix(strings.ToLower(spelling), low) {
				counts[spelling] += f.Count
			}
		}
	}
	out := &Completions{Stats: fields.Stats}
	for name, n := range counts {
		out.Completions = append(out.Completions, engine.Group{Value: name, Count: n})
	}
	slices.SortFunc(out.Completions, func(a, b engine.Group) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value))
	})
	out.Completions = out.Completions[:min(len(out.Completions), top)]
	return out, nil
}
