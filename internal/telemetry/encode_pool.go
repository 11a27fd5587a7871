package telemetry

import (
	"bytes"
	"sync"
)

// rawBuffers lends the buffers that batches are laid out in before they are compressed.
var rawBuffers bufferPool

type bufferPool struct{ pool sync.Pool }

func (p *bufferPool) get() *bytes.Buffer {
	if b, ok := p.pool.Get().(*bytes.Buffer); ok {
		return b
	}
	return new(bytes.Buffer)
}

func (p *bufferPool) put(b *bytes.Buffer) {
	if b.Cap() <= keptBytesMax {
		b.Reset()
		p.pool.Put(b)
	}
}
