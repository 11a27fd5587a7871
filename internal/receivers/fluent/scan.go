package fluent

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"clew/internal/receivers/way"
)

// head is what the first bytes of a MessagePack value say.
type head struct {
	kind     kind
	size     int    // of the head itself
	payload  uint64 // bytes that follow
	children uint64 // values that follow
}

type kind uint8

const (
	kindNil kind = iota
	kindFalse
	kindTrue
	kindInt   // the payload, or the head's only byte
	kindUint  // the payload
	kindFloat // the payload: 4 or 8 bytes
	kindText  // str
	kindBytes // bin
	kindExt   // its type, then the payload
	kindArray
	kindMap
)

// headBytes is how many bytes a head takes, by its first.
func headBytes(first byte) int {
	switch first {
	case 0xc4, 0xd9:
		return 2
	case 0xc5, 0xda, 0xdc, 0xde:
		return 3
	case 0xc6, 0xdb, 0xdd, 0xdf:
		return 5
	case 0xc7: // ext: with its type
		return 3
	case 0xc8:
		return 4
	case 0xc9:
		return 6
	case 0xd4, 0xd5, 0xd6, 0xd7, 0xd8:
		return 2
	}
	return 1
}

// headOf reads a head, of which b has headBytes.
func headOf(b []byte) (head, error) {
	first := b[0]
	h := head{size: headBytes(first)}
	length := func(bytes int) uint64 {
		var n uint64
		for _, c := range b[1 : 1+bytes] {
			n = n<<8 | uint64(c)
		}
		return n
	}
	switch {
	case first <= 0x7f || first >= 0xe0:
		h.kind = kindInt
	case first <= 0x8f:
		h.kind, h.children = kindMap, 2*uint64(first&0x0f)
	case first <= 0x9f:
		h.kind, h.children = kindArray, uint64(first&0x0f)
	case first <= 0xbf:
		h.kind, h.payload = kindText, uint64(first&0x1f)
	case first == 0xc0:
		h.kind = kindNil
	case first == 0xc2:
		h.kind = kindFalse
	case first == 0xc3:
		h.kind = kindTrue
	case first >= 0xc4 && first <= 0xc6:
		h.kind, h.payload = kindBytes, length(1<<(first-0xc4))
	case first >= 0xc7 && first <= 0xc9:
		h.kind, h.payload = kindExt, length(1<<(first-0xc7))
	case first == 0xca || first == 0xcb:
		h.kind, h.payload = kindFloat, 4<<(first-0xca)
	case first >= 0xcc && first <= 0xcf:
		h.kind, h.payload = kindUint, 1<<(first-0xcc)
	case first >= 0xd0 && first <= 0xd3:
		h.kind, h.payload = kindInt, 1<<(first-0xd0)
	case first >= 0xd4 && first <= 0xd8:
		h.kind, h.payload = kindExt, 1<<(first-0xd4)
	case first >= 0xd9 && first <= 0xdb:
		h.kind, h.payload = kindText, length(1<<(first-0xd9))
	case first == 0xdc || first == 0xdd:
		h.kind, h.children = kindArray, length(2<<(first-0xdc))
	case first == 0xde || first == 0xdf:
		h.kind, h.children = kindMap, 2*length(2<<(first-0xde))
	default:
		return h, way.Malformed("byte %#x begins no value", first)
	}
	return h, nil
}

// scanner takes one value after the other and knows when the outermost is whole.
type scanner struct {
	open   []uint64 // values that are still to come, of each array or map around the next one
	values int      // in all
}

// add takes a value's head. done says that the outermost value has no more heads.
func (s *scanner) add(h head) (done bool, err error) {
	s.values++
	if n := len(s.open); n > 0 {
		s.open[n-1]--
	}
	if h.children > 0 {
		if h.children > frameBytesMax || len(s.open) >= depthMax {
			return false, &way.Error{Status: 413, Reason: "too_large", Err: fmt.Errorf("%d values, %d deep: want at most %d, %d deep", h.children, len(s.open)+1, frameBytesMax, depthMax)}
		}
		s.open = append(s.open, h.children)
	}
	for len(s.open) > 0 && s.open[len(s.open)-1] == 0 {
		s.open = s.open[:len(s.open)-1]
	}
	return len(s.open) == 0, nil
}

// readFrame reads one whole value of a stream into buf[:0]. It asks ticket before it takes memory, and takes none for what is only announced. io.EOF is
// the end of the stream between two values.
func readFrame(r *bufio.Reader, buf []byte, ticket way.Ticket) (frame []byte, values int, err error) {
	var s scanner
	buf = buf[:0]
	for {
		first, err := r.Peek(1)
		if err != nil {
			if errors.Is(err, io.EOF) && len(buf) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return buf, 0, err
		}
		b, err := r.Peek(headBytes(first[0]))
		if err != nil {
			return buf, 0, noEOF(err)
		}
		h, err := headOf(b)
		if err != nil {
			return buf, 0, err
		}
		done, err := s.add(h)
		if err != nil {
			return buf, 0, err
		}
		if buf, err = grow(r, buf, uint64(h.size)+h.payload, ticket); err != nil {
			return buf, 0, err
		}
		if done {
			return buf, s.values, nil
		}
	}
}

// grow appends n bytes of the stream.
func grow(r io.Reader, buf []byte, n uint64, ticket way.Ticket) ([]byte, error) {
	if uint64(len(buf))+n > frameBytesMax {
		return buf, &way.Error{Status: 413, Reason: "too_large", Err: fmt.Errorf("the message is larger than %d bytes", frameBytesMax)}
	}
	for n > 0 {
		step := int(min(n, readStep))
		if len(buf)+step > cap(buf) {
			bigger := max(2*cap(buf), len(buf)+step)
			if err := ticket.Need(int64(cap(buf) + bigger)); err != nil {
				return buf, err
			}
			buf = append(make([]byte, 0, bigger), buf...)
		}
		if _, err := io.ReadFull(r, buf[len(buf):len(buf)+step]); err != nil {
			return buf, noEOF(err)
		}
		buf = buf[:len(buf)+step]
		n -= uint64(step)
	}
	return buf, nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// scanAll says how many values there are in data, which holds whole values only.
func scanAll(data []byte) (values int, err error) {
	var s scanner
	whole := true
	for len(data) > 0 {
		if len(data) < headBytes(data[0]) {
			return 0, way.Malformed("entries end within a value")
		}
		h, err := headOf(data)
		if err != nil {
			return 0, err
		}
		if whole, err = s.add(h); err != nil {
			return 0, err
		}
		if h.payload > uint64(len(data)-h.size) {
			return 0, way.Malformed("entries end within a value")
		}
		data = data[uint64(h.size)+h.payload:]
	}
	if !whole {
		return 0, way.Malformed("entries end within a value")
	}
	return s.values, nil
}

// bigEndian is a number of 1, 2, 4 or 8 bytes.
func bigEndian(b []byte) uint64 {
	var full [8]byte
	copy(full[8-len(b):], b)
	return binary.BigEndian.Uint64(full[:])
}
