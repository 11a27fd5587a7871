package vocabulary

// Answer says what a predicate makes of all texts of a template.
type Answer uint8

// The answers.
const (
	Never  Answer = 0
	May    Answer = 1 // rebuild the text and test it
	Always Answer = 2
)

// HoleFilter says whether a word with this HashWord may stand inside a non-integer hole. Nil: any may.
type HoleFilter func(wordHash uint64) bool

// Matcher is a predicate over texts. Implementations are immutable and safe for concurrent use.
type Matcher interface {
	// Template answers for all texts of template t, given what may stand in its holes.
	Template(t []byte, holes HoleFilter) Answer
	// Text tests one text. The truth: Template only prunes.
	Text(s []byte) bool
	// Words are the HashWords of words that must all occur in a matching text (empty if none can be named). For filters.
	Words() []uint64
	// String is the canonical form, usable as a cache key.
	String() string
}
