package journal

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// entry is one record of the journal: its fields, the last one of each name.
type entry map[string]string

// readEntry reads one entry of journalctl's export format: lines of NAME=value, or NAME, a length of 8 bytes and that many bytes for values that
// are not plain text; an empty line ends it. io.EOF is the end between entries.
func readEntry(r *bufio.Reader) (entry, error) {
	e := entry{}
	for {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 && len(e) == 0 {
			return nil, io.EOF
		}
		if errors.Is(err, io.EOF) {
			return nil, io.ErrUnexpectedEOF
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
		text := string(line)
		for errors.Is(err, bufio.ErrBufferFull) {
			line, err = r.ReadSlice('\n')
			if len(text) < fieldBytesMax {
				text += string(line)
			}
		}
		if err != nil {
			return nil, io.ErrUnexpectedEOF
		}
		text = text[:max(0, len(text)-1)]
		if text == "" {
			if len(e) > 0 {
				return e, nil
			}
			continue
		}
		name, value, ok := cutField(text)
		if !ok {
			if value, err = readBinary(r); err != nil {
				return nil, fmt.Errorf("field %.40q: %w", name, err)
			}
		}
		if len(e) < fieldsMax {
			e[name] = value[:min(len(value), fieldBytesMax)]
		}
	}
}

func cutField(text string) (name, value string, ok bool) {
	for i := range len(text) {
		if text[i] == '=' {
			return text[:i], text[i+1:], true
		}
	}
	return text, "", false
}

func readBinary(r *bufio.Reader) (string, error) {
	var size [8]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return "", io.ErrUnexpectedEOF
	}
	n := binary.LittleEndian.Uint64(size[:])
	if n > fieldBytesRefused {
		return "", fmt.Errorf("a value of %d bytes", n)
	}
	data := make([]byte, min(n, fieldBytesMax))
	if _, err := io.ReadFull(r, data); err != nil {
		return "", io.ErrUnexpectedEOF
	}
	if _, err := r.Discard(int(n) - len(data) + 1); err != nil { // and the newline
		return "", io.ErrUnexpectedEOF
	}
	return string(data), nil
}
