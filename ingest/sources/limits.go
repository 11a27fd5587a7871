package sources

import "time"

const (
	// sourcesMax bounds how many sources a shard's owner remembers: agents have three each, and collectors' lives are few that are young at a time. The
	// list is part of every commit, at about 200 bytes each, and a commit holds a megabyte.
	sourcesMax = 4000
	// sourceKeep is how long a silent source is remembered: a sender gives an unanswered batch up long before.
	sourceKeep = time.Hour
	// numberedKeep is the same for agents, which keep what is not acknowledged on disk: a host that was off for weeks goes on where it was.
	numberedKeep = 90 * 24 * time.Hour
	// SpansRemembered is how many span hashes a shard keeps at least, and half of how many at most (8 bytes each, at most half full: 64 MB at
	// the worst). Retries come within seconds: at 50,000 spans a second a million is 20 s, at the usual rates minutes to hours.
	SpansRemembered = 1 << 20
)
