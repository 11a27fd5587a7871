package segment

import (
	"context"
	"fmt"
)

// Verify reads both objects whole and checks every checksum. For scrubbing, and after copying. The cache is neither asked nor filled.
func (s *Segment) Verify(ctx context.Context) error {
	begin := make([]byte, len(parquetMagic))
	if err := s.readStore(ctx, s.parquetName, begin, 0); err != nil {
		return err
	}
	if string(begin) != parquetMagic {
		return s.damage(s.parquetName, 0, "does not begin as a Parquet file")
	}
	for rg := range s.meta.groups {
		for leaf := range s.meta.groups[rg].chunks {
			c := &s.meta.groups[rg].chunks[leaf]
			b := make([]byte, c.stored())
			if err := s.readStore(ctx, s.parquetName, b, c.offset); err != nil {
				return err
			}
			if checksum(b[:c.dictionaryStored]) != c.dictionaryCRC && c.dictionaryStored > 0 || checksum(b[c.dictionaryStored:]) != c.dataCRC {
				return s.chunkDamage(leaf, rg, fmt.Errorf("checksum"))
			}
		}
	}
	footer := make([]byte, s.meta.parquetBytes-s.meta.footerOffset)
	if err := s.readStore(ctx, s.parquetName, footer, s.meta.footerOffset); err != nil {
		return err
	}
	if checksum(footer) != s.meta.footerCRC {
		return s.damage(s.parquetName, s.meta.footerOffset, "checksum of the footer")
	}
	for i := range s.meta.sections {
		sec := &s.meta.sections[i]
		b := make([]byte, sec.stored)
		if err := s.readStore(ctx, s.indexName, b, sec.offset); err != nil {
			return err
		}
		if checksum(b) != sec.crc {
			return s.damage(s.indexName, sec.offset, "checksum of a section")
		}
	}
	return nil
}
