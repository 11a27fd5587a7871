package format

// PageInfo is a data page of a chunk that has several.
type PageInfo struct {
	Offset int64 // in the .parquet; only where it is read
	Stored uint32
	Header uint32
	Raw    uint32
	CRC    uint32
}

// Pages reads n pages that begin at an offset.
func (d *Decoder) Pages(n int, offset int64) []PageInfo {
	pages := make([]PageInfo, n)
	for i := range pages {
		p := &pages[i]
		p.Offset = offset
		p.Stored = uint32(d.UpTo(ChunkBytesMax))
		p.Header = uint32(d.UpTo(uint64(p.Stored)))
		p.Raw = uint32(d.UpTo(ChunkBytesMax))
		p.CRC = d.uint32()
		offset += int64(p.Stored)
	}
	return pages
}
