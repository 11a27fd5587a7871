package lang

// Bounds on a query. People write dozens of bytes, programs hundreds; these keep hostile ones cheap.
const (
	// queryBytesMax bounds the text. A list of a thousand ids fits.
	queryBytesMax = 64 << 10
	// depthMax bounds nesting of parentheses and negations, as each level is a stack frame in every walk of the tree.
	depthMax = 100
	// leavesMax bounds the leaves, as each is answered over every column vocabulary.
	leavesMax = 1000
	// regexBytesMax bounds a regular expression's text, and so its program.
	regexBytesMax = 4 << 10
)

// FuzzyDistanceMax is the largest edit distance of a fuzzy word: beyond 2 almost any short word matches.
const FuzzyDistanceMax = 2
