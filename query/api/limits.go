package api

import "time"

const (
	// searchDefault and searchMax bound the records of one page; a cursor gives the rest.
	searchDefault = 100
	searchMax     = 10_000
	// tracesDefault and tracesMax bound the traces of one page: the engine reads all spans of them.
	tracesDefault = 20
	tracesMax     = 1000
	// spanBytesMean is about how long a span is as JSON: what the buffer of a trace begins with.
	spanBytesMean = 2 << 10
	// skeletonsAtOnce is how many skeletons are built at the same time: one of 250,000 spans takes some 250 MB while it is.
	skeletonsAtOnce = 2
	// logBodyChars is how much of a log record's body a skeleton shows.
	logBodyChars = 200
	// compressBytesMin is where compression begins: what fits one packet gains nothing.
	compressBytesMin = 1 << 10
	// groupsDefault and groupsMax bound the groups and values that one answer lists.
	groupsDefault = 20
	groupsMax     = 10_000
	// hostsDefault and hostsMost bound the hosts of an answer, some 600 bytes each.
	hostsDefault = 1000
	hostsMost    = 10_000
	// exportPage is how many records of an export are in memory at once, and an OTLP request of it holds.
	exportPage = 2000
	// exportPatience is how long an export that has begun waits for what cannot be reached, such as a shard on its way to another owner (15 s at most); exportAskAgain is
	// between two attempts.
	exportPatience = 20 * time.Second
	exportAskAgain = 500 * time.Millisecond
	// sealWait is how long a request waits for everything to be sealed. Full heads take seconds; beyond it something is away.
	sealWait = time.Minute
	// contextMax bounds the records before and after one.
	contextMax = 1000
	// headerTimeout and idleTimeout free connections of clients that say nothing.
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	// shutdownTimeout is how long answers under way may take once the process is to end.
	shutdownTimeout = 5 * time.Second
)
