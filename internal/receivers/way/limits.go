package way

// readChunk is how much is taken at first for a body of unknown length.
const readChunk = 64 << 10

// errorMessageMax bounds what an answer says: parts of what was sent may be in it.
const errorMessageMax = 1024
