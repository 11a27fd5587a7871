package lent

import (
	"encoding/binary"
	"errors"

	"github.com/prometheus/prometheus/model/labels"
)

// Pack makes a text of labels: of each its name and its value, with their lengths before them as varints.
func Pack(scratch []byte, ls labels.Labels) []byte {
	out := scratch[:0]
	ls.Range(func(l labels.Label) {
		out = append(binary.AppendUvarint(out, uint64(len(l.Name))), l.Name...)
		out = append(binary.AppendUvarint(out, uint64(len(l.Value))), l.Value...)
	})
	return out
}

// ErrLabels says that a text is none that Pack makes.
var ErrLabels = errors.New("labels that are none")

// Unpack is the inverse of Pack. b is memory that is used again.
func Unpack(b *labels.ScratchBuilder, text string) (labels.Labels, error) {
	b.Reset()
	rest := []byte(text)
	next := func() (string, bool) {
		n, used := binary.Uvarint(rest)
		if used <= 0 || n > uint64(len(rest)-used) {
			return "", false
		}
		s := string(rest[used : used+int(n)])
		rest = rest[used+int(n):]
		return s, true
	}
	for len(rest) > 0 {
		name, ok := next()
		if !ok {
			return labels.EmptyLabels(), ErrLabels
		}
		value, ok := next()
		if !ok {
			return labels.EmptyLabels(), ErrLabels
		}
		b.Add(name, value)
	}
	return b.Labels(), nil
}
