package bucket

import "time"

const (
	// partBytes is a part of a multipart upload. A part is buffered in memory, partsAtOnce of them an upload; S3 allows 10,000, which is 78 GiB.
	partBytes   = 8 << 20
	partsAtOnce = 2
	// connectTimeout is for a connection to be made: a store in the same region answers in milliseconds, and one that doesn't is away.
	connectTimeout = 3 * time.Second
	// answerTimeout is for the first byte of an answer after a request has been sent whole.
	answerTimeout = 20 * time.Second
	// seekAgainAfter is how long after a search for credentials found none the next one may begin: short enough for someone who has just put them there.
	seekAgainAfter = 5 * time.Second
	// idleConnections are kept for the next requests: more than are used at once (see patient.Limits) would never be.
	idleConnections = 64
	// listPage is how many entries one request lists; S3 and its kind give at most 1,000.
	listPage = 1000
)
