package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"clew/internal/access"
)

// Events gives what is recorded, the newest first: at most limit events of from (inclusive) to to (exclusive), zero for unbounded, whose line contains text
// ("" is any): a name, an address, a path, "allowed":false. It reads the files backwards, one reader at a time, while events go on being recorded.
func (l *Log) Events(text string, from, to time.Time, limit int) ([]access.Event, error) {
	l.reading.Lock()
	defer l.reading.Unlock()
	files, err := l.files()
	defer func() {
		for _, f := range files {
			f.Close() // it was only read
		}
	}()
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	events := []access.Event{}
	for _, f := range files {
		data, err := io.ReadAll(io.LimitReader(f, 2*fileBytesMax))
		if err != nil {
			return nil, fmt.Errorf("audit log: %w", err)
		}
		for len(data) > 0 && len(events) < limit {
			data = bytes.TrimSuffix(data, []byte("\n"))
			i := bytes.LastIndexByte(data, '\n') + 1
			line := data[i:]
			data = data[:i]
			var e access.Event
			if !bytes.Contains(line, []byte(text)) || json.Unmarshal(line, &e) != nil { // a line that a crash has cut
				continue
			}
			if !from.IsZero() && e.Time.Before(from) || !to.IsZero() && !e.Time.Before(to) {
				continue // not the end: clocks are set back
			}
			events = append(events, e)
		}
	}
	return events, nil
}

// files are those of the log, the newest first, opened before the next rotation can rename them.
func (l *Log) files() ([]*os.File, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []*os.File
	for i := range filesMax {
		f, err := os.Open(l.name(i))
		if errors.Is(err, fs.ErrNotExist) {
			continue // a rotation that a crash has cut leaves a gap
		}
		if err != nil {
			return out, err
		}
		out = append(out, f)
	}
	return out, nil
}
