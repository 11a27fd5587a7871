package promapi

import "time"

// Limits bound what queries may take. Zeros are DefaultLimits'.
type Limits struct {
	// Queries is how many run at once, half of them of one tenant at the most; further ones wait up to Wait for their turn.
	Queries int
	Wait    time.Duration
	// Timeout is how long one may take. A request may ask for less.
	Timeout time.Duration
	// Samples is how many points one may hold at once, at 16 bytes each.
	Samples int
}

// DefaultLimits suit a process that shares its machine with ingest.
func DefaultLimits() Limits {
	return Limits{Queries: 16, Wait: 10 * time.Second, Timeout: time.Minute, Samples: 20_000_000}
}

func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	if l.Queries <= 0 {
		l.Queries = d.Queries
	}
	if l.Wait <= 0 {
		l.Wait = d.Wait
	}
	if l.Timeout <= 0 {
		l.Timeout = d.Timeout
	}
	if l.Samples <= 0 {
		l.Samples = d.Samples
	}
	return l
}

const (
	// pointsMax bounds the points of each series of an answer, as in Prometheus; seriesMax the series.
	pointsMax = 11_000
	seriesMax = 10_000
	// namesMax bounds the names, labels or values that an answer lists.
	namesMax     = 100_000
	namesDefault = 10_000
	// formBytesMax bounds the form of a POST.
	formBytesMax = 1 << 20
	// metadataSince is how far back metrics are looked for that an answer describes.
	metadataSince = time.Hour
	// tsdbSince is the same for the counts of series.
	tsdbSince = time.Hour
	// remoteReadSamples, remoteReadQueries and remoteReadFrame are Prometheus' own bounds on remote read.
	remoteReadSamples = 5e7
	remoteReadQueries = 10
	remoteReadFrame   = 1 << 20
)
