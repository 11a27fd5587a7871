package automaton

const (
	// statesMax bounds an automaton: 512 bytes of transitions each. An expression that needs more is left to the regexp package.
	statesMax = 1000
	// instsMax bounds the program that an automaton is made of: each new state walks all of it.
	instsMax = 6000
	// setMax bounds the states that a template's variables are followed with; beyond, nothing is said about them.
	setMax = 64
	// nodesMax bounds what is remembered of one template.
	nodesMax = 4096
)
