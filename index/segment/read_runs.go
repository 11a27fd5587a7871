package segment

// IntRun implements index.TextRuns.
func (t *textRows) IntRun(first, n, k int) []int64 {
	v := t.ints[k]
	at := v.at(first)
	return v.ints[at : at+n]
}

// BytesRun implements index.TextRuns.
func (t *textRows) BytesRun(first, n, k int) (data []byte, offsets []uint32) {
	v := t.strings[k]
	at := v.at(first)
	return v.data, v.offsets[at : at+n+1]
}
