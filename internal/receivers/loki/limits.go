package loki

const (
	// streamCost, entryCost and pairCost are about what a stream, an entry and a label or metadata take decoded, beside their texts.
	streamCost = 400
	entryCost  = 300
	pairCost   = 120
)
