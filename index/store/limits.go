package store

const (
	// nameBytesMax keeps a name below what file systems (4,096 a path, 255 an element) and object stores (1,024) allow.
	nameBytesMax = 500
	// writeBufferBytes gathers small writes: an fsynced file of 50 MB costs 200 calls, and one buffer a Put is cheap.
	writeBufferBytes = 256 << 10
)
