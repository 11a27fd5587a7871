package deletion

const (
	// queryBytesMax, byBytesMax and objectBytesMax bound what is written down of a deletion.
	queryBytesMax  = 8 << 10
	byBytesMax     = 200
	objectBytesMax = 1 << 20
)
