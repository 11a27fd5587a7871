package elastic

const (
	// nestingMax bounds objects and arrays within each other in a document.
	nestingMax = 64

	// itemCost and valueCost are about what a document and a value in it take decoded, beside their texts, with their part of the answer.
	itemCost  = 1200
	valueCost = 200
)
