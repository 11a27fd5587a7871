package otlpreceiver

import (
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"go.opentelemetry.io/collector/config/confighttp"
	"google.golang.org/grpc/encoding"
)

// The content codings of OTLP. Both decoders are pooled: a gzip reader is 40 KB, a zstd one much more. confighttp's own zstd
// decoder and configgrpc's take any window that a frame asks for, up to half a gigabyte for a frame of a few bytes.

var gzipReaders, zstdReaders sync.Pool

// pooled is a decoder that goes back to its pool when closed.
type pooled[T io.Reader] struct {
	reader T
	pool   *sync.Pool
	closed bool
}

func (p *pooled[T]) Read(b []byte) (int, error) {
	if p.closed {
		return 0, io.ErrClosedPipe
	}
	return p.reader.Read(b)
}

func (p *pooled[T]) Close() error {
	if !p.closed {
		p.closed = true
		p.pool.Put(p.reader)
	}
	return nil
}

func newGzipReader(body io.Reader) (io.ReadCloser, error) {
	z, ok := gzipReaders.Get().(*gzip.Reader)
	if !ok {
		z = new(gzip.Reader)
	}
	if err := z.Reset(body); err != nil {
		gzipReaders.Put(z)
		return nil, err
	}
	return &pooled[*gzip.Reader]{reader: z, pool: &gzipReaders}, nil
}

func newZstdReader(body io.Reader) (io.ReadCloser, error) {
	z, ok := zstdReaders.Get().(*zstd.Decoder)
	if !ok {
		var err error
		z, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(decoderWindowMax), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, err
		}
	}
	if err := z.Reset(body); err != nil {
		zstdReaders.Put(z)
		return nil, err
	}
	return &pooled[*zstd.Decoder]{reader: z, pool: &zstdReaders}, nil
}

// httpDecoders are the options that make an HTTP server use them.
func httpDecoders() []confighttp.ToServerOption {
	return []confighttp.ToServerOption{
		confighttp.WithDecoder("gzip", func(body io.ReadCloser) (io.ReadCloser, error) { return newGzipReader(body) }),
		confighttp.WithDecoder("zstd", func(body io.ReadCloser) (io.ReadCloser, error) { return newZstdReader(body) }),
		// A snappy block is not a stream: the protocols that use it decompress it themselves. OTLP has no snappy over HTTP.
		confighttp.WithDecoder("snappy", func(io.ReadCloser) (io.ReadCloser, error) { return nil, nil }),
		confighttp.WithDecoder("identity", func(io.ReadCloser) (io.ReadCloser, error) { return nil, nil }),
	}
}

// boundedZstd is a registered gRPC compressor with a decoder of ours.
type boundedZstd struct{ encoding.Compressor }

func (boundedZstd) Decompress(r io.Reader) (io.Reader, error) {
	z, err := newZstdReader(r)
	if err != nil {
		return nil, err
	}
	return &closeAtEnd{z}, nil
}

// closeAtEnd closes when the content has been read: gRPC does not close decompressors.
type closeAtEnd struct{ io.ReadCloser }

func (c *closeAtEnd) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	if err != nil {
		c.Close()
	}
	return n, err
}

// gRPC knows compressors only by a registry of the process, to be written in init. configgrpc, which this package imports, has
// registered its own by now.
func init() {
	encoding.RegisterCompressor(boundedZstd{encoding.GetCompressor("zstd")})
}
