package audit

const (
	// fileBytesMax and filesMax bound the log to 128 MiB: some 600,000 events. Who needs it for longer ships the files.
	fileBytesMax = 16 << 20
	filesMax     = 8
	// textBytesMax bounds each text of an event that comes from outside, such as a query.
	textBytesMax = 2 << 10
)
