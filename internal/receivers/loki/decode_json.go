package loki

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"clew/internal/receivers/way"
)

// jsonStream is a stream in either form that clients send. The newer has each value as ["nanoseconds", "line"] or ["nanoseconds", "line", {"name": "value"}].
type jsonStream struct {
	Stream map[string]string `json:"stream"`
	Values []jsonEntry       `json:"values"`
	// The older form.
	Labels  string     `json:"labels"`
	Entries []oldEntry `json:"entries"`
}

// oldEntry is an entry of the older form.
type oldEntry struct {
	At       string `json:"ts"` // RFC 3339
	Line     string `json:"line"`
	Metadata []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"structuredMetadata"`
}

func (o *oldEntry) entry() entry {
	e := entry{line: o.Line, nanos: -1}
	if t, err := time.Parse(time.RFC3339Nano, o.At); err == nil {
		e.nanos = unixNanos(t.Unix(), int64(t.Nanosecond()))
	}
	for _, m := range o.Metadata {
		e.metadata = append(e.metadata, pair{m.Name, m.Value})
	}
	return e
}

type jsonEntry struct{ entry }

// UnmarshalJSON is part of json.Unmarshaler.
func (e *jsonEntry) UnmarshalJSON(data []byte) error {
	var parts []json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil {
		return err
	}
	if len(parts) < 2 || len(parts) > 3 {
		return fmt.Errorf("value of %d elements: want time, line, and perhaps metadata", len(parts))
	}
	var at string
	if err := json.Unmarshal(parts[0], &at); err != nil {
		return fmt.Errorf("time: %w", err)
	}
	nanos, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		nanos = -1 // this entry's own mistake
	}
	e.nanos = nanos
	if err := json.Unmarshal(parts[1], &e.line); err != nil {
		return fmt.Errorf("line: %w", err)
	}
	if len(parts) == 3 {
		var metadata map[string]string
		if err := json.Unmarshal(parts[2], &metadata); err != nil {
			return fmt.Errorf("metadata: %w", err)
		}
		for _, name := range slices.Sorted(maps.Keys(metadata)) {
			e.metadata = append(e.metadata, pair{name, metadata[name]})
		}
	}
	return nil
}

// decodeJSON reads {"streams": [...]}. A value takes ten bytes at least; before decoding, the brackets are counted to know how many there can be.
func decodeJSON(b *builder, body []byte) error {
	objects := int64(bytes.Count(body, []byte{'['}) + bytes.Count(body, []byte{'{'}))
	strings := int64(bytes.Count(body, []byte{'"'})) / 2
	if err := b.x.Take(entryCost*objects + 2*pairCost*strings); err != nil {
		return err
	}
	var request struct {
		Streams []jsonStream `json:"streams"`
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&request); err != nil {
		return way.Malformed("push request at byte %d: %w", d.InputOffset(), err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return way.Malformed("push request: more data after its end at byte %d", d.InputOffset())
	}
	for _, s := range request.Streams {
		labels := make([]pair, 0, len(s.Stream))
		for _, name := range slices.Sorted(maps.Keys(s.Stream)) {
			labels = append(labels, pair{name, s.Stream[name]})
		}
		if len(labels) == 0 && s.Labels != "" {
			labels, _ = parseLabels(s.Labels) // what cannot be parsed is no labels
		}
		if err := b.stream(labels, len(labels) == 0); err != nil {
			return err
		}
		for i := range s.Entries {
			e := s.Entries[i].entry()
			if err := b.entry(&e); err != nil {
				return err
			}
		}
		for i := range s.Values {
			if err := b.entry(&s.Values[i].entry); err != nil {
				return err
			}
		}
	}
	return nil
}
