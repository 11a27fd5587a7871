package files

// containersMax bounds the names of containers that are kept. Above it the cache begins anew.
const containersMax = 1000
