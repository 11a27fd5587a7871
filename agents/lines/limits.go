package lines

const (
	// recordLinesMax ends a record after so many lines: a Go dump of all goroutines may have tens of thousands, and one record must not hold
	// them all; what follows begins the next record.
	recordLinesMax = 2000
	// recordBytesMax ends a record before it is larger: half of what the receivers of files read at once, so that a record never waits for a
	// buffer that it cannot have.
	recordBytesMax = 256 << 10
	// severityWithin is how far after the time a line's severity is looked for: thread, process and component come before it in some formats.
	severityWithin = 96
)
