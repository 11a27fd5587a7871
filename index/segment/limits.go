package segment

const (
	// readAheadGroups is how many row groups are fetched ahead of who reads a column through: decoding one takes less than a request to a far store.
	readAheadGroups = 3
	// nearPagesMax bounds of how many pages BringNear tells the store at once: a trace has one or two.
	nearPagesMax = 4
	// nearVocabularyBytes: vocabularies up to this size are read whole for a few rows without being waited for noticeably.
	nearVocabularyBytes = 256 << 10
	// nearGapBytes: what is between two ranges is read along when it is less than a disk reads in the time of another request.
	nearGapBytes = 8 << 10
	// openReadBytes is what Open reads at once: header and metadata of an ordinary segment.
	openReadBytes = 64 << 10
	// idBytesMax bounds a segment's id; NewID makes about 60 bytes.
	idBytesMax = 200
)
