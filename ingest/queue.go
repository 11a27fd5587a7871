package ingest

// bySize ranks heads by the generation to be sealed next: the largest frees the most memory.
func bySize(h *head) (int64, bool) {
	g := h.toSeal()
	if g == nil {
		return 0, false
	}
	return g.counted, true
}

// byAge ranks heads by the local segment to be uploaded next: the oldest keeps the log from being trimmed.
func byAge(h *head) (int64, bool) {
	g := h.toUpload()
	if g == nil {
		return 0, false
	}
	return -g.born.UnixNano(), true
}
