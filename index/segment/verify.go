package segment

import (
	"context"
	"fmt"

	"clew/index/segment/format"
)

// Verify reads both objects whole and checks every checksum. For scrubbing, and after copying. The cache is neither asked nor filled.
func (s *Segment) Verify(ctx context.Context) error {
	begin := make([]byte, len(format.ParquetMagic))
	if err := s.readStore(ctx, s.parquetName, begin, 0); err != nil {
		return err
	}
	if string(begin) != format.ParquetMagic {
		return s.damage(s.parquetName, 0, "does not begin as a Parquet file")
	}
	for rg := range s.meta.Groups {
		for leaf := range s.meta.Groups[rg].Chunks {
			c := &s.meta.Groups[rg].Chunks[leaf]
			b := make([]byte, c.Stored())
			if err := s.readStore(ctx, s.parquetName, b, c.Offset); err != nil {
				return err
			}
			if format.Checksum(b[:c.DictionaryStored]) != c.DictionaryCRC && c.DictionaryStored > 0 || format.Checksum(b[c.DictionaryStored:]) != c.DataCRC {
				return s.chunkDamage(leaf, rg, fmt.Errorf("checksum"))
			}
		}
	}
	footer := make([]byte, s.meta.ParquetBytes-s.meta.FooterOffset)
	if err := s.readStore(ctx, s.parquetName, footer, s.meta.FooterOffset); err != nil {
		return err
	}
	if format.Checksum(footer) != s.meta.FooterCRC {
		return s.damage(s.parquetName, s.meta.FooterOffset, "checksum of the footer")
	}
	for i := range s.meta.Sections {
		sec := &s.meta.Sections[i]
		b := make([]byte, sec.Stored)
		if err := s.readStore(ctx, s.indexName, b, sec.Offset); err != nil {
			return err
		}
		if format.Checksum(b) != sec.CRC {
			return s.damage(s.indexName, sec.Offset, "checksum of a section")
		}
	}
	return nil
}
