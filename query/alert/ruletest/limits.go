package ruletest

import "time"

// Bounds on a test file: it is read by a person's terminal or a build, and should not take either.
const (
	// evaluationsMax bounds the steps of a test: a month at a minute.
	evaluationsMax = 50_000
	// recordsMax bounds the log records or spans of a test.
	recordsMax = 200_000
	// repeatMax bounds how often a line is repeated.
	repeatMax = 100_000
)

// defaultInterval is promtool's, of evaluations and of input series.
const defaultInterval = time.Minute
