package files

import "time"

const (
	// retryAfterMin and retryAfterMax bound the pause before a refused batch is offered again: soon enough that a short stall is not seen, seldom
	// enough that hundreds of waiting files cost nothing.
	retryAfterMin = 20 * time.Millisecond
	retryAfterMax = time.Second
	// containersMax bounds the names of containers that are kept. Above it the cache begins anew.
	containersMax = 1000
)
