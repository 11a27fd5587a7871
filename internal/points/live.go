package points

import "context"

// What has arrived and is not sealed can be read as it is, by PromQL: query/metrics/stored says what it asks (Growing), ingest/series answers.

type liveKey struct{}

// WithLive asks for heads of metrics as they are, through a source of parts that knows nothing of metrics. Such a part has no columns.
func WithLive(ctx context.Context) context.Context { return context.WithValue(ctx, liveKey{}, true) }

// WantsLive says whether they are asked for.
func WantsLive(ctx context.Context) bool { return ctx.Value(liveKey{}) != nil }

// LiveRow is points of a series in a time range that are not in a part's columns.
type LiveRow struct {
	Min, Max int64 // milliseconds, both inclusive; Max is math.MaxInt64 if it is not known
	Samples  int
	// Kind is the chunk's, or empty: the points follow one by one.
	Kind         string
	Chunk, Extra []byte
}

// LiveReader is given rows.
type LiveReader interface {
	// Row is given a row of the i-th series that was asked for.
	Row(i int, r LiveRow)
	// Number is given the points of the last Row, if it has no chunk, by time. Times are milliseconds; start is 0 if it is not known.
	Number(t, start int64, v float64)
}
