package ruleapi

import "time"

const (
	// backtestsAtOnce bounds backtests: each reads days of data.
	backtestsAtOnce = 2
	// backtestTimeout bounds one.
	backtestTimeout = 5 * time.Minute
	// requestBytesMax bounds a request: a rule file and a little.
	requestBytesMax = 5 << 20
	// defaultSince is how far back a backtest goes that does not say.
	defaultSince = 24 * time.Hour
)
