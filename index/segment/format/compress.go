package format

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Compressor is a zstd encoder of level 1 that is used again and again: making one costs more than compressing a small page.
type Compressor struct{ enc *zstd.Encoder }

// NewCompressor returns a compressor for one goroutine.
func NewCompressor() *Compressor {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false),
		// Columns of codes and hexadecimal ids repeat nothing, and yet have bytes that are more frequent than others.
		zstd.WithAllLitEntropyCompression(true))
	if err != nil {
		panic(fmt.Sprintf("zstd options: %v", err)) // the options are constants
	}
	return &Compressor{enc: enc}
}

// Append appends src compressed.
func (c *Compressor) Append(dst, src []byte) []byte { return c.enc.EncodeAll(src, dst) }

// zstdDecoder is shared: DecodeAll may be called concurrently, and starts no goroutine.
var zstdDecoder = sync.OnceValue(func() *zstd.Decoder {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(ChunkBytesMax))
	if err != nil {
		panic(fmt.Sprintf("zstd options: %v", err)) // the options are constants
	}
	return dec
})

// Decompress returns the raw bytes of src, which must be exactly raw.
func Decompress(src []byte, raw int) ([]byte, error) {
	out, err := zstdDecoder().DecodeAll(src, make([]byte, 0, raw))
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	if len(out) != raw {
		return nil, fmt.Errorf("zstd: %d bytes, want %d", len(out), raw)
	}
	return out, nil
}
