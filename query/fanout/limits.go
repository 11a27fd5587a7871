package fanout

import "time"

const (
	// aliveEvery is how often a process that works on a question says so, silenceMax how long it may be silent: the most that a dead process costs a query.
	aliveEvery = 500 * time.Millisecond
	silenceMax = 2 * time.Second
	// suspectFor is how long a process that did not answer is not asked: its segments are read by others at once. One query in that time pays for finding out.
	suspectFor = 3 * time.Second
	// staleRounds is how often a question is asked again because a head had committed more than the version of the catalog knew. A head seals every few seconds at most, and
	// the window is the time of one message.
	staleRounds = 5
	// positionWait is how long the catalog may take to reach what a head has committed.
	positionWait = 5 * time.Second
	// shareRounds is how often what a process did not answer for is given to others.
	shareRounds = 3
	// questionBytesMax bounds a ticket: 26 bytes for each segment, 16 MB for half a million. What asks more segments of one process has to narrow its time.
	questionBytesMax = 16 << 20
	// frameBytes is about how much a message of rows holds, messageBytesMax how much one may: a record's fields are not divided.
	frameBytes      = 4 << 20
	messageBytesMax = 64 << 20
	// answerBytesMax bounds what one process's answer takes here: somewhat more than the records of an answer (engine.Limits.RecordBytes) or the spans of a trace.
	answerBytesMax = 512 << 20
	// rowsInMemory is how many times as much rows take in memory as in columns, about: numbers are as wide as there, and texts get a header of 16 bytes. What a query and all
	// together may gather of other processes' answers is within the engine's limits (engine.Limits.Memory, MemoryTotal).
	rowsInMemory = 2
	// questionsMax is how many questions a process works on at once; the engine's lanes decide which of them runs. Beyond it the caller is told that this one is busy.
	questionsMax = 256
	// pinnedFor is how long a view of a head is kept for another process that does not come back: longer than a query may take. pinsMax is how many are kept: one for each
	// query of PromQL that runs.
	pinnedFor = 2 * time.Minute
	pinsMax   = 4096
	// internedMax is how many texts of a column are kept to be shared by rows of an answer, internedLength how long they may be: chunks and bodies are seldom the same.
	internedMax    = 1 << 16
	internedLength = 48
)
