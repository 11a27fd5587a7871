package points

// A metric's metadata (OTLP's Metric.metadata) say what OTLP has no place for of what came from Prometheus. They are part of a series' key.
const (
	// MarkType is the type that Prometheus had: counter gauge histogram summary unknown. The Collector's scraper sets it too. A metric
	// that has it keeps its name and the names of its attributes when it is asked for.
	MarkType = "prometheus.type"
	// MarkHistogram says of a histogram, in words with spaces between them, which kind of native histogram it was.
	MarkHistogram = "prometheus.histogram"
	// MarkCounts is the width of the buckets, as 10s, of a metric that clew itself counts (ingest/red): its points are deltas, each of the records of one
	// bucket, at the bucket's end, and several may be of the same bucket. It is asked for as a counter.
	MarkCounts = "clew.counts"
)

// Words of MarkHistogram.
const (
	// MarkedNative: the explicit bounds are the custom buckets of a native histogram; without it they are a classic histogram's.
	MarkedNative = "native"
	// MarkedFloats: the counts are doubles; OTLP's whole numbers are their bits.
	MarkedFloats = "floats"
	// MarkedGauge: the histogram is a gauge.
	MarkedGauge = "gauge"
	// MarkedReset: the sender knew that the counts began anew with each of these points.
	MarkedReset = "reset"
)
