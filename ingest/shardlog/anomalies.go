package shardlog

import (
	"errors"
	"sync/atomic"
)

// The reasons of Stats.Anomalies: what a log must not do, and was found to have done.
const (
	AnomalyDamaged     = "damaged"      // a message's checksum or fields are wrong
	AnomalyVersion     = "version"      // a message is of a newer format
	AnomalyMissing     = "missing"      // a position within the stream holds nothing
	AnomalyLost        = "lost"         // a message was acknowledged at a position that holds another one, or that does not exist
	AnomalyRescued     = "rescued"      // one was acknowledged at a position that had been read before, with another message; it was appended again
	AnomalyRepeated    = "repeated"     // a message is there twice, with the same bytes
	AnomalyConflicting = "conflicting"  // two messages of a writer have one number
	AnomalySteppedBack = "stepped_back" // a stream ends before what was read of it or committed, or gives out positions that it gave out before
	AnomalyRemade      = "remade"       // a stream was replaced by another of its name
	AnomalyGone        = "gone"         // a stream does not exist any more
	AnomalyTrimmed     = "trimmed"      // a stream begins after what has been committed
)

// anomalies are the reasons, in the order of their counters.
var anomalies = [...]string{
	AnomalyDamaged, AnomalyVersion, AnomalyMissing, AnomalyLost, AnomalyRescued, AnomalyRepeated, AnomalyConflicting, AnomalySteppedBack, AnomalyRemade, AnomalyGone, AnomalyTrimmed,
}

type anomalyCounts [len(anomalies)]atomic.Uint64

func (a *anomalyCounts) anomaly(reason string, n uint64) {
	for i := range anomalies {
		if anomalies[i] == reason {
			a[i].Add(n)
		}
	}
}

func (a *anomalyCounts) byReason() map[string]uint64 {
	counts := make(map[string]uint64, len(anomalies))
	for i := range anomalies {
		counts[anomalies[i]] = a[i].Load()
	}
	return counts
}

// anomalyOf is the reason that an error of this package stands for.
func anomalyOf(err error) string {
	var (
		version *UnknownVersionError
		gone    *GoneError
		remade  *RemadeError
		beyond  *BeyondError
		trimmed *TrimmedError
	)
	switch {
	case errors.As(err, &version):
		return AnomalyVersion
	case errors.As(err, &gone):
		return AnomalyGone
	case errors.As(err, &remade):
		return AnomalyRemade
	case errors.As(err, &beyond):
		return AnomalySteppedBack
	case errors.As(err, &trimmed):
		return AnomalyTrimmed
	}
	return AnomalyDamaged
}
