package parts

import "time"

const (
	// openRetryAfter is how long a segment that could not be opened is left alone.
	openRetryAfter = 30 * time.Second
	// recheckTimeout is how long reading a segment whole may take that was set aside; each time it is damaged still it is left alone twice as
	// long, up to 2^recheckDoublings times openRetryAfter: 16 minutes.
	recheckTimeout   = 5 * time.Minute
	recheckDoublings = 5
	// opensAtOnce is how many segments one query opens at the same time: each reads its metadata from the store.
	opensAtOnce = 8
	// openBytesMax bounds the metadata of segments that stay open though no query uses them: some 20,000 small segments, or 1,000 of many columns.
	// Opening one again takes 0.2 ms.
	openBytesMax = 128 << 20
	// positionWait is how long a query waits for the catalog to reach what a head has given up already.
	positionWait = 5 * time.Second
	// fedValuesMax is how many values a column may have to be fed to the index: a document costs about 130 us of CPU.
	fedValuesMax = 10_000
	// feederLooks is how often the feeder looks at the age of what the vocabulary index holds.
	feederLooks = 10 * time.Minute
	// feederRest is how long the feeder rests for each segment of the catalog between two looks at all of them, which take some 3 us each on a busy machine: with a million, and several
	// commits a second, it would do nothing else.
	feederRest = 20 * time.Microsecond
)
