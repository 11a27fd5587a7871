package members

// Deletions is what a process says of deletions by query. It decides nothing: requests, and what has been done, are in the object store.
type Deletions struct {
	// Requested are those that were asked of it lately: whoever owns shards looks for them in the store.
	Requested []string `json:"requested,omitempty"`
	// Failing are those that it can't carry out at the moment, and why, by id.
	Failing map[string]string `json:"failing,omitempty"`
}
