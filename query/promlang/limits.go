package promlang

import "time"

const (
	// tokensMax bounds a query's length in names, numbers, strings and operators. One of 10,000 is parsed in 0.1 s; the time grows with the square.
	tokensMax = 10_000
	// stepsMax bounds the steps of a subquery, over the whole of the query's time. Each takes at least 24 bytes for every series of its result, before
	// any is evaluated. A year at five minutes, or a month at 15 s, is less.
	stepsMax = 200_000
	// stepMin is the finest step: times of points are milliseconds.
	stepMin = time.Millisecond
	// subqueryStep is the step of a subquery that gives none: Prometheus' default interval of evaluation.
	subqueryStep = time.Minute
	// Lookback is how far back an instant looks for a series' last point.
	Lookback = 5 * time.Minute
)
