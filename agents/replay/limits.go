package replay

const (
	// headBytesMax is how much of a file's beginning tells it from others; as much as the file consumer takes, by which what it cannot tell apart is the same here.
	headBytesMax = 1000
	// headBytesMin is how much of it two files must have in common for one to be taken for the copy of the other. Shorter ones begin alike by chance.
	headBytesMin = 128
	// filesMax bounds the files that are known; forgotten ones are read twice after a crash at worst.
	filesMax = 4096
)
