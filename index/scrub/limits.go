package scrub

// segmentsAtOnce hides an object store's latency; a directory gains little beyond the cores.
const segmentsAtOnce = 4

// copyBytes is how much of an object is in memory while it is copied: large enough for an object store's latency not to matter.
const copyBytes = 8 << 20
