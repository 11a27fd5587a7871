package nearby

const (
	// blockBytes is what is kept and fetched as one: at 30 ms a request and 100 MB/s, 256 KiB more cost a tenth of another request. A segment's metadata,
	// or several small columns of a row group, are in one.
	blockBytes = 256 << 10
	// gapBlocks: two missing runs of blocks with no more than so many present ones between them are fetched by one request. 512 KiB read twice cost less
	// than a request.
	gapBlocks = 2
	// fetchBytesMax is what one request fetches at the most; more is fetched by several at once.
	fetchBytesMax = 4 << 20
	// prefetchesMax bounds the fetches ahead that are under way; further ones are dropped, for they are guesses.
	prefetchesMax = 8
	// prefetchBytesMax bounds one of them.
	prefetchBytesMax = 8 << 20
	// aheadBytes is fetched ahead of who reads an object from block to block.
	aheadBytes = 1 << 20
)
