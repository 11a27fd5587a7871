package rulefile

import "time"

// Bounds on what a file may ask for. Files are written by people; these keep a generated or mistaken one from taking the process.
const (
	// fileBytesMax bounds a file: thousands of rules fit.
	fileBytesMax = 4 << 20
	// aliasesMax bounds how many times aliases may be followed, as they can double a document with every line.
	aliasesMax = 10_000
	// problemsMax is how many problems a file lists: beyond that it is not a rule file.
	problemsMax = 100
	// byMax bounds the fields of by: each multiplies the alerts.
	byMax = 5
	// intervalMin and windowMin are the finest that makes sense: a record takes part of a second from its sender into an answer.
	intervalMin = time.Second
	windowMin   = time.Second
	// windowMax bounds what each evaluation counts over.
	windowMax = 31 * 24 * time.Hour
)
