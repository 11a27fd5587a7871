package export

const (
	// groupRows and groupBytes bound a row group that is being gathered in memory. Readers like a hundred thousand rows; records can be large.
	groupRows  = 128 << 10
	groupBytes = 64 << 20
)
