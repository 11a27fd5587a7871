package faults

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"clew/internal/harness"
)

// Found is what reading everything back gave.
type Found struct {
	Records    int // different ones
	Lost       int // acknowledged and not there
	Duplicated int // there more than once
	Strange    int // there and never sent
}

// ReadBack reads every record through a query process. Nothing is being sent any more.
func (c *Checker) ReadBack(ctx context.Context, p *harness.Process) (f Found, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.HTTP+"/api/v1/export?"+url.Values{"signal": {"logs"}, "query": {everything}}.Encode(), nil)
	if err != nil {
		return f, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return f, fmt.Errorf("read back: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(res.Body)
		return f, fmt.Errorf("read back: %s: %s", res.Status, text)
	}
	seen := make([]uint8, c.next.Load())
	in := bufio.NewReaderSize(res.Body, 1<<20)
	for {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			break
		}
		if err != nil {
			return f, fmt.Errorf("read back: %w", err)
		}
		number, err := numberOf(line)
		if err != nil {
			return f, err
		}
		switch {
		case number < 0 || number >= int64(len(seen)):
			f.Strange++
		case seen[number] == 0:
			seen[number] = 1
			f.Records++
		case seen[number] == 1:
			seen[number] = 2
			f.Duplicated++
		}
	}
	if res.Trailer.Get("Clew-Exported") == "" {
		return f, fmt.Errorf("read back: the export is not whole, after %d records", f.Records)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for number, n := range seen {
		if n == 0 && !c.unacked[int64(number)/batchRecords*batchRecords] {
			f.Lost++
		}
	}
	return f, nil
}

// numberOf finds a record's number in a line of an export.
func numberOf(line []byte) (int64, error) {
	_, rest, ok := bytes.Cut(line, []byte(", record "))
	end := bytes.IndexByte(rest, '"')
	if !ok || end < 0 {
		return 0, fmt.Errorf("read back: a record of another's: %.200s", line)
	}
	return strconv.ParseInt(string(rest[:end]), 10, 64)
}
