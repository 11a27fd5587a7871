package otlpreceiver

import "sync"

// body is a request's decompressed bytes in a borrowed buffer. pdata copies what it keeps, so the buffer goes back as soon as they are decoded: a
// sender's answer waits for fsync, and bodies of megabytes would wait with it.
type body struct {
	bytes []byte
	loan  *[]byte
}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// newBody is an empty body.
func newBody() *body {
	loan := buffers.Get().(*[]byte)
	return &body{bytes: (*loan)[:0], loan: loan}
}

// giveBack ends the use of bytes. It may be called again.
func (b *body) giveBack() {
	if b.loan == nil {
		return
	}
	if cap(b.bytes) <= pooledBodyMax {
		*b.loan = b.bytes
		buffers.Put(b.loan)
	}
	b.bytes, b.loan = nil, nil
}
