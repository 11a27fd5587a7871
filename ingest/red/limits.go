package red

import "time"

const (
	// Width is how long a bucket is. A rule over the last minute sees six of them; at 10 s a day has 8,640, most of them empty for most operations.
	Width = 10 * time.Second
	// seriesMax bounds the series of a generation, which is of one tenant, signal and shard. An instrumented service has tens of operations and hundreds of
	// templates. Records beyond it are counted under the name Other, by service for as many series again, and then without a service.
	seriesMax = 2000
	// textMax bounds a name or a template, in bytes: it is a label.
	textMax = 200
	// durationMax is the longest duration that a span is counted with: an hour more is not more wrong. It bounds how far from its start a span is counted, too.
	durationMax = time.Hour
	// scale of the histograms: 8 buckets for each doubling, so that a quantile is off by 4.4 % at most.
	scale = 3
	// livePoints is how many points there may be for each bucket in what is read while it grows, before it is made anew with one: somebody who asks each
	// second sees a bucket grow ten times. liveSlack is for few buckets.
	livePoints = 3
	liveSlack  = 1000
	// rowSamples bounds the buckets of a row: an hour of them.
	rowSamples = 360
	// exemplarEvery is the time in which a series has one exemplar, the slowest call: ids do not compress, so that one a minute would be most of what is stored of a quiet service.
	exemplarEvery = 5 * time.Minute
)

// Other stands for the operations and templates beyond the bound.
const Other = "other"
