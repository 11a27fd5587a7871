package deletion

const (
	// queryBytesMax, byBytesMax and objectBytesMax bound what is written down of a deletion.
	queryBytesMax  = 8 << 10
	byBytesMax     = 200
	objectBytesMax = 1 << 20
	// waitingMax bounds the deletions that are not done: each reads every segment of its time range. Processes that take requests at once may pass it by one each.
	waitingMax = 16
)
