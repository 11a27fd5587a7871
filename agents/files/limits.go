package files

// containersMax bounds the names of containers that are kept. Above it the cache begins anew.
const containersMax = 1000

// gatherBytes is how much of what a poll reads is gathered before it is handed on: a few thousand lines, which are worth an fsync many times over, and
// little memory beside what a batch of them takes.
const gatherBytes = 512 << 10
