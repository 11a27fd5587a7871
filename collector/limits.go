package collector

const (
	// bodyBytesMaxLeast and bodyBytesMaxMost bound the setting body_bytes_max: below a mebibyte, ordinary batches of
	// stock exporters would be refused; above a gibibyte, one request could take the memory of a small machine.
	bodyBytesMaxLeast = 1 << 20
	bodyBytesMaxMost  = 1 << 30
)
