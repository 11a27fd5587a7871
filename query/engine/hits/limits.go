package hits

const (
	// sameTimeMax is how many rows of the same time a search chooses among: 40 bytes each.
	sameTimeMax = 2 << 20
	// recordsAtOnce is how many records are made before it is looked how large they are.
	recordsAtOnce = 256
)
