package vocabulary

// Bounds on what a Coder learns and on what its templates may look like.
const (
	// holesMax is how many holes a template has at the most; the rest of a longer text goes into a last HoleRaw. Each hole is a
	// column in a segment, and lines with more variables than this are dumps, where the tail is rarely worth a column.
	holesMax = 24

	// templateBytesMax: a longer template is a document, not a message; it would hardly be met twice. Such texts are kept raw.
	templateBytesMax = 8 << 10

	// textBytesMax: longer texts are kept raw without being looked at.
	textBytesMax = 64 << 10

	// intDigitsMax is how many digits always fit EncodeInt's form, with the mark for leading zeros.
	intDigitsMax = 17
)

// Bounds on vocabularies that do not settle (see runaway).
const (
	// runawayTemplates are the new templates after which it is asked whether they pay: real systems' logs (loghub, 16 systems) bring fewer in
	// their first 2,000 lines, and where one brings more they were met several times each by then.
	runawayTemplates = 2048

	// runawayTexts is how many texts there must have been for each new template. Below it a template costs more (its text twice, a
	// place in the dictionary, a look at each search) than the rows that share it save.
	runawayTexts = 3

	// runawayLook is how many new templates the door lets in when it opens again.
	runawayLook = 256

	// runawaySeen is how many templates that were turned away are remembered (128 KB): one that is met again among so many is worth its place.
	runawaySeen = 16 << 10

	// runawayPause is for how many texts it stays shut the first time, runawayPauseMax at the most: then it is looked again at every
	// twentieth part of a full segment.
	runawayPause    = 4096
	runawayPauseMax = 64 << 10
)

// Bounds on sampling.
const (
	// sampleShare: values are templated if there are so many times fewer templates than values.
	sampleShare = 8
	// sampleTemplateBytes bounds the memory of a sample.
	sampleTemplateBytes = 1 << 20
)

// Bounds on the learning of word holes.
const (
	// slotWordsMin is how many distinct words are seen in one place before that place becomes a HoleWord. Lower, and words that
	// tell messages apart (methods, states) would leave the templates; higher, and every such place costs that many templates.
	slotWordsMin = 50

	// slotCrowd is how many similar templates are a crowd: several places with few words each multiply. slotShrink is how many
	// times fewer it is to become.
	slotCrowd  = 256
	slotShrink = 8

	// slotMembersMax is how many recent templates of one skeleton are compared to find such a place.
	slotMembersMax = 512

	// slotEvery is how many new templates of a skeleton come between two comparisons.
	slotEvery = 16

	// slotPositionsMax: only the first words of a template can become holes (they are bits of a uint64).
	slotPositionsMax = 64

	// slotMasksMax bounds the sets of places learned per skeleton, as each is tried for every new template.
	slotMasksMax = 8

	// slotBytesMax bounds the memory of a Coder's learning; beyond it nothing new is learned.
	slotBytesMax = 16 << 20
)

// Bounds on matching.
const (
	// phraseWordsMax: phrases are matched against templates by their first words only (states are bits of a uint64).
	phraseWordsMax = 63

	// literalStatesMax: longer literals are matched against templates by their first bytes only.
	literalStatesMax = 255

	// regexpInstsMax: larger programs are matched against templates by their literals only.
	regexpInstsMax = 2000

	// FuzzyDistanceMax is the largest edit distance of NewFuzzy: beyond two, short words match nearly everything.
	FuzzyDistanceMax = 2
)
