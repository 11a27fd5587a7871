package demo

import "time"

// The bounds of everything that could grow or wait: a demo left running over night must cost what it cost in its first minute.
const (
	rateMax = 200 // page views per second; the shop is for watching, bench/ is for load

	sessionsPerRate = 8 // users at once for each page view per second; arrivals beyond are turned away
	requestTimeout  = 10 * time.Second
	stopTimeout     = 2 * time.Second // for requests in flight when the shop closes
	flushTimeout    = 5 * time.Second // for telemetry not yet sent when the shop closes

	poolConnections = 4               // of a service to the database
	poolWaitMax     = 3 * time.Second // for a free connection
	databaseWorkers = 12              // queries at once in the database
	ordersKept      = 2000            // rows of the tables that grow
	queueMessages   = 1000            // of a consumer group; the oldest go first
	cartsKept       = 2000
	cacheEntries    = 256

	leakBytesMax   = 144 << 20             // what the leaking service holds before it is "killed"
	leakBytesChunk = 512 << 10             // held for each request
	memoryLimit    = leakBytesMax + 80<<20 // of the process: near it the collector works harder instead of letting the heap double
	leakPerSecond  = 3 << 20               // and while it idles, so that the leak shows at any rate

	neighbourClients = 8 // of the tenant that takes more than its share
	skew             = 3 * time.Second
	skewedHost       = "node-3"

	batchInterval  = time.Second      // until spans and log records are sent
	metricInterval = 10 * time.Second // between two exports of metrics
	batchRecords   = 1024             // queued and not yet sent, of a service and signal
)
