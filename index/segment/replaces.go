package segment

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"clew/index/segment/format"

	"github.com/apache/arrow/go/v15/parquet/metadata"
)

// Replaces reads which segments this one took the place of, from the metadata of its Parquet file. Whoever has lost the commit that said so can tell
// by it that their records are not records of their own. known is false for segments that were written before this was: they don't say.
func (s *Segment) Replaces(ctx context.Context) (ids []string, known bool, err error) {
	value, err := s.ownValue(ctx, format.KeyReplaces)
	if err != nil || value == nil {
		return nil, false, err
	}
	return strings.Fields(*value), true, nil
}

// Samples reads the width of the windows of down-sampled metrics, 0 of all else, and which segments these were made of: likewise for whoever has lost the
// commit that said so.
func (s *Segment) Samples(ctx context.Context) (resolution time.Duration, ids []string, err error) {
	width, err := s.ownValue(ctx, format.KeyResolution)
	if err != nil || width == nil {
		return 0, nil, err
	}
	if resolution, err = time.ParseDuration(*width); err != nil || resolution <= 0 {
		return 0, nil, s.damage(s.parquetName, s.meta.FooterOffset, fmt.Sprintf("resolution %.40q", *width))
	}
	value, err := s.ownValue(ctx, format.KeySamples)
	if err != nil || value == nil {
		return resolution, nil, err
	}
	return resolution, strings.Fields(*value), nil
}

// ownValue reads a key of the Parquet file's own metadata; nil: it is not there.
func (s *Segment) ownValue(ctx context.Context, key string) (*string, error) {
	footer := make([]byte, s.meta.ParquetBytes-s.meta.FooterOffset)
	if err := s.readStore(ctx, s.parquetName, footer, s.meta.FooterOffset); err != nil {
		return nil, err
	}
	if format.Checksum(footer) != s.meta.FooterCRC {
		return nil, s.damage(s.parquetName, s.meta.FooterOffset, "checksum of the footer")
	}
	value, err := footerValue(footer, key)
	if err != nil {
		return nil, s.damage(s.parquetName, s.meta.FooterOffset, err.Error())
	}
	return value, nil
}

// footerValue finds a key of a Parquet file's own metadata; nil: it is not there.
func footerValue(footer []byte, key string) (value *string, err error) {
	// Its checksum was right, but it may have been written with another one on purpose: arrow may panic on what it doesn't like.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("parquet metadata: %v", r)
		}
	}()
	const tail = 4 + len(format.ParquetMagic) // length and magic
	if len(footer) < tail || !bytes.HasSuffix(footer, []byte(format.ParquetMagic)) {
		return nil, fmt.Errorf("does not end as a Parquet file")
	}
	md, err := metadata.NewFileMetaData(footer[:len(footer)-tail], nil)
	if err != nil {
		return nil, fmt.Errorf("parquet metadata: %w", err)
	}
	return md.KeyValueMetadata().FindValue(key), nil
}
