package segment

const (
	// readAheadGroups is how many row groups are fetched ahead of who reads a column through: decoding one takes less than a request to a far store.
	readAheadGroups = 3
	// openReadBytes is what Open reads at once: header and metadata of an ordinary segment.
	openReadBytes = 64 << 10
	// idBytesMax bounds a segment's id; NewID makes about 60 bytes.
	idBytesMax = 200
)
