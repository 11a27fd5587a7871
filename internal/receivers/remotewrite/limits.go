package remotewrite

const (
	// metricCost, pointCost and pairCost are about what a metric, a data point and a label take decoded, beside their texts.
	metricCost = 400
	pointCost  = 250
	pairCost   = 120
	// symbolCost is a string's header.
	symbolCost = 16

	// bucketsMax bounds the buckets of a native histogram on one side of zero, gaps included: OTLP has no gaps, so a few bytes could ask for
	// gigabytes. Prometheus' own schemas have less than 300 buckets a decade at the finest.
	bucketsMax = 16_384
)
