package replay

const (
	// headBytesMax is how much of a file's beginning tells it from others; as much as the file consumer takes, by which what it cannot tell apart is the same here.
	headBytesMax = 1000
	// headBytesMin is how much of it two files must have in common for one to be taken for the copy of the other. Shorter ones begin alike by chance.
	headBytesMin = 128
	// textBytes is how much of a record must be where it says it is; framingBytes is what may stand before it in its line.
	textBytes    = 128
	framingBytes = 128
	// besideMax bounds the files beside a path among which a rotated one is looked for.
	besideMax = 64
	// filesMax bounds the files that are known; forgotten ones are read twice after a crash at worst.
	filesMax = 4096
	// cursorsMax bounds the cursors in a mark: they take 8 bytes each, and a mark 4 KB. The journal's reader brings 200.
	cursorsMax = 500
)
