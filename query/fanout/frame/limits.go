package frame

const (
	// rowsMax is how many rows a message may have, and columnsMax how many columns: a segment has 1,000 attribute columns at most, records of many segments a few times as
	// many. What memory a message takes, its bytes bound; these bound what is computed from them.
	rowsMax    = 16 << 20
	columnsMax = 1 << 16
)
